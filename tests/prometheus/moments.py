"""What the two stagings live through, and how Prometheus shows that each state is reached."""

from prober.lab.faults import Fault

#: Another revision of the backend than the one that was announced.
DEPLOYED = Fault("deployed", "revision", "the backend has another revision", backend={"revision": "fff0000"})

#: How the two are broken, at once, so that everything that can be seen and told is.
FAULTS = {"real": ("jwt_secret_drift", DEPLOYED), "reports": ("service_credentials_missing",)}

#: Both were seen to come to a turn and to end one, and Prometheus no longer misses who had yet to be scraped.
WELL = """
count(
  increase(prober_chain_runs_total{chain="validation", trigger="schedule", verdict="pass"}[30s]) > 0
  and on (instance) increase(prober_slots_expected_total{chain="validation"}[30s]) > 0
  and on (instance) increase(prober_slots_recorded_total{chain="validation"}[30s]) > 0
) == 2
and on () absent(ALERTS)
"""

#: Both name their cause, and failed at least twice: of series that are born with a failure, the first is no increase.
BROKEN = """
count(prober_chain_up{chain="validation"} == 0) == 2
and on () prober_diagnosis_active{dialect="real", chain="validation", cause="jwt_secret_drift"} == 1
and on () prober_diagnosis_active{dialect="reports", chain="validation", cause="service_credentials_missing"} == 1
and on () count(count by (dialect) (increase(prober_step_failures_total{chain="validation"}[30s]) > 0)) == 2
and on () count(count by (dialect) (increase(prober_diagnoses_total{chain="validation"}[30s]) > 0)) == 2
"""

HEALED = 'count(prober_chain_up{chain="validation"} == 1) == 2'

#: A turn begins at most five seconds after the lab has changed, takes about one, and is scraped within another; and
#: Prometheus answers for the last thirty.
SOON = 60.0

#: What somebody has to be told while all is broken; when staging is healed, the first two are taken back at once.
ALERTS = (
    {"alertname": "ProberSecretMismatch", "secret": "jwt", "left": "auth", "right": "backend"},
    {"alertname": "ProberRootCause", "chain": "validation", "cause": "jwt_secret_drift"},
    {"alertname": "ProberForbidden", "chain": "validation", "service": "backend"},
    {"alertname": "ProberWebSocketPolicyClose", "chain": "validation", "service": "backend"},
)
