"""A gate of each kind, to be told."""

import json
from datetime import timedelta

from prober.judge.gate import proven
from prober.model.aims import Aims
from prober.model.gate import Baseline, Because, Gate, Instance, Standing
from prober.publish.gate_document import gate_document
from tests import builders as b
from tests.judge.gates import rounds
from tests.publish import builders as p

BEFORE = Baseline(
    at=b.NOON - timedelta(minutes=5),
    failing=False,
    runs=10,
    instances={"backend": Instance(revision="b1", uptime_seconds=60.0)},
)


def build_gate(letters="+" * 20, because=Because.HELD, **more):
    """A gate of such rounds, the report that of the last."""
    judged = tuple(rounds(letters))
    samples, failures = sum(each in "+-x" for each in letters), sum(each in "-x" for each in letters)
    made = p.broken_report if failures else p.build_report
    given = {
        "id": "g1",
        "chain": "validation",
        "aims": Aims(),
        "began": b.NOON,
        "ended": b.NOON + timedelta(seconds=30),
        "because": because,
        "warming": (),
        "rounds": judged,
        "samples": samples,
        "failures": failures,
        "lower": proven(samples, failures),
        "standing": Standing.UNKNOWN,
        "remarks": (),
        "before": None,
        "report": made(),
    }
    return Gate(**{**given, **more})


def told(gate):
    """Its document, as it comes out of a pipe."""
    return json.loads(json.dumps(gate_document(gate)))
