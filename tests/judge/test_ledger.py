"""Tests of prober/judge/ledger.py."""

from datetime import timedelta
from statistics import fmean

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prober.judge.ledger import Instant, advance, ahead, grid_of, phase, slot_at, why_passed_over
from prober.model.slot import Grid, Missed
from tests import builders as b
from tests.builders import NOON


def a_grid(interval=30.0):
    """The grid of a chain called login."""
    return grid_of(b.chain(name="login", interval_seconds=interval), "main")


def later(seconds):
    """So long after noon."""
    return NOON + timedelta(seconds=seconds)


def test_phases_spread_evenly_and_stay():
    """Names spread chains over the interval, the same way after every restart."""
    phases = [phase(f"chain-{number}", 30) for number in range(400)]

    assert phases == [phase(f"chain-{number}", 30) for number in range(400)]
    assert 13 < fmean(phases) < 17
    assert 0 <= min(phases) < 1
    assert 29 < max(phases) < 30


def test_a_chain_has_a_grid_for_each_place_and_interval():
    """Its slots have numbers of their own there."""
    assert Grid("login", "main", 30.0, phase("login", 30)) == a_grid()
    assert a_grid() != a_grid(60.0)


@given(st.integers(0, 10**6), st.floats(-0.009, 4.9), st.sampled_from([5.0, 30.0, 60.0]))
def test_a_tick_takes_the_slot_that_was_due_last(sequence, late, interval):
    """A hair early or almost an interval late, a tick takes its own slot and not the next one's."""
    first = slot_at(a_grid(interval), NOON)
    due = first.grid.due(first.sequence + sequence)

    assert first.sequence + sequence == slot_at(a_grid(interval), due + timedelta(seconds=late)).sequence


# ── time ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_time_goes_with_the_wall_clock():
    """As long as that goes as the stopwatch does."""
    assert Instant(later(30), 130.0) == advance(Instant(NOON, 100.0), later(30), 130.0)


def test_a_clock_set_ahead_is_followed_and_told():
    """Slots it jumped over did not vanish: they were due."""
    assert Instant(later(3630), 130.0, jumped=True) == advance(Instant(NOON, 100.0), later(3630), 130.0)


@pytest.mark.parametrize("back", [7, 3600, 86400])
def test_a_clock_set_back_is_not_followed(back):
    """Time goes on by the stopwatch, so that no slot comes round again and none waits for an hour."""
    instant = advance(Instant(NOON, 100.0), later(30 - back), 130.0)

    assert (29.9, False) == (pytest.approx((instant.at - NOON).total_seconds(), abs=0.11), instant.jumped)


def test_a_drift_is_given_back():
    """A stopwatch that runs ahead of the wall clock by 50 millionths never gets far."""
    instant, apart = Instant(NOON, 0.0), []
    for minute in range(1, 60 * 24 * 30):
        instant = advance(instant, later(minute * 60), minute * 60 * 1.00005)
        apart.append((instant.at - later(minute * 60)).total_seconds())

    assert 0 <= min(apart)
    assert max(apart) < 0.01


@given(st.lists(st.tuples(st.floats(-90000, 90000), st.floats(0, 600)), max_size=30))
def test_time_never_goes_back(steps):
    """Whatever the wall clock does."""
    instants, wall, stopwatch = [Instant(NOON, 0.0)], NOON, 0.0
    for step, elapsed in steps:
        wall, stopwatch = wall + timedelta(seconds=step + elapsed), stopwatch + elapsed
        instants.append(advance(instants[-1], wall, stopwatch))

    assert instants == sorted(instants, key=lambda instant: instant.at)


@pytest.mark.parametrize(
    ("jumped", "first", "why"),
    [
        (False, True, Missed.PROCESS_DOWN),
        (True, True, Missed.PROCESS_DOWN),
        (True, False, Missed.CLOCK_STEP),
        (False, False, Missed.STALLED),
    ],
)
def test_why_slots_were_passed_over(jumped, first, why):
    """Before we began nobody was there; after that the clock was set, or we stood still."""
    assert why is why_passed_over(jumped=jumped, first=first)


# ── a clock elsewhere ────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_clock_elsewhere_was_read_half_way():
    """Between asking and the answer, nobody knows when."""
    assert b.NOON.timestamp() - 101.0 == ahead(None, b.NOON, 100.0, 102.0)


@pytest.mark.parametrize(
    ("before", "after"), [(-101.9, -101.9), (-100.1, -100.1), (-103.0, -102.0), (-99.0, -100.0), (300.0, -100.0)]
)
def test_what_was_held_stands_as_long_as_it_can_be_true(before, after):
    """A slow answer moves no time; what it disproves is moved as little as may be."""
    noon = b.NOON.timestamp()

    assert noon + after == ahead(noon + before, b.NOON, 100.0, 102.0)
