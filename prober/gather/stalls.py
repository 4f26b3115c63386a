"""Stalls: notices when this process stands still, so that what it missed is not booked on those it was looking at.

Rule 1: what is noticed here is a fact about us; what it excuses is decided in judge/stall.py.
Rule 2: time is that since boot, which goes on while the process is stopped and while the machine sleeps.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from typing import NamedTuple, NoReturn, Protocol

#: How often the event loop is asked whether it is still there.
BEAT_SECONDS = 0.1

#: Longer than this beyond a beat is a stall; less is a busy moment.
SHORTEST_SECONDS = 0.25

#: Stalls are kept for runs that began before them; no run lasts for so many.
_KEPT = 256

#: The worst lag is told of the last one to two of these, so that no scrape misses it.
_INTERVAL_SECONDS = 60.0


class Stalls(Protocol):
    """Whoever knows when we stood still."""

    def now(self) -> float:
        """Seconds since some moment; goes on while we stand still."""
        ...

    def since(self, moment: float) -> float:
        """For how many seconds we stood still since `moment`."""
        ...


class Unwatched:
    """Nobody watches: no stall is known of."""

    def now(self) -> float:
        """Always the same."""
        return 0.0

    def since(self, moment: float) -> float:  # noqa: ARG002 - the protocol's
        """None."""
        return 0.0


def since_boot() -> float:
    """Seconds since the machine started, sleep included; without sleep where the system has no such clock."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


class _Stall(NamedTuple):
    began: float
    ended: float


class LoopWatch:
    """Beats ten times a second; a beat that comes late tells that the event loop stood still."""

    def __init__(
        self, told: Callable[[float], None] = lambda _worst: None, now: Callable[[], float] = since_boot
    ) -> None:
        """Tell `told` at each beat the worst lag of late, in seconds; read time from `now`."""
        self._told, self.now = told, now
        self._stalls: deque[_Stall] = deque(maxlen=_KEPT)
        self._beat: float | None = None  # the last one; None: nobody watches
        self._worst, self._worst_before, self._interval_began = 0.0, 0.0, now()

    async def watch(self) -> NoReturn:
        """Beat until cancelled."""
        self._beat = self.now()
        try:
            while True:
                await asyncio.sleep(BEAT_SECONDS)
                self._note()
        finally:
            self._beat = None

    def since(self, moment: float) -> float:
        """For how many seconds the loop stood still since `moment`; also if the beat that will tell is still due."""
        self._note()
        return sum(max(0.0, stall.ended - max(stall.began, moment)) for stall in self._stalls)

    @property
    def worst(self) -> float:
        """The worst lag of the last one to two minutes, in seconds."""
        return max(self._worst, self._worst_before)

    def _note(self) -> None:
        """Take note of now: a beat, or somebody who asks between two."""
        if self._beat is None:
            return
        now = self.now()
        lag = max(0.0, now - self._beat - BEAT_SECONDS)
        if lag > SHORTEST_SECONDS:
            self._stalls.append(_Stall(self._beat, now))
        self._beat = now
        self._weigh(lag, now)

    def _weigh(self, lag: float, now: float) -> None:
        if now - self._interval_began >= _INTERVAL_SECONDS:
            self._worst_before, self._worst, self._interval_began = self._worst, 0.0, now
        self._worst = max(self._worst, lag)
        self._told(self.worst)
