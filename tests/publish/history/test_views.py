"""What the page asks, of each kind of store."""

from datetime import timedelta

import pytest

from prober.model.facts import Facts
from prober.model.slot import Missed
from prober.publish.history.bars import CauseTime, RevisionMark
from prober.publish.history.entries import Kept
from prober.publish.history.record import Record
from prober.publish.history.views import Stretches
from tests import builders as b
from tests.publish import builders as p
from tests.publish.history.conftest import due, ended, opened, slot

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)


async def keep(store, *reports):
    """Runs that were nobody's turn."""
    await store.write([Kept(location="main", record=Record.of(report)) for report in reports])


def report(number, after, build=p.build_report, **more):
    """A run whose steps began so long after noon."""
    began = b.NOON + after
    given = {"id": f"{number}", "began": began, "ended": began + timedelta(seconds=1), **more}
    made = build(**given)
    results = tuple(
        each if each.observation is None else _at(each, began, 0.01 * (number + 1)) for each in made.run.results
    )
    object.__setattr__(made.run, "results", results)
    return made


def _at(each, began, seconds):
    """The same, seen then."""
    look = b.look(each.observation.seen, began=began, duration_seconds=seconds)
    object.__setattr__(each, "observation", look)
    return each


@pytest.mark.parametrize(
    ("hours", "buckets", "each"), [(2, 8, 15 * MINUTE), (24, 48, 30 * MINUTE), (168, 84, 2 * HOUR)]
)
async def test_bars_tell_what_a_step_came_to(store, hours, buckets, each):
    """By stretch of time: how often which verdict, and how long it took, whichever rows it is counted from."""
    await keep(
        store,
        *(report(number, number * MINUTE) for number in range(3)),
        report(3, 3 * MINUTE, p.broken_report),
        report(4, 61 * MINUTE, p.broken_report),
        report(5, MINUTE, chain="another"),
    )

    until = b.NOON + 2 * HOUR
    bars = [
        bar
        for bar in await store.bars("validation", until - timedelta(hours=hours), until, buckets)
        if bar.step == "messages"
    ]

    together = each > HOUR
    assert [{"pass": 3, "fail": 2 if together else 1}, *([] if together else [{"fail": 1}])] == [
        bar.verdicts for bar in bars
    ]
    assert (each, b.NOON) == (bars[0].until - bars[0].since, bars[0].since)
    assert (0.05 if together else 0.04) == bars[0].longest_seconds
    assert pytest.approx(0.025, rel=0.5) == bars[0].p50_seconds
    assert bars[0].p50_seconds <= bars[0].p95_seconds <= bars[0].longest_seconds


async def test_what_is_outside_is_left_out(store):
    """Before, and from the end on."""
    await keep(store, *(report(number, number * HOUR) for number in range(4)))

    bars = await store.bars("validation", b.NOON + HOUR, b.NOON + 2 * HOUR, 4)

    assert [1] == [bar.verdicts["pass"] for bar in bars if bar.step == "messages"]


def test_over_a_day_bars_are_half_hours():
    """Or several of them, and begin with one, so there may be one more than asked for."""
    began = b.NOON + 10 * MINUTE

    assert Stretches(first=b.NOON.timestamp(), width=1800.0, by_half_hours=True) == Stretches.of(
        began, began + 24 * HOUR, 1440
    )
    assert Stretches(first=began.timestamp(), width=60.0, by_half_hours=False) == Stretches.of(began, began + HOUR, 60)


async def test_causes_are_told_by_half_hours(store):
    """From when until when, and by how many runs."""
    after = (0 * MINUTE, 10 * MINUTE, 40 * MINUTE)
    await keep(store, *(report(number, each, p.broken_report) for number, each in enumerate(after)))

    told = await store.cause_times("validation", b.NOON)

    second = timedelta(seconds=1)
    drift = "jwt_secret_drift"
    assert [
        CauseTime(cause=drift, first=b.NOON + second, last=b.NOON + after[1] + second, runs=2),
        CauseTime(cause=drift, first=b.NOON + after[2] + second, last=b.NOON + after[2] + second, runs=1),
    ] == told
    assert [] == await store.cause_times("validation", b.NOON + HOUR)


async def test_a_revision_that_comes_again_is_marked_again(store):
    """Rolled back is changed too; seen once more is not."""
    for number, revision in enumerate(("r1", "r1", "r2", "r1", "r1")):
        await keep(store, report(number, number * MINUTE, facts=(Facts(service="auth", revision=revision),)))

    marks = await store.revision_marks(b.NOON)

    at = [b.NOON + number * MINUTE + timedelta(seconds=1) for number in (0, 2, 3)]
    assert [
        RevisionMark(location="main", service="auth", revision=revision, at=each)
        for revision, each in zip(("r1", "r2", "r1"), at, strict=True)
    ] == marks
    assert ["r1"] == [mark.revision for mark in await store.revision_marks(b.NOON + 3 * MINUTE)]


async def test_coverage_is_recorded_of_expected(store):
    """Since a moment: gaps are cut there, and what is under way is not decided yet."""
    await store.write(
        [opened(), due(), ended(), due(10), ended(10, missed=Missed.OVERRUN), due(11), ended(11), due(12)]
    )

    (all_of_it,) = await store.coverage("validation", slot(-1).due)
    (lately,) = await store.coverage("validation", slot(5).due)

    assert (12, 2, {"stalled": 9, "overrun": 1}, 1) == (
        all_of_it.expected,
        all_of_it.recorded,
        all_of_it.missed,
        all_of_it.taken,
    )
    assert (1 / 6, {"stalled": 4, "overrun": 1}) == (lately.ratio, lately.missed)
    assert [] == await store.coverage("another", slot().due)


async def test_of_nothing_there_is_no_coverage(store):
    """Nothing was due: neither 0 nor 1."""
    await store.write([opened()])

    (told,) = await store.coverage("validation", slot().due)

    assert (0, None) == (told.expected, told.ratio)


async def test_a_bar_leads_to_the_run_that_matters(store):
    """The last in which the step failed; where none did, the last that looked; none of another time, step or chain."""
    await keep(
        store,
        report(0, MINUTE),
        report(1, 2 * MINUTE, p.broken_report),
        report(2, 3 * MINUTE, p.broken_report),
        report(3, 4 * MINUTE),
        report(4, 5 * MINUTE, p.broken_report, chain="another"),
    )
    asked = [("messages", 0, 60), ("mint", 0, 60), ("messages", 0, 2), ("messages", 10, 60), ("nothing", 0, 60)]

    assert ["2", "3", "0", None, None] == [
        await store.run_at("validation", step, b.NOON + since * MINUTE, b.NOON + until * MINUTE)
        for step, since, until in asked
    ]
