"""Tests of prober/publish/gate_document.py."""

import json

from prober.model.gate import Because, Standing
from prober.publish.gate_document import gate_document
from tests.publish.gates import BEFORE, build_gate


def test_the_names_that_pipelines_rely_on():
    """Argo reads successRatio, Flagger ok, people the sentence."""
    told = gate_document(build_gate("--", Because.SAME_STEP, standing=Standing.REGRESSION, before=BEFORE))

    assert (told["schema"], told["ok"], told["verdict"], told["because"]) == (1, False, "fail", "same_step")
    assert (told["successRatio"], told["samples"], told["failures"], told["lowerBound"]) == (0.0, 2, 2, 0.0)
    assert told["standing"] == "regression"
    assert told["diagnosis"]["causes"][0]["name"] == "jwt_secret_drift"
    assert told["before"]["instances"]["backend"] == {"revision": "b1", "uptimeSeconds": 60.0}
    assert [each["failed"] for each in told["rounds"]] == [["messages"], ["messages"]]
    assert json.loads(json.dumps(told)) == told


def test_without_a_judged_round_the_ratio_is_unknown():
    """Not zero, and not one."""
    told = gate_document(build_gate("bbb", Because.BLIND))

    assert (told["successRatio"], told["samples"], told["ok"], told["verdict"]) == (None, 0, False, "inconclusive")
