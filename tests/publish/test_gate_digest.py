"""Tests of prober/publish/gate_digest.py."""

import pytest

from prober.model.gate import Because, GateVerdict
from prober.model.verdict import Verdict
from prober.publish import gate_digest
from prober.publish.document import document
from prober.publish.gate_digest import Finding, Tally
from tests.publish import builders as p
from tests.publish.gates import build_gate, told


def test_steps_that_tell_the_same_are_one_finding():
    """Nine lines that differ by a name alone hide the one that tells more."""
    report = document(p.with_detail(p.broken_report(), "403 Forbidden"))

    assert gate_digest.findings(report, Verdict.FAIL) == [
        Finding("403 Forbidden", ("messages", "websocket", "secret-match"))
    ]


def test_an_open_door_comes_first():
    """Whatever else failed."""
    report = document(p.broken_report())
    report["steps"][-1]["reason"] = "accepted"

    assert gate_digest.findings(report, Verdict.FAIL)[0].steps == (report["steps"][-1]["name"],)


def test_every_step_is_in_the_tally():
    """By service, in the order of the chain."""
    assert gate_digest.tallies(document(p.broken_report())) == [
        Tally("auth", {Verdict.PASS: 2, Verdict.FAIL: 1}),
        Tally("backend", {Verdict.FAIL: 2, Verdict.SKIP: 2}),
    ]


def test_advice_ends_at_the_manual():
    """What to do, in order, and how to see that it helped."""
    labels = [label for label, _ in gate_digest.advice(document(p.broken_report()))]

    assert labels == ["remedy", "", "verify", "more"]


def test_of_causes_that_are_not_certain_each_has_its_first_remedy():
    """Either this or that."""
    report = document(p.broken_report())
    cause = report["diagnosis"]["causes"][0]
    report["diagnosis"]["causes"] = [{**cause, "confidence": "low"}, {**cause, "name": "b", "confidence": "low"}]
    rows = dict(gate_digest.advice(report))

    assert rows["either"].startswith("jwt_secret_drift → Make JWT_SECRET")
    assert rows["or"].startswith("b → ")


@pytest.mark.parametrize(
    ("because", "code"),
    [
        (Because.HELD, 0),
        (Because.SAME_STEP, 1),
        (Because.FAIL_OPEN, 1),
        (Because.UNDECIDED, 4),
        (Because.NOT_DEPLOYED, 4),
        (Because.BLIND, 3),
    ],
)
def test_every_verdict_has_its_exit_code(because, code):
    """Our own fault is no lack of evidence."""
    assert gate_digest.exit_code(told(build_gate("+-", because))) == code
    assert set(GateVerdict) == gate_digest._EXIT_CODES.keys()
