"""When to look first after a start: soon, not at all chains at once, and where turns on schedule leave room; pure."""

from bisect import bisect_left, insort
from collections.abc import Collection, Iterable, Mapping
from itertools import count
from typing import NamedTuple

#: First looks follow each other no closer: 25 chains are seen within five seconds.
APART_SECONDS = 0.2

#: Whose turn comes so soon waits for it.
SOON_SECONDS = 5.0

#: A first look is taken where no second then holds more turns than this many times what a mean one does.
_TIMES_THE_MEAN = 1.5


class Turning(NamedTuple):
    """When a chain turns next, and how often."""

    wait_seconds: float
    interval_seconds: float


def first_looks(chains: Mapping[str, Turning], wanted: Collection[str]) -> list[tuple[float, str]]:
    """After how many seconds to look at each of `wanted`, the one that would wait longest first.

    Those whose turn comes sooner than room for a look are left out.
    """
    most = max(1 / APART_SECONDS, _TIMES_THE_MEAN * sum(1 / each.interval_seconds for each in chains.values()))
    turns = sorted(_turns(chains.values(), until=1 + 2 * APART_SECONDS * len(wanted)))
    waiting, looks = sorted(wanted, key=lambda name: chains[name].wait_seconds), []
    for at in (step * APART_SECONDS for step in count()):
        if not waiting or chains[waiting[-1]].wait_seconds - at < SOON_SECONDS:
            break
        insort(turns, at)
        if fullest_second(turns, at) > most:
            turns.remove(at)
        else:
            looks.append((at, waiting.pop()))
    return looks


def _turns(chains: Iterable[Turning], until: float) -> Iterable[float]:
    for chain in chains:
        last = int(max(0.0, until - chain.wait_seconds) / chain.interval_seconds)
        yield from (chain.wait_seconds + number * chain.interval_seconds for number in range(last + 1))


def fullest_second(turns: list[float], at: float) -> int:
    """Of all the seconds that hold `at`, one of the sorted `turns`: how many turns the fullest holds."""
    near = turns[bisect_left(turns, at - 1) : bisect_left(turns, at + 1)]
    return max(bisect_left(near, start + 1) - place for place, start in enumerate(near) if start <= at)
