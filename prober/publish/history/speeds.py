"""Speeds: durations sorted into classes, each twice as long as the one before, so that they add up over time.

Quantiles of what is sorted so are mostly within a third of the truth and never off by more than half or double. Finer
classes make more rows: with two to a doubling a week's bars took twice the time.
"""

from collections.abc import Mapping, Sequence
from math import floor, log2

#: Steps that were not looked at took no time.
NONE = -1

#: What took less is in the first class.
_SHORTEST_SECONDS = 0.0001


def speed(seconds: float | None) -> int:
    """The class of a duration; NONE for none."""
    if seconds is None:
        return NONE
    return floor(log2(max(seconds, _SHORTEST_SECONDS) / _SHORTEST_SECONDS)) + 1


def quantiles(shares: Sequence[float], counts: Mapping[int, int], longest: float | None) -> Sequence[float | None]:
    """The durations in seconds that such shares of those counted by class do not exceed; None when none was counted.

    Within a class they are taken for evenly spread over its logarithm; none is taken for longer than the `longest`.
    """
    looks = sorted((each, count) for each, count in counts.items() if each != NONE)
    total = sum(count for _, count in looks)
    return [_quantile(share * total, looks, longest) for share in shares]


def _quantile(wanted: float, looks: Sequence[tuple[int, int]], longest: float | None) -> float | None:
    for each, count in looks:
        if wanted <= count:
            told = _SHORTEST_SECONDS * 2 ** (each - 1 + wanted / count)
            return told if longest is None else min(told, longest)
        wanted -= count
    return longest
