"""Tests of prober/judge/window.py."""

import random
from datetime import timedelta

import pytest

from prober.judge.window import WINDOWS, Tally, including, wilson, window
from tests.builders import NOON


def counts(tally, at):
    """Samples and successes by window."""
    return {w.name: (w.samples, w.successes) for w in tally.windows(at)}


@pytest.mark.parametrize(
    ("successes", "samples", "expected"),
    [
        (0, 0, (0.0, 1.0)),
        (20, 20, (0.839, 1.0)),
        (59, 59, (0.939, 1.0)),
        (62, 100, (0.522, 0.709)),
        (0, 10, (0.0, 0.278)),
    ],
)
def test_wilson_bounds(successes, samples, expected):
    """The bounds are those of the score interval; without samples everything is possible."""
    low, high = wilson(successes, samples)

    assert expected == (pytest.approx(low, abs=0.001), pytest.approx(high, abs=0.001))


def test_without_samples_the_ratio_is_unknown_not_zero():
    """No data is not failure."""
    assert window("5m", 0, 0).ratio is None


def test_a_tally_counts_every_window_at_once():
    """A sample from ten minutes ago is in the quarter hour and no longer in the five minutes."""
    tally = Tally()
    tally.add(NOON, success=False)
    tally.add(NOON + timedelta(minutes=10), success=True)

    assert {"5m": (1, 1), "15m": (2, 1), "1h": (2, 1), "6h": (2, 1)} == counts(tally, NOON + timedelta(minutes=10))


def test_a_tally_forgets():
    """After the longest window nothing is left, and memory is bounded by buckets."""
    tally = Tally()
    for second in range(5000):
        tally.add(NOON + timedelta(seconds=second), success=True)

    assert dict.fromkeys(WINDOWS, (0, 0)) == counts(tally, NOON + timedelta(hours=8))


@pytest.mark.parametrize("seed", range(5))
def test_a_window_counts_what_lies_within_it(seed):
    """Whatever comes when, late or not: all of the last sixty buckets, and nothing else."""
    chance = random.Random(seed)
    tally, came, now = Tally(), [], 0.0
    for _ in range(300):
        now += chance.choice((0.0, 1.0, 40.0, 400.0, 4000.0))
        at, success, late = now, chance.random() < 0.8, chance.random() < 0.3
        at -= chance.choice((0.0, 100.0, 1000.0, 10_000.0)) if late else 0.0
        (tally.add_late if late else tally.add)(NOON + timedelta(seconds=at), success=success)
        came.append((at, success))

    expected = {}
    for name, seconds in WINDOWS.items():
        width, noon = seconds / 60, NOON.timestamp()
        within = [ok for at, ok in came if (noon + at) // width > (noon + now) // width - 60]
        expected[name] = len(within), sum(within)
    assert expected == counts(tally, NOON + timedelta(seconds=now))


def test_a_clock_that_steps_back_loses_no_sample():
    """Time going backwards adds to the newest bucket."""
    tally = Tally()
    tally.add(NOON, success=True)
    tally.add(NOON - timedelta(hours=1), success=True)

    assert (2, 2) == counts(tally, NOON)["5m"]


def test_including_adds_the_present_run():
    """A counted run adds a sample to each window; one that counts for neither side adds none."""
    past = Tally().windows(NOON)

    assert [(1, 1)] * 4 == [(w.samples, w.successes) for w in including(past, success=True)]
    assert [(1, 0)] * 4 == [(w.samples, w.successes) for w in including((), success=False)]
    assert past == including(past, success=None)


@pytest.mark.parametrize("success", [True, False])
def test_a_clock_that_stands_still_loses_no_sample(success):
    """However many fall into one bucket; and they are gone when its time has come round."""
    tally = Tally()
    for _ in range(1000):
        tally.add(NOON, success=success)
    then, later = tally.windows(NOON), tally.windows(NOON + timedelta(hours=7))

    assert {(1000, 1000 * success)} == {(each.samples, each.successes) for each in then}
    assert {(0, 0)} == {(each.samples, each.successes) for each in later}
