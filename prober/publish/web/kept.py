"""What was rendered for one reader is kept for the next: made once, however many look at the same time."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar, cast

_Made = TypeVar("_Made")

#: More parts than a page has.
_MOST = 2000


class Kept:
    """The last rendering of each part of a page."""

    def __init__(self) -> None:
        """Nothing was rendered yet."""
        self._made: dict[str, tuple[object, asyncio.Task[Any]]] = {}

    async def get(self, part: str, state: object, make: Callable[[], Coroutine[None, None, _Made]]) -> _Made:
        """The `part` as it looks in this `state`; whoever asks while it is being made waits for the same."""
        known = self._made.get(part)
        if known is None or known[0] != state or _failed(known[1]):
            known = self._made[part] = (state, asyncio.create_task(make()))
            self._forget()
        return cast("_Made", await asyncio.shield(known[1]))

    def _forget(self) -> None:
        while len(self._made) > _MOST:
            del self._made[next(iter(self._made))]


def _failed(made: "asyncio.Task[Any]") -> bool:
    return made.done() and (made.cancelled() or made.exception() is not None)
