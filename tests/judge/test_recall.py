"""What is remembered of a run."""

import pytest

from prober.judge.recall import recall_of
from prober.model.chain import Trigger
from prober.model.slot import Grid, Slot
from prober.model.verdict import RunVerdict
from tests.publish import builders as p


def test_what_is_remembered():
    """Its verdict and times, how its steps went, which of them are controls, and which doors were shut."""
    report = p.build_report(id="run-7")
    told = recall_of(report)

    assert ("run-7", "validation", RunVerdict.PASS, True) == (told.run_id, told.chain, told.verdict, told.sample)
    assert (report.run.began, report.run.ended) == (told.began, told.ended)
    assert {result.step.name: True for result in report.run.results} == told.steps
    assert set(told.controls) < set(told.steps)
    assert {control.step: False for control in report.controls} == told.doors != {}
    assert report.facts == told.facts


def test_a_turn_is_as_old_as_its_slot():
    """All instances have its time in common; a run without one is as old as it says itself."""
    slot = Slot(Grid("validation", "main", 30.0, 7.0), 59_000_001)
    by_slot, by_itself = recall_of(p.build_report(slot=slot)), recall_of(p.build_report())

    assert (slot.due, by_itself.began) == (by_slot.turn, by_itself.turn)


@pytest.mark.parametrize("trigger", [Trigger.MANUAL, Trigger.DEPLOY, Trigger.BURST])
def test_a_run_that_was_asked_for_is_no_sample(trigger):
    """Nor are its steps; what it read is remembered all the same."""
    told = recall_of(p.broken_report(trigger=trigger))

    assert (None, {}, RunVerdict.FAIL) == (told.sample, told.steps, told.verdict)
