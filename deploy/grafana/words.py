"""What values are called and painted, and where links lead."""

from deploy.grafana.kit import BAD, DOUBT, GOOD, OURS, WORST

ANSWERS = {1: ("PASS", GOOD), 0: ("FAIL", BAD), -1: ("no answer", OURS)}
SAYINGS = {1: ("below", BAD), 0: ("too few samples", DOUBT), -1: ("holds", GOOD)}
OPEN = {0: ("refuses", GOOD), 1: ("OPEN", WORST)}
SAME = {1: ("same", GOOD), 0: ("DIFFERENT", BAD)}
ACTIVE = {0: ("not named", "transparent"), 1: ("named", BAD)}
ALARMS = {0: ("good", GOOD), 1: ("pending", DOUBT), 2: ("FIRING", BAD)}
WORKS = {1: ("works", GOOD), 0: ("BROKEN", WORST)}

ZERO_IS_GOOD = ((None, GOOD), (0.5, BAD))

RUNS_OF_CHAIN = ("its last reports", "${prober}/api/v1/runs?chain=${__field.labels.chain}&limit=10")
PAGE = ("the prober's page", "${prober}/")
LEGEND = "{{environment}} {{chain}}"
