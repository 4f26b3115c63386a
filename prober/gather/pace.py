"""Pace: lets those who ask go one by one, so that a long chain is no load on anyone."""

import asyncio

from prober.gather.clock import Clock


class Pace:
    """At most one goes per so many seconds, in the order in which they asked."""

    def __init__(self, seconds: float, clock: Clock) -> None:
        """Keep this pace by the stopwatch of `clock`; 0 holds up nobody."""
        self._seconds, self._clock = seconds, clock
        self._next = clock.seconds()

    async def turn(self) -> None:
        """Wait until it is one's turn; the first one goes at once."""
        if self._seconds <= 0:
            return
        now = self._clock.seconds()
        mine = max(now, self._next)
        self._next = mine + self._seconds
        await asyncio.sleep(mine - now)
