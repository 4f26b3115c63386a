"""BackedOutbox: letters in a store, and in memory while there is none, or it is away: nobody goes untold for it."""

import asyncio
from collections.abc import Collection, Coroutine, Sequence
from datetime import datetime
from typing import Any, TypeVar

import structlog

from prober.model.notice import Letter
from prober.publish.notify.outbox import Outbox
from prober.publish.notify.outbox_memory import MemoryOutbox

T = TypeVar("T")

_log = structlog.get_logger("prober.notify")

#: A report's sinks have five seconds; a store that hangs must leave time to do without it.
_PATIENCE_SECONDS = 2.0

#: A store that failed is left alone for so long.
_AWAY_SECONDS = 15.0


class StoreAway(Exception):
    """The store failed, or did so a moment ago."""


class BackedOutbox:
    """Begins in memory; `keep_in` gives it a store.

    A letter posted while the store is away waits here, unknown to other instances: they may send theirs too. What was
    over while it is away is remembered here, and written down when it is back.
    """

    def __init__(self) -> None:
        """Start without a store."""
        self._here = MemoryOutbox()
        self._store: Outbox | None = None
        self._away_until = 0.0
        self._over: dict[str, datetime] = {}  # letters of the store that it does not know to be over

    def keep_in(self, store: Outbox) -> None:
        """Keep letters in `store` from now on; those that are here stay here."""
        self._store = store

    async def put(self, letter: Letter) -> bool:
        """Post a letter; False when it is already there, or was and is over."""
        if letter.key in self._here:
            return False
        try:
            return await self._asked(self._stored.put(letter))
        except StoreAway:
            return await self._here.put(letter)

    async def due(self, now: datetime, until: datetime, limit: int, but_for: Collection[str] = ()) -> Sequence[Letter]:
        """The letters to be tried now, those that wait here first, none to `but_for`; they are ours until `until`."""
        mine = await self._here.due(now, until, limit, but_for)
        try:
            await self._catch_up()
            left = limit - len(mine)
            return [*mine, *(await self._asked(self._stored.due(now, until, left, but_for)) if left else ())]
        except StoreAway:
            return mine

    async def over(self, key: str, now: datetime) -> None:
        """A letter was taken, or given up: it is never due again."""
        if key in self._here:
            await self._here.over(key, now)
            return
        self._over[key] = now
        try:
            await self._catch_up()
        except StoreAway:
            return

    async def failed(self, key: str, next_try: datetime) -> None:
        """A try failed; the letter is due again at `next_try`, or when our claim to it runs out."""
        if key in self._here:
            await self._here.failed(key, next_try)
            return
        try:
            await self._asked(self._stored.failed(key, next_try))
        except StoreAway:
            return

    async def forget(self, before: datetime) -> None:
        """Drop the letters that were over before `before`."""
        await self._here.forget(before)
        try:
            await self._asked(self._stored.forget(before))
        except StoreAway:
            return

    async def _catch_up(self) -> None:
        """Write down what was over while the store was away, before it gives out anything again."""
        for key, at in list(self._over.items()):
            await self._asked(self._stored.over(key, at))
            del self._over[key]

    @property
    def _stored(self) -> Outbox:
        if self._store is None or asyncio.get_running_loop().time() < self._away_until:
            raise StoreAway
        return self._store

    async def _asked(self, question: Coroutine[Any, Any, T]) -> T:
        """What the store answers; raises StoreAway for whatever a database comes up with."""
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                return await question
        except Exception as error:
            self._away_until = asyncio.get_running_loop().time() + _AWAY_SECONDS
            _log.warning("notify.store_away", why=type(error).__name__)  # its text may hold the store's address
            raise StoreAway from error
