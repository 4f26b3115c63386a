"""Switch: the one place that every connection to a target passes; what is paused gets nothing, at once.

Rule 1: where nothing may go nothing is begun: no name is looked up, no connection opened.
Rule 2: what is under way there when somebody pulls the switch is cut off, and its connection closed.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from prober.model.errors import HeldBack
from prober.model.pause import Pause

#: Why nothing may go to a place (host and port); None: it may.
Pauses = Callable[[str], Pause | None]


def _none(_place: str) -> Pause | None:
    """Nobody has stopped anything."""
    return None


@dataclass(slots=True, eq=False)
class _Passage:
    """One exchange on its way."""

    place: str
    scope: asyncio.Timeout = field(default_factory=lambda: asyncio.timeout(None))
    cut_by: Pause | None = None


class Switch:
    """Lets exchanges pass to what is not paused, and cuts off those that are on their way to what is paused next."""

    def __init__(self) -> None:
        """Nothing is paused."""
        self._pauses: Pauses = _none
        self._under_way: set[_Passage] = set()
        self._followers: set[Callable[[Pauses], None]] = set()
        self._ended = asyncio.Event()

    @asynccontextmanager
    async def passing(self, place: str) -> AsyncIterator[None]:
        """Exchange something with `place`; raises HeldBack where, or as soon as, nothing may go there."""
        if pause := self._pauses(place):
            raise HeldBack(place, pause)
        passage = _Passage(place)
        try:
            async with passage.scope:
                self._under_way.add(passage)
                yield
        except TimeoutError as error:
            if passage.cut_by is not None and passage.scope.expired():
                raise HeldBack(place, passage.cut_by) from error
            raise
        finally:
            self._under_way.discard(passage)
            self._ended.set()

    def adopt(self, pauses: Pauses) -> None:
        """Go by `pauses` from now on: whatever is on its way to what is paused ends the next time it waits."""
        self._pauses = pauses
        for passage in self._under_way:
            if passage.cut_by is None and (pause := pauses(passage.place)):
                passage.cut_by = pause
                passage.scope.reschedule(0.0)
        for follower in self._followers:
            follower(pauses)

    def follow(self, follower: Callable[[Pauses], None]) -> None:
        """Tell `follower` whenever other pauses are adopted: whoever keeps connections that nobody uses hangs up."""
        self._followers.add(follower)

    def unfollow(self, follower: Callable[[Pauses], None]) -> None:
        """Tell it no more."""
        self._followers.discard(follower)

    async def quiet(self, patience_seconds: float) -> bool:
        """Whether within the time nothing is under way any more that was cut off."""
        try:
            async with asyncio.timeout(patience_seconds):
                while any(passage.cut_by for passage in self._under_way):
                    self._ended.clear()
                    await self._ended.wait()
        except TimeoutError:
            return False
        return True
