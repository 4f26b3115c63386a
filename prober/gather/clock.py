"""Wall clock and stopwatch, passed in so that tests can hold them still; and the watch that times phases."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Protocol

from prober.model.trouble import Phase


class Clock(Protocol):
    """Where time comes from."""

    def now(self) -> datetime:
        """The wall clock, in UTC: for labels and for token claims."""
        ...

    def seconds(self) -> float:
        """A stopwatch that never steps back: for durations and deadlines."""
        ...


#: Linux alone counts the time it slept; elsewhere a sleep looks like a clock that was set ahead.
_SINCE_BOOT = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


class SystemClock:
    """This machine's clocks."""

    def now(self) -> datetime:
        """The wall clock, in UTC."""
        return datetime.now(UTC)

    def seconds(self) -> float:
        """`time.perf_counter`."""
        return time.perf_counter()

    def seconds_since_boot(self) -> float:
        """A stopwatch that goes on while the machine sleeps, where it has such a one."""
        return time.clock_gettime(_SINCE_BOOT)


def apart(clock: Clock) -> float:
    """The wall clock less the stopwatch, in seconds: who sets the wall clock changes it, and time alone does not."""
    return clock.now().timestamp() - clock.seconds()


class PhaseWatch:
    """Times the phases of one exchange; after a cancellation `current` still says which phase it was in."""

    __slots__ = ("_clock", "_since", "current", "durations")

    def __init__(self, clock: Clock) -> None:
        """Start with no phase entered."""
        self._clock = clock
        self._since: float | None = None
        self.current: Phase | None = None
        self.durations: dict[Phase, float] = {}

    def enter(self, phase: Phase, ago: float = 0.0) -> None:
        """Begin `phase` so many seconds ago, and end the one before it; phases entered twice add up."""
        at = self._book(ago)
        self.current, self._since = phase, at

    def leave(self, ago: float = 0.0) -> None:
        """End the phase: it came to its end so many seconds ago, and no other has begun."""
        self._book(ago)
        self.current = None

    def stop(self) -> None:
        """Book the time of a phase that is being cut short; `current` is left standing, to say which it was."""
        if self._since is not None:
            self._book(0.0)

    def _book(self, ago: float) -> float:
        """Book what is under way, and give when it ended: never before it began."""
        at, since = self._clock.seconds() - ago, self._since
        if since is None or self.current is None:
            return at
        at = max(at, since)
        self.durations[self.current] = self.durations.get(self.current, 0.0) + (at - since)
        self._since = None
        return at

    @contextmanager
    def phase(self, phase: Phase) -> Iterator[None]:
        """Time the body as `phase`, a phase that is one block of code; `current` stays when the body is cut short."""
        self.enter(phase)
        try:
            yield
        finally:
            self.stop()
        self.leave()
