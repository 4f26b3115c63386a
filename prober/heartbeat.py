"""Pulse: calls an address after completed rounds; when the calls stop coming, somebody else raises the alarm.

Rule 1: it never hurts a run: nobody waits for it, it ends within its deadline, and what goes wrong is told as ours.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable

#: For one call, name and handshake included.
PATIENCE_SECONDS = 5.0

#: Rounds do not end on the dot: one that ends a little early must not miss its beat.
_OF_AN_INTERVAL = 0.9

#: Makes the call; gives why it came to nothing, in words that hold nothing of the address, or nothing at all.
Call = Callable[[], Awaitable[str]]


class Pulse:
    """Beats at most once an interval, one call at a time."""

    def __init__(self, call: Call, failed: Callable[[str], None], now: Callable[[], float] = time.monotonic) -> None:
        """Beat by `call`; `failed` is told why a beat came to nothing."""
        self._call, self._failed, self._now = call, failed, now
        self._last: float | None = None
        self._going: asyncio.Task[None] | None = None

    def beat(self, interval_seconds: float) -> None:
        """A round was completed: call, unless a call is going on or came less than an interval ago."""
        now = self._now()
        is_early = self._last is not None and now - self._last < interval_seconds * _OF_AN_INTERVAL
        if is_early or (self._going and not self._going.done()):
            return
        self._last = now
        self._going = asyncio.create_task(self._beat(), name="heartbeat")

    @property
    def going(self) -> asyncio.Task[None] | None:
        """The call that goes on, or the last that did."""
        return self._going

    async def _beat(self) -> None:
        if why := await self._called():
            self._failed(why)

    async def _called(self) -> str:
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                return await self._call()
        except TimeoutError:
            return f"no answer within {PATIENCE_SECONDS:g} s"
        except Exception as error:  # noqa: BLE001 - a beat that breaks must not be silent, and its text may hold the address
            return f"{type(error).__name__} in the prober itself"

    async def aclose(self) -> None:
        """End the call that is going on."""
        if self._going:
            self._going.cancel()
            await asyncio.gather(self._going, return_exceptions=True)
