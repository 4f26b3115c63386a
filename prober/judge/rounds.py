"""Several rounds as one set of readings: what holds steadily, what comes and goes, and when enough was seen.

Rule 1: per signal, never pooled. Rule 2: in the long view a single change is a beginning or an end, not a flicker, and
the newest round speaks; in a burst of rounds, seconds apart, any change is a flicker, and the majority speaks. Rule 3:
what the newest round could not see is unknown, except in a burst, where all rounds are one long look.
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise

from prober.judge.signals import READINGS, UNSTEADY, is_normal, unsteady
from prober.model.signal import Reading, Readings, Signal
from prober.model.trend import Past

#: More rounds than this are a load and tell little more.
MOST_ROUNDS = 6
#: A service that has just started may be in a crash loop; it is watched for at least this long.
_ROUNDS_OF_THE_YOUNG = 4

#: Steady readings that no burst of rounds should wait for.
_AGREEING_ROUNDS = 2


def settled(now: Readings, past: Past) -> Readings:
    """What this round and those before it say together."""
    rounds = [*past.rounds, now]
    signals = dict.fromkeys(signal for each in (rounds if past.is_burst else [now]) for signal in each)
    return {signal: _settled(signal, _told(signal, rounds), past) for signal in signals}


def _told(signal: Signal, rounds: Sequence[Readings]) -> list[Reading]:
    return [readings[signal] for readings in rounds if signal in readings]


def _settled(signal: Signal, told: Sequence[Reading], past: Past) -> Reading:
    if _changes(told) >= (1 if past.is_burst else _FLICKER):
        bad = [reading for reading in told if not reading.normal]
        value = unsteady(_most_common(bad))
        return Reading(signal, value, _steps(bad), is_normal(signal, value))
    streak = list(_streak(told))
    if signal.name in _STRONGEST:
        value = _strongest(streak)
    else:
        value = _most_common(streak) if past.is_burst else told[-1].value
    return Reading(signal, value, _steps(reading for reading in streak if reading.value == value), told[-1].normal)


#: Well, ill, well and ill again: not a fault that came, nor one that went.
_FLICKER = 3


def _changes(told: Sequence[Reading]) -> int:
    return sum(before.normal is not after.normal for before, after in pairwise(told))


def _streak(told: Sequence[Reading]) -> Iterator[Reading]:
    """The newest readings that are all normal, or all not."""
    for reading in reversed(told):
        if reading.normal is not told[-1].normal:
            return
        yield reading


def _most_common(told: Sequence[Reading]) -> str:
    """The value seen most often; among equals the newest, which comes first."""
    values = [reading.value for reading in told]
    return max(values, key=values.count)


#: Once a breaker has opened nobody waits any more; that somebody did wait is what tells.
_STRONGEST = frozenset({"refusal"})


def _strongest(told: Sequence[Reading]) -> str:
    return max((reading.value for reading in told), key=READINGS[told[0].signal.name].index)


def _steps(told: Iterator[Reading] | Sequence[Reading]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(step for reading in told for step in reading.steps))


# ── a burst of rounds ────────────────────────────────────────────────────────────────────────────────────────────────


def is_enough(rounds: Sequence[Readings]) -> bool:
    """Whether another round would hardly tell more: all is well, or the same was seen twice in a row."""
    if len(rounds) >= MOST_ROUNDS:
        return True
    newest = _abnormal(rounds[-1])
    wanted = _ROUNDS_OF_THE_YOUNG if _is_restless(rounds) else _AGREEING_ROUNDS if any(map(_abnormal, rounds)) else 1
    if any(UNSTEADY in value for _, value in newest) or len(rounds) < wanted:
        return False
    return all(_abnormal(each) == newest for each in rounds[-min(wanted, _AGREEING_ROUNDS) :])


def _abnormal(readings: Readings) -> set[tuple[Signal, str]]:
    return {(reading.signal, reading.value) for reading in readings.values() if not reading.normal}


def _is_restless(rounds: Sequence[Readings]) -> bool:
    """A service that has just started, or starts again and again, is looked at for longer."""
    values = {reading.value for each in rounds for reading in each.values() if reading.signal.name == "uptime"}
    return not values.isdisjoint(("young", "reset"))
