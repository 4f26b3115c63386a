"""What is kept of a run: everything other programs see, and what a restart needs, in little room."""

from datetime import timedelta

import pytest

from prober.judge.recall import recall_of
from prober.model.chain import Trigger
from prober.model.facts import Facts
from prober.model.slot import Grid, Slot
from prober.model.trouble import TroubleKind, Whose
from prober.model.verdict import Reason, Verdict
from prober.publish.document import document
from prober.publish.history.record import Record, recalled, unpacked
from tests import builders as b
from tests.publish import builders as p

BLIND = p.result(p.MESSAGES, b.trouble(TroubleKind.OWN_SECRET, Whose.PROBER), Verdict.BLIND, reason=Reason.OWN_SECRET)
FACTS = (Facts(service="auth", revision="r7", uptime_seconds=4.5, certificate_not_after=b.NOON),)


@pytest.mark.parametrize(
    "report",
    [
        p.build_report(),
        p.broken_report(),
        p.build_report(BLIND),
        p.build_report(facts=FACTS),
        p.build_report(slot=Slot(Grid("validation", "main", 30.0, 7.1), 59_000_001)),
    ],
    ids=["healthy", "diagnosed", "blind", "certificate", "of a slot"],
)
def test_the_document_and_what_is_remembered_come_back(report):
    """Nothing is lost on the way."""
    record = Record.of(report)
    known = {
        name: getattr(record, name) for name in ("run_id", "chain", "trigger", "verdict", "began", "ended", "sample")
    }

    assert document(report)["run"]["id"] == unpacked(record.document)["run"]["id"]
    assert document(report)["diagnosis"] == unpacked(record.document)["diagnosis"]
    assert recall_of(report) == recalled(record.recall, **known)


def test_its_rows_say_how_each_step_ended():
    """When it was looked at and how long that took, where it was looked at at all."""
    record = Record.of(p.broken_report())
    rows = {row.step: row for row in record.steps}

    assert ("fail", "backend") == (rows["messages"].verdict, rows["messages"].service)
    assert rows["messages"].duration_seconds > 0
    assert "skip" == rows["messages-refuses-no-token"].verdict
    assert [("jwt_secret_drift", "high")] == list(record.causes)
    assert {"auth": "abc1234"} == record.revisions


@pytest.mark.parametrize(
    ("report", "sample", "steps"),
    [
        (p.build_report(), True, True),
        (p.broken_report(), False, True),
        (p.build_report(BLIND), None, False),
        (p.broken_report(trigger=Trigger.MANUAL), None, False),
    ],
    ids=["pass", "fail", "blind", "asked for"],
)
def test_what_is_a_sample(report, sample, steps):
    """Scheduled turns that could tell; each of their steps likewise."""
    told = recall_of(report)

    assert (sample, steps) == (told.sample, bool(told.steps))
    assert sample is Record.of(report).sample


def test_it_is_small():
    """A few thousand bytes."""
    record = Record.of(p.broken_report(ended=b.NOON + timedelta(days=1)))

    assert len(record.document) + len(record.recall) < 6000
