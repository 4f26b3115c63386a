"""`probes.yaml` BECOMES A PLAN, OR A COMPLETE LIST OF COMPLAINTS: read → fill in variables → shape → sense → Plan."""
