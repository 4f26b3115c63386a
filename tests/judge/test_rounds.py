"""Tests of prober/judge/rounds.py: what holds, what comes and goes, and when enough was seen."""

import pytest

from prober.judge.rounds import MOST_ROUNDS, is_enough, settled
from prober.judge.signals import accepts, is_normal, uptime
from prober.model.signal import Reading
from prober.model.trend import Past

DOOR, OTHER, UP = accepts("local", "backend"), accepts("auth", "backend"), uptime("backend")
LETTERS = {"o": "accepted", "r": "refused", "c": "crashed"}


def one(signal, value, step="step"):
    """A round with one reading."""
    return {signal: Reading(signal, value, (step,), is_normal(signal, value))}


def rounds(letters):
    """Rounds of the door, oldest first: o for accepted, r for refused, c for crashed, - for not seen."""
    return [one(DOOR, LETTERS[each], f"{each}-step") if each in LETTERS else {} for each in letters]


def told(letters, *, is_burst=False):
    """What the door reads after these rounds; None when that is unknown."""
    *before, now = rounds(letters)
    reading = settled(now, Past(rounds=tuple(before), is_burst=is_burst)).get(DOOR)
    return reading.value if reading else None


@pytest.mark.parametrize(
    ("letters", "expected"),
    [
        ("o", "accepted"),
        ("r", "refused"),
        ("ooor", "refused"),  # it began
        ("rrro", "accepted"),  # it ended
        ("rror", "refused"),  # it ended and began again: a person may be at work
        ("roro", "refused~"),  # it comes and goes
        ("oror", "refused~"),
        ("rrcr", "refused"),  # chance beside a steady fault
        ("rcrc", "crashed"),  # a tie: the newest
        ("rr-", None),  # what the newest round did not see is unknown
    ],
)
def test_the_long_view(letters, expected):
    """One change is a beginning or an end; only what keeps changing flickers."""
    assert expected == told(letters)


@pytest.mark.parametrize(
    ("letters", "expected"),
    [
        ("ro", "refused~"),
        ("or", "refused~"),
        ("rrr", "refused"),
        ("rcr", "refused"),
        ("r-", "refused"),
        ("oo", "accepted"),
    ],
)
def test_a_burst(letters, expected):
    """Seconds apart any change is a flicker, and what one round saw all have seen."""
    assert expected == told(letters, is_burst=True)


def test_what_comes_and_goes_cites_the_steps_that_went_wrong():
    """Not those in which all was well."""
    *before, now = rounds("roro")

    assert ("r-step",) == settled(now, Past(rounds=tuple(before)))[DOOR].steps


def young(value="young"):
    """A round in which the backend has just started."""
    return {**one(UP, value), **one(DOOR, "accepted")}


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        (rounds("o"), True),
        (rounds("r"), False),
        (rounds("rr"), True),
        (rounds("rc"), False),
        (rounds("ro"), False),
        (rounds("roo"), True),
        ([one(DOOR, "refused~")] * 2, False),
        (rounds("rcrcrc"), True),
        ([young()], False),
        ([young()] * 5, True),
        ([young(), {**young("reset"), **one(DOOR, "refused")}, young()], False),
    ],
    ids=[
        "well",
        "ill",
        "agreed",
        "not-agreed",
        "changed",
        "healed",
        "flickers",
        "most",
        "young",
        "no-longer",
        "restless",
    ],
)
def test_when_a_burst_is_over(seen, expected):
    """When all is well, when two rounds in a row agree, or when there were many; a young service is watched longer."""
    assert expected is is_enough(seen)


def test_a_burst_is_bounded():
    """Whatever is seen, there are never more rounds than the most."""
    assert is_enough([one(DOOR, "refused~")] * MOST_ROUNDS)
