"""Totals, counters by label tuple, and Timings, histograms by label tuple.

Plain dicts without locks: one event loop feeds them. Whoever reads elsewhere reads a copy; every value in it is frozen.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping
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

    def copy(self) -> "Totals":
        """Totals that stay as these are now."""
        still = Totals()
        still.counts = self.counts.copy()
        return still


@dataclass(frozen=True, slots=True)
class Mark:
    """One observation kept as an example of its bucket."""

    seconds: float
    run_id: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Timing:
    """One series of a histogram: how many fell in each bucket (not yet cumulative), their sum, an example of each."""

    counts: tuple[int, ...]
    sum_seconds: float = 0.0
    marks: Mapping[int, Mark] = field(default_factory=dict)

    def plus(self, bucket: int, seconds: float, mark: Mark | None) -> "Timing":
        """This series with one more duration, which fell into `bucket`."""
        counts = (*self.counts[:bucket], self.counts[bucket] + 1, *self.counts[bucket + 1 :])
        return Timing(counts, self.sum_seconds + seconds, {**self.marks, bucket: mark} if mark else self.marks)


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
        timing = self.series.get(labels) or self._empty()
        self.series[labels] = timing.plus(bisect_left(self.bounds, seconds), seconds, mark)

    def copy(self) -> "Timings":
        """Timings that stay as these are now."""
        still = Timings(self.bounds)
        still.series = self.series.copy()
        return still

    def _empty(self) -> Timing:
        return Timing((0,) * (len(self.bounds) + 1))
