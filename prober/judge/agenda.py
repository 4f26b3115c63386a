"""Agenda: which chains are due, found without looking through them all; pure, in seconds of whatever clock is asked."""

from collections.abc import Iterable
from heapq import heapify, heapreplace
from math import floor
from typing import NamedTuple


class Entry(NamedTuple):
    """One chain: when it is due next, and how far apart its turns are."""

    due_seconds: float
    name: str
    interval_seconds: float

    def after(self, now: float) -> "Entry":
        """Its first turn after `now`; those that were due by then are one."""
        turns = max(1, floor((now - self.due_seconds) / self.interval_seconds) + 1)
        return self._replace(due_seconds=self.due_seconds + turns * self.interval_seconds)


class Agenda:
    """The next turn of each chain, the first one at hand."""

    def __init__(self, entries: Iterable[Entry] = ()) -> None:
        """Lay these."""
        self._heap = list(entries)
        heapify(self._heap)

    @property
    def next_seconds(self) -> float | None:
        """When the first chain is due; None where there is none."""
        return self._heap[0].due_seconds if self._heap else None

    def due(self, now: float) -> list[str]:
        """The chains that are due at `now`, those first that were due first, each put off until its next turn."""
        names = []
        while self._heap and self._heap[0].due_seconds <= now:
            names.append(self._heap[0].name)
            heapreplace(self._heap, self._heap[0].after(now))
        return names
