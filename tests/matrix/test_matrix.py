"""The matrix has all seventy faults; its short form plays some of each kind, one after another, to a real prober."""

import random
import re
from pathlib import Path

import pytest

from prober.lab.world import World
from tests.matrix.__main__ import Tally
from tests.matrix.expecting import Expected, Seen, overruns, unclassified
from tests.matrix.house import fronts
from tests.matrix.ours import FAULTS as OURS
from tests.matrix.page import table
from tests.matrix.row import FAMILIES
from tests.matrix.scene import Findings, Scene
from tests.matrix.table import FAULTS

PAGE = Path(__file__).parents[2] / "docs" / "faults.md"

#: One of each kind: a port, an answer, the lab's settings, a cut socket, headers, a flood, a resolver of ours.
SHORT = (1, 8, 15, 18, 33, 34, 42)


# ── the table ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_it_has_all_seventy():
    """Each once, in order, each of its family."""
    assert list(range(1, 71)) == [fault.number for fault in FAULTS]
    assert list("T" * 40 + "N" * 11 + "S" * 7 + "C" * 4 + "P" * 8) == [fault.family for fault in FAULTS]
    assert set(FAMILIES) == {fault.family for fault in FAULTS}


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: str(fault.number))
def test_each_says_what_it_is(fault):
    """A name, how it is brought about, what is expected, and who plays it."""
    assert all((fault.name, fault.mechanism, fault.expects, callable(fault.play)))


def test_what_is_ours_may_not_be_booked_on_a_target():
    """The store, the clock and the process; and of the network a resolver of ours, and where we refuse to go."""
    assert {42, 43, *range(52, 71)} == {fault.number for fault in FAULTS if fault.is_ours}
    assert all("fail" not in act.expected.run for fault in FAULTS if fault.is_ours for act in fault.acts)
    assert list(OURS) == list(FAULTS[51:])


def test_each_at_the_target_expects_a_step_or_a_run():
    """No act is met by whatever comes."""
    acts = [act for fault in FAULTS for act in fault.acts]

    assert [] == [act for act in acts if not act.expected.steps and act.expected.run == ("fail",)]
    assert len(acts) >= 51


def test_the_page_has_the_table():
    """What the page tells is what is played."""
    written = re.sub(r"\n{2,}", "\n\n", PAGE.read_text(encoding="utf-8"))

    assert table(FAULTS) in written


# ── whether what was seen is what was expected ───────────────────────────────────────────────────────────────────────


def step(**more):
    """A step of a report, well unless told otherwise."""
    told = {"name": "messages", "verdict": "pass", "reason": "ok", "status": 200, "closeCode": None, "stage": None}
    return {**told, "detail": "200 OK", "durationSeconds": 0.5, "followUp": False, **more}


def report(*steps, verdict="pass", causes=()):
    """A report of these steps."""
    run = {"verdict": verdict, "started": "2026-11-22T12:00:00.000Z", "ended": "2026-11-22T12:00:03.000Z"}
    return {"run": run, "steps": list(steps), "diagnosis": {"causes": [{"name": name} for name in causes]}}


SEEN = Seen(step="messages", reason="status", status=503)


@pytest.mark.parametrize(
    ("told", "met"),
    [
        (report(step(verdict="fail", reason="status", status=503), verdict="fail"), True),
        (report(step(verdict="fail", reason="status", status=500), verdict="fail"), False),
        (report(step(verdict="blind", reason="status", status=503), verdict="fail"), False),
        (report(step(verdict="fail", reason="status", status=503), verdict="blind"), False),
        (report(step(name="another"), verdict="fail"), False),
    ],
)
def test_what_differs_is_told(told, met):
    """In run, verdict, reason or status; and a step that is not there."""
    assert met is (Expected(steps=(SEEN,)).unmet(told) == [])


def test_a_cause_too_many_is_as_wrong_as_one_too_few():
    """Unless the diagnosis is not asked."""
    named = report(verdict="fail", causes=["auth_down"])

    assert [] == Expected(causes=frozenset({"auth_down"})).uncaused(named) == Expected(causes=None).uncaused(named)
    assert Expected().uncaused(named)
    assert Expected(causes=frozenset({"auth_down", "backend_down"})).uncaused(named)


def test_each_step_has_one_classified_result():
    """None is missing, none is there twice, none is of a verdict that does not exist."""
    assert [] == unclassified(report(step()), ["messages"])
    assert unclassified(report(), ["messages"])
    assert unclassified(report(step(), step()), ["messages"])
    assert unclassified(report(step(verdict="odd")), ["messages"])


def test_a_deadline_is_outlived_by_so_much():
    """Of each step, and of the run."""
    assert [-0.25, -2.0] == list(overruns(report(step()), {"messages": 0.75}, 5.0))


@pytest.mark.parametrize(
    "found",
    [
        Findings(is_whole=True, is_classified=True, wrong=["x"]),
        Findings(is_whole=True, is_classified=True, hits=["x"]),
        Findings(is_whole=True, is_classified=True, booked=["x"]),
        Findings(is_whole=True, is_classified=True, not_done="no root"),
        Findings(is_whole=True),
        Findings(is_classified=True),
    ],
)
def test_nothing_is_green_that_is_not(found):
    """One thing wrong, or not done, and the matrix is not well; nor is it while one is missing."""
    well = Findings(is_whole=True, is_classified=True)

    assert not Tally(FAULTS[:1], {1: found}).is_well
    assert not Tally(FAULTS[:2], {1: well}).is_well
    assert Tally(FAULTS[:1], {1: well}).is_well


# ── some of it ───────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.timeout(120)
async def test_some_of_each_kind(tmp_path):
    """One after the other befalls one prober: classified, in time, the ledger whole, small, no secret told."""
    faults = [fault for fault in FAULTS if fault.number in SHORT]
    async with World() as world, fronts(world) as (auth, backend):
        scene = Scene(tmp_path / "house", world, auth, backend, random.Random(1))
        for act in (act for fault in faults for act in fault.acts):
            act.prepare(scene)
        await scene.furnish()
        async with scene.living() as life:
            await scene.well(life)
            baseline = await scene.begins(life)
            for fault in faults:
                scene.is_ours = fault.is_ours
                async with fault.acts[0].befalls(scene):
                    await scene.looks(life, fault.acts[0].expected, rounds=1)
            scene.is_ours = False
            await scene.well(life)
            await scene.reckon(life, baseline)

    assert [] == scene.found.wrong
    assert scene.found.is_well
    assert {"fail": len(SHORT) - 1, "blind": 1} == scene.found.runs
