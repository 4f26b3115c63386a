"""SqlOutbox: letters in a table of their own, shared by all instances that use the same database.

A letter is claimed by an UPDATE that only one instance can win: it moves the next try to the end of the claim. Who
dies between handing a letter over and writing that down leaves a claim that runs out: the letter goes out once more,
with the same episode in its text. Each call is one short transaction. Times are seconds since the Unix epoch, by the
store's clock, which all instances have in common: whoever asks is to go by that.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Column, Float, Integer, MetaData, String, Table, Text, delete, insert, select, update
from sqlalchemy.engine import Row
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine

from prober.model.notice import Letter
from prober.publish.notify.packed import packed, unpacked

TABLE = "notifications"

_LONGEST_KEY = 400


def table(metadata: MetaData) -> Table:
    """The table, as part of `metadata`; whoever owns the database creates and migrates it."""
    return Table(
        TABLE,
        metadata,
        Column("number", Integer, primary_key=True, autoincrement=True),
        Column("key", String(_LONGEST_KEY), nullable=False, unique=True),
        Column("thread", String(_LONGEST_KEY), nullable=False, index=True),
        Column("receiver", String(63), nullable=False),
        Column("notice", Text, nullable=False),
        Column("posted", Float, nullable=False),
        Column("tries", Integer, nullable=False, default=0),
        Column("next_try", Float, nullable=False, index=True),
        Column("over_at", Float, nullable=True, index=True),
    )


@dataclass(frozen=True, slots=True)
class SqlOutbox:
    """An outbox in `table` (made by `table()`), which must exist, of the database behind `engine`."""

    engine: AsyncEngine
    table: Table

    async def put(self, letter: Letter) -> bool:
        """Post a letter; False when it is already there, or was and is over."""
        row = {
            "key": letter.key,
            "thread": letter.thread,
            "receiver": letter.to,
            "notice": packed(letter.notice),
            "posted": letter.posted.timestamp(),
            "tries": letter.tries,
            "next_try": letter.posted.timestamp(),
        }
        try:
            async with self.engine.begin() as connection:
                await connection.execute(insert(self.table).values(row))
        except IntegrityError:
            return False
        return True

    async def due(self, now: datetime, until: datetime, limit: int, but_for: Collection[str] = ()) -> Sequence[Letter]:
        """The letters to be tried now, the longest waiting first, none to `but_for`; they are ours until `until`."""
        rows = await self._ready(now, limit, but_for)
        return [_letter(row) for row in rows if await self._claim(row.key, now, until)]

    async def _ready(self, now: datetime, limit: int, but_for: Collection[str]) -> Sequence[Row[tuple[object, ...]]]:
        mine, earlier = self.table.c, self.table.alias("earlier").c
        waits = select(earlier.number).where(
            earlier.thread == mine.thread, earlier.over_at.is_(None), earlier.number < mine.number
        )
        ready = (
            select(self.table)
            .where(mine.over_at.is_(None), mine.next_try <= now.timestamp(), ~waits.exists())
            .where(mine.receiver.not_in(but_for))
            .order_by(mine.next_try, mine.number)
            .limit(limit)
        )
        async with self.engine.connect() as connection:
            return (await connection.execute(ready)).all()

    async def _claim(self, key: str, now: datetime, until: datetime) -> bool:
        """Whether we, and no other instance that looked at the same moment, may try this letter."""
        mine = self.table.c
        claim = (
            update(self.table)
            .where(mine.key == key, mine.over_at.is_(None), mine.next_try <= now.timestamp())
            .values(next_try=until.timestamp())
        )
        async with self.engine.begin() as connection:
            return (await connection.execute(claim)).rowcount == 1

    async def over(self, key: str, now: datetime) -> None:
        """A letter was taken, or given up: it is never due again."""
        await self._change(key, over_at=now.timestamp())

    async def failed(self, key: str, next_try: datetime) -> None:
        """A try failed; the letter is due again at `next_try`."""
        await self._change(key, tries=self.table.c.tries + 1, next_try=next_try.timestamp())

    async def _change(self, key: str, **values: object) -> None:
        mine = self.table.c
        async with self.engine.begin() as connection:
            await connection.execute(update(self.table).where(mine.key == key, mine.over_at.is_(None)).values(**values))

    async def forget(self, before: datetime) -> None:
        """Drop the letters that were over before `before`."""
        async with self.engine.begin() as connection:
            await connection.execute(delete(self.table).where(self.table.c.over_at < before.timestamp()))


def _letter(row: Row[tuple[object, ...]]) -> Letter:
    return Letter(
        to=row.receiver,
        notice=unpacked(row.notice),
        posted=datetime.fromtimestamp(row.posted, UTC),
        tries=row.tries,
    )
