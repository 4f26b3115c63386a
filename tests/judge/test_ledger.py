"""Tests of prober/judge/ledger.py."""

from datetime import timedelta
from statistics import fmean

from hypothesis import given
from hypothesis import strategies as st

from prober.judge.ledger import phase, skipped, slot_at
from tests.builders import NOON


def test_phases_spread_evenly_and_stay():
    """Names spread chains over the interval, the same way after every restart."""
    phases = [phase(f"chain-{number}", 30) for number in range(400)]

    assert phases == [phase(f"chain-{number}", 30) for number in range(400)]
    assert 13 < fmean(phases) < 17
    assert 0 <= min(phases) < 1
    assert 29 < max(phases) < 30


@given(st.integers(0, 10**6), st.floats(-0.009, 4.9), st.sampled_from([5.0, 30.0, 60.0]))
def test_a_tick_takes_the_slot_that_was_due_last(sequence, late, interval):
    """A hair early or almost an interval late, a tick takes its own slot and not the next one's."""
    due = slot_at("login", interval, NOON).due + timedelta(seconds=sequence * interval)
    slot = slot_at("login", interval, due + timedelta(seconds=late))

    assert abs((slot.due - due).total_seconds()) < 1e-3


def test_what_was_passed_over_is_counted():
    """Between two slots taken, every slot in between was due and missed; the first ever misses none."""
    first = slot_at("login", 30, NOON)
    later = slot_at("login", 30, NOON + timedelta(seconds=30 * 5))

    assert (0, 4, 0) == (skipped(None, first), skipped(first, later), skipped(later, first))
