"""Samples: the last 720 turns of one chain that said something about the target, counted over several spans at once.

A span of n slots reaches back n intervals of the chain, less half of one: turns begin a little late or early, and the
one n intervals ago must be out, that of n - 1 in. What was missed, blind or partial leaves a gap; nothing moves up.
What is only heard of later fills the gap that it left.
"""

from collections import deque
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from prober.model.alarm import SPANS, Counts


class _Span:
    """The failures and successes of one span."""

    __slots__ = ("_failures", "_reach", "_slots", "_turns")

    def __init__(self, slots: int, interval_seconds: float) -> None:
        self._slots = slots
        self._reach = (slots - 0.5) * interval_seconds
        self._turns: deque[tuple[float, bool]] | None = None  # takes as much room as all else of an idle chain
        self._failures = 0

    def add(self, turn: tuple[float, bool]) -> None:
        self._turns = turns = deque() if self._turns is None else self._turns
        place = len(turns)
        while place and turns[place - 1][0] > turn[0]:  # nearly always it is the newest
            place -= 1
        turns.insert(place, turn)
        self._failures += turn[1]
        if len(turns) > self._slots:  # after a clock that ran ahead was set right
            self._failures -= turns.popleft()[1]

    def reaches(self, at: float, newest: float) -> bool:
        return at > newest - self._reach

    def turn_to(self, at: float) -> None:
        edge, turns = at - self._reach, self._turns
        while turns and turns[0][0] <= edge:
            self._failures -= turns.popleft()[1]

    @property
    def counts(self) -> Counts:
        return Counts(len(self._turns or ()), self._failures)

    @property
    def turns(self) -> tuple[tuple[float, bool], ...]:
        return tuple(self._turns or ())


class Samples:
    """Counts as time goes on: a few steps for each turn, whatever the span."""

    __slots__ = ("_newest", "_spans", "interval_seconds")

    def __init__(self, interval_seconds: float) -> None:
        """Start without a turn of a chain that turns every `interval_seconds`."""
        self.interval_seconds = interval_seconds
        self._spans = tuple(_Span(slots, interval_seconds) for slots in SPANS)
        self._newest = float("-inf")

    def add(self, at: datetime, *, failed: bool, late: bool = False) -> None:
        """Count one turn of the time `at`, where it belongs, also if it is only heard of now: `late`.

        One that has just ended and is much older than the newest was timed by a clock that was set back: it is as old
        as that.
        """
        self.turn_to(at)
        moment = at.timestamp()
        if not late and not self._spans[0].reaches(moment, self._newest):
            moment = self._newest
        for span in self._spans:
            if span.reaches(moment, self._newest):
                span.add((moment, failed))

    def __contains__(self, at: datetime) -> bool:
        """Whether a turn of the time `at` is counted."""
        return any(moment == at.timestamp() for moment, _ in self._spans[-1].turns)

    def turn_to(self, at: datetime) -> None:
        """Forget what is too old `at`."""
        self._newest = max(self._newest, at.timestamp())
        for span in self._spans:
            span.turn_to(self._newest)

    @property
    def newest(self) -> float:
        """The time of the newest turn, in seconds since the epoch; before all time without one."""
        return self._newest

    def counts(self) -> tuple[Counts, Counts, Counts, Counts]:
        """One for each of SPANS, as of the last turn."""
        last10, last30, last120, last720 = self._spans
        return last10.counts, last30.counts, last120.counts, last720.counts

    def dump(self) -> dict[str, Any]:
        """All of it, ready for JSON: when each turn began, in seconds since the epoch, and a letter for each."""
        turns = self._spans[-1].turns
        letters = "".join("F" if failed else "P" for _, failed in turns)
        return {"interval": self.interval_seconds, "began": [began for began, _ in turns], "turns": letters}


def samples_of(data: Mapping[str, Any]) -> Samples:
    """What `dump` told; raises KeyError, TypeError or ValueError for anything else."""
    samples = Samples(float(data["interval"]))
    for began, letter in zip(data["began"], data["turns"], strict=True):
        samples.add(datetime.fromtimestamp(began, UTC), failed=letter == "F")
    return samples
