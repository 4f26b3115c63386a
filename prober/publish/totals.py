"""Totals, counters by label tuple, and Timings, histograms by label tuple.

Plain dicts without locks: one event loop feeds them. Whoever reads elsewhere reads a copy; every value in it is frozen.
A series that has counted nothing takes no room of its own: of 10,000 chains most have never failed, nor been refused.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby
from typing import Generic, TypeVar
from weakref import ReferenceType, ref

Labels = tuple[str, ...]
Lives = Callable[[Labels], bool]
V = TypeVar("V")

#: A series by its first label, if it has one, and those that follow; and its value.
Row = tuple[Labels, Labels, V]


class Born:
    """The series that are there from the start, in their order, each once.

    Kept by their first label; what follows it is shared, for most chains differ in nothing but their name.
    """

    __slots__ = ("groups",)

    def __init__(self, series: Iterable[Labels] = ()) -> None:
        """These series, and no other."""
        self.groups = tuple(_grouped(series))

    def __iter__(self) -> Iterator[Labels]:
        """Each of them."""
        return ((*first, *rest) for first, rests in self.groups for rest in rests)


def _grouped(series: Iterable[Labels]) -> Iterator[tuple[Labels, tuple[Labels, ...]]]:
    seen: dict[Labels, dict[Labels, None]] = {}
    shared: dict[tuple[Labels, ...], tuple[Labels, ...]] = {}
    for first, group in groupby(series, lambda labels: labels[:1]):
        known, rests = seen.setdefault(first, {}), dict.fromkeys(labels[1:] for labels in group)
        new = tuple(rest for rest in rests if rest not in known)
        known |= rests
        if new:
            yield first, shared.setdefault(new, new)


class Told(Generic[V]):
    """A value for each series that has one; what stays still for a reader costs nothing, however many there are.

    Nothing is copied for him: as long as he is there, what is told anew is kept beside what he reads.
    """

    __slots__ = ("__weakref__", "_known", "_new", "_reader")

    def __init__(self, known: dict[Labels, V]) -> None:
        """Begin with these."""
        self._known, self._new = known, dict[Labels, V]()
        self._reader: ReferenceType[Told[V]] | None = None

    def get(self, labels: Labels) -> V | None:
        """The value of a series; None where it has none."""
        new = self._new.get(labels)
        return self._known.get(labels) if new is None else new

    def put(self, labels: Labels, value: V) -> None:
        """Give a series its value."""
        (self._new if self._is_read() else self._known)[labels] = value

    def all(self) -> dict[Labels, V]:
        """The values, those first that were told first."""
        return self._known | self._new if self._is_read() else self._known

    def within(self, lives: Lives) -> "Told[V]":
        """Those that live."""
        return Told({labels: value for labels, value in self.all().items() if lives(labels)})

    def still(self) -> "Told[V]":
        """What stays as this is now, for another thread to read; a second one at the same time is copied."""
        if self._is_read():
            return Told(self._known | self._new)
        copy = Told(self._known)
        self._reader = ref(copy)
        return copy

    def _is_read(self) -> bool:
        if self._reader is None:
            return False
        if self._reader() is not None:
            return True
        self._known |= self._new
        self._new, self._reader = {}, None
        return False

    def rows(self, born: Born, nothing: V) -> Iterator[Row[V]]:
        """Those that are born, and then the others."""
        known, found = self.all(), set[Labels]()
        for first, rests in born.groups:
            for rest in rests:
                value = known.get((*first, *rest))
                if value is not None:
                    found.add((*first, *rest))
                yield first, rest, nothing if value is None else value
        if len(found) < len(known):
            yield from ((series[:1], series[1:], value) for series, value in known.items() if series not in found)


class Totals:
    """One counter metric: a count for each series."""

    __slots__ = ("_born", "_counted")

    def __init__(self) -> None:
        """Start without a series."""
        self._born = Born()
        self._counted = Told[int]({})

    @property
    def counts(self) -> Mapping[Labels, int]:
        """The count of each series."""
        return dict.fromkeys(self._born, 0) | self._counted.all()

    def rows(self) -> Iterator[Row[int]]:
        """The same, one after the other."""
        return self._counted.rows(self._born, 0)

    def adopt(self, born: Born, lives: Lives | None = None) -> None:
        """Drop the series that no longer live (None: all do), keep the others' counts, and start new ones at zero."""
        self._born = born
        self._counted = self._counted.within(lives) if lives else self._counted

    def add(self, labels: Labels, count: int = 1) -> None:
        """Count one, or `count` at once."""
        self._counted.put(labels, (self._counted.get(labels) or 0) + count)

    def copy(self) -> "Totals":
        """Totals that stay as these are now."""
        still = Totals()
        still._born, still._counted = self._born, self._counted.still()
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

    __slots__ = ("_born", "_timed", "bounds")

    def __init__(self, bounds: tuple[float, ...]) -> None:
        """Sort into buckets with these upper bounds, and one more for what is above them."""
        self.bounds = bounds
        self._born = Born()
        self._timed = Told[Timing]({})

    @property
    def series(self) -> Mapping[Labels, Timing]:
        """The histogram of each series."""
        return dict.fromkeys(self._born, self._empty()) | self._timed.all()

    def rows(self) -> Iterator[Row[Timing]]:
        """The same, one after the other."""
        return self._timed.rows(self._born, self._empty())

    def adopt(self, born: Born, lives: Lives | None = None) -> None:
        """Drop the series that no longer live (None: all do), keep the others, and start the new ones empty."""
        self._born = born
        self._timed = self._timed.within(lives) if lives else self._timed

    def add(self, labels: Labels, seconds: float, mark: Mark | None = None) -> None:
        """Sort one duration into its bucket."""
        timing = self._timed.get(labels) or self._empty()
        self._timed.put(labels, timing.plus(bisect_left(self.bounds, seconds), seconds, mark))

    def copy(self) -> "Timings":
        """Timings that stay as these are now."""
        still = Timings(self.bounds)
        still._born, still._timed = self._born, self._timed.still()
        return still

    def _empty(self) -> Timing:
        return Timing((0,) * (len(self.bounds) + 1))
