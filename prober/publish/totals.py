"""Totals, counters by label tuple, and Timings, histograms by label tuple.

Plain dicts without locks: one event loop feeds and reads them.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime

Labels = tuple[str, ...]
Lives = Callable[[Labels], bool]


class Totals:
    """One counter metric: a count for each series."""

    __slots__ = ("counts",)

    def __init__(self) -> None:
        """Start without a series."""
        self.counts: dict[Labels, int] = {}

    def adopt(self, born: Iterable[Labels], lives: Lives) -> None:
        """Drop the series that no longer live, keep the others' counts, and start the new ones at zero."""
        kept = {labels: count for labels, count in self.counts.items() if lives(labels)}
        self.counts = dict.fromkeys(born, 0) | kept

    def add(self, labels: Labels, count: int = 1) -> None:
        """Count one, or `count` at once."""
        self.counts[labels] = self.counts.get(labels, 0) + count


@dataclass(frozen=True, slots=True)
class Mark:
    """One observation kept as an example of its bucket."""

    seconds: float
    run_id: str
    at: datetime


@dataclass(slots=True)
class Timing:
    """One series of a histogram: how many fell in each bucket (not yet cumulative), their sum, an example of each."""

    counts: list[int]
    sum_seconds: float = 0.0
    marks: dict[int, Mark] = field(default_factory=dict)


class Timings:
    """One histogram metric: a Timing for each series."""

    __slots__ = ("bounds", "series")

    def __init__(self, bounds: tuple[float, ...]) -> None:
        """Sort into buckets with these upper bounds, and one more for what is above them."""
        self.bounds = bounds
        self.series: dict[Labels, Timing] = {}

    def adopt(self, born: Iterable[Labels], lives: Lives) -> None:
        """Drop the series that no longer live, keep the others, and start the new ones empty."""
        kept = {labels: timing for labels, timing in self.series.items() if lives(labels)}
        self.series = {labels: self._empty() for labels in born} | kept

    def add(self, labels: Labels, seconds: float, mark: Mark | None = None) -> None:
        """Sort one duration into its bucket."""
        timing = self.series.setdefault(labels, self._empty())
        bucket = bisect_left(self.bounds, seconds)
        timing.counts[bucket] += 1
        timing.sum_seconds += seconds
        if mark is not None:
            timing.marks[bucket] = mark

    def _empty(self) -> Timing:
        return Timing([0] * (len(self.bounds) + 1))
