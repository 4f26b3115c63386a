"""One file a version of the tables, applied in order."""
