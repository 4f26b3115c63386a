import json
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prober.judge.samples import Samples, samples_of
from prober.model.alarm import SPANS, Counts
from tests.builders import NOON

INTERVAL = 30.0


def sampled(turns, interval=INTERVAL, late=lambda _number: 0.0):
    """Samples of turns on the grid: P, F, or anything else for a gap."""
    samples = Samples(interval)
    for number, turn in enumerate(turns):
        at = NOON + timedelta(seconds=number * interval + late(number))
        samples.turn_to(at)
        if turn in "PF":
            samples.add(at, failed=turn == "F")
    return samples


@pytest.mark.parametrize("interval", [5.0, 30.0, 600.0])
def test_spans_are_counted_in_turns_at_any_interval(interval):
    """The last 10, 30, 120 and 720, whether that is a minute or five days."""
    counts = sampled("F" * 1000 + "P" * 20, interval).counts()

    assert (Counts(10, 0), Counts(30, 10), Counts(120, 100), Counts(720, 700)) == counts


def test_a_turn_that_begins_late_is_still_one_turn():
    """Jitter of up to half an interval moves no turn into or out of a span."""
    counts = sampled("F" * 100, late=lambda number: 0.0 if number % 3 else 14.0).counts()

    assert {10, 30} == {count.samples for count in counts[:2]} == {count.failures for count in counts[:2]}


def test_what_was_not_seen_leaves_a_gap():
    """Nothing older moves up for a turn that was missed or blind."""
    counts = sampled("F" * 30 + "-" * 6 + "PPPP").counts()

    assert (Counts(4, 0), Counts(24, 20)) == counts[:2]


def test_time_alone_empties_every_span():
    """Old samples say nothing of now."""
    samples = sampled("F" * 720)
    samples.turn_to(NOON + timedelta(days=2))

    assert (Counts(0, 0),) * 4 == samples.counts()


def test_a_clock_that_ran_ahead_and_was_set_right_harms_little():
    """Turns are never counted beyond a span's size, however long the clock stands."""
    samples = sampled("P" * 100)
    samples.add(NOON + timedelta(days=1), failed=True)
    for number in range(1000):
        samples.add(NOON + timedelta(seconds=number * INTERVAL), failed=False)

    assert tuple(Counts(slots, 0) for slots in SPANS) == samples.counts()


def test_what_is_only_heard_of_now_counts_where_it_belongs():
    """Neither among the last turns, nor in a span that begins after it."""
    samples = sampled("P" * 200)
    for number in (185, 100, 100.25):
        samples.add(NOON + timedelta(seconds=number * INTERVAL), failed=True, late=True)
    counts = samples.counts()
    samples.turn_to(NOON + timedelta(seconds=214 * INTERVAL))

    assert (Counts(10, 0), Counts(30, 1), Counts(120, 3), Counts(203, 3)) == counts
    assert 1 == samples.counts()[1].failures
    samples.turn_to(NOON + timedelta(seconds=215 * INTERVAL))
    assert 0 == samples.counts()[1].failures


def test_what_is_too_old_to_count_does_not():
    """However late it is heard of."""
    samples = sampled("-" * 800 + "P")
    for number in (0, 80):
        samples.add(NOON + timedelta(seconds=number * INTERVAL), failed=True, late=True)

    assert Counts(1, 0) == samples.counts()[3]


def test_a_turn_that_ends_after_its_successor_keeps_its_place():
    """It took longer, and another instance had the next one."""
    samples = sampled("P" * 30)
    for number, is_failed in ((31, False), (30, True)):
        samples.add(NOON + timedelta(seconds=number * INTERVAL), failed=is_failed)
    samples.turn_to(NOON + timedelta(seconds=40 * INTERVAL))

    assert Counts(1, 0) == samples.counts()[0]


def test_samples_know_what_they_have_counted():
    """So that nothing of it is counted twice."""
    samples = sampled("P-")

    assert [True, False] == [NOON + timedelta(seconds=number * INTERVAL) in samples for number in (0, 1)]


@given(st.text("PF-", max_size=1500))
def test_counting_as_time_goes_on_is_counting_from_the_start(turns):
    """The incremental counts are those of the last n slots, counted anew."""
    counts = sampled(turns).counts()

    assert tuple(Counts(turns[-n:].count("P") + turns[-n:].count("F"), turns[-n:].count("F")) for n in SPANS) == counts


@given(st.text("PF-", max_size=800), st.text("PF-", max_size=50))
def test_samples_survive_as_json(before, after):
    """What was dumped goes on as if nothing had happened."""
    whole = sampled(before + after)
    restored = samples_of(json.loads(json.dumps(sampled(before).dump())))
    for number, turn in enumerate(after, start=len(before)):
        at = NOON + timedelta(seconds=number * INTERVAL)
        restored.turn_to(at)
        if turn in "PF":
            restored.add(at, failed=turn == "F")

    if after:
        assert whole.counts() == restored.counts()


def test_letters_and_moments_belong_together():
    """A dump that lost some is refused."""
    with pytest.raises(ValueError, match="argument"):
        samples_of({"interval": 30, "began": [1.0, 2.0], "turns": "P"})
