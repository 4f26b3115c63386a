"""The store as a database: writes entries in their order, reads what the page and the next turn want to know.

One interface for SQLite and PostgreSQL. What is due is agreed on by the row of its grid, which a transaction locks
(SQLite: the one writer it allows), and by the key of the slot: whatever happens, it is there once.
"""

import asyncio
import fcntl
import os
import zlib
from collections.abc import Awaitable, Callable, Container, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TextIO

import structlog
from sqlalchemy import Row, Select, func, literal, select, text
from sqlalchemy.exc import DBAPIError

from prober.model.chain import Keeping
from prober.model.errors import StoreNotOurs
from prober.model.trend import Recall
from prober.publish.document import Document
from prober.publish.history.accounts import Account, accounts
from prober.publish.history.engine import PATIENCE_SECONDS, engines, got_in_the_way, told_apart
from prober.publish.history.entries import Entry, Written
from prober.publish.history.migrations import is_old, migrate
from prober.publish.history.record import recalled, unpacked
from prober.publish.history.retention import (
    give_back,
    live_bytes,
    prune_oldest,
    prune_revisions,
    prune_runs,
    prune_slots,
    prune_tallies,
)
from prober.publish.history.tables import grids, metadata, notes, notifications, runs
from prober.publish.history.views import (
    Bar,
    CauseTime,
    Coverage,
    RevisionMark,
    Stretches,
    bar_rows,
    bars_of,
    cause_rows,
    cause_times_of,
    coverage,
    revision_marks_of,
    revision_rows,
)
from prober.publish.history.writing import in_order, lock_grids, write_entry
from prober.publish.notify.outbox_sql import SqlOutbox

_log = structlog.get_logger("prober.history")

#: Migrations of several instances that start together happen one after the other.
_MIGRATION_LOCK = 0x70726F62

#: One instance at a time lets go of what is old.
_PRUNING_LOCK = 0x70726F63

#: A migration of a million rows takes a while.
_MIGRATION_SECONDS = 300.0

#: Between two chunks of what is let go, for whoever wants to write.
_BREATH_SECONDS = 0.05


class SqlStore:
    """A store that can be opened, written and read; everything raises StoreUnavailable when it is away."""

    def __init__(self, address: str, location: str) -> None:
        """Keep to what belongs to `location`."""
        self._engines, self._location = engines(address), location
        self._lock: TextIO | None = None
        self._heard_until = 0.0  # of what was written, by the store's clock

    @property
    def is_shared(self) -> bool:
        """Whether other instances may be writing too."""
        return self._engines.path is None

    async def open(self) -> None:
        """Make or migrate the tables; raises StoreNotOurs for a store that a newer release wrote, or that is in use."""
        if self._engines.path is not None:
            self._lock = self._lock or _locked(self._engines.path)
        with told_apart():
            await self._keep_copy()
            async with asyncio.timeout(_MIGRATION_SECONDS), self._engines.writing.begin() as connection:
                if self.is_shared:
                    await connection.execute(select(func.pg_advisory_xact_lock(_MIGRATION_LOCK)))
                await connection.run_sync(migrate)

    async def _keep_copy(self) -> None:
        """Before old tables are changed, the file as it was is laid beside it."""
        async with asyncio.timeout(_MIGRATION_SECONDS), self._engines.reading.connect() as connection:
            path = self._engines.path
            if await connection.run_sync(is_old) and path is not None:
                copy = path.with_name(f"{path.name}.before-{datetime.now(UTC):%Y%m%dT%H%M%S}")
                await connection.execute(text("PRAGMA query_only = OFF"))
                await connection.execute(text("VACUUM INTO :copy"), {"copy": str(copy)})
                await connection.execute(text("PRAGMA query_only = ON"))

    def outbox(self) -> SqlOutbox:
        """The letters that are kept in it."""
        return SqlOutbox(self._engines.writing, notifications)

    async def aclose(self) -> None:
        """Let go of it."""
        await self._engines.aclose()
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    # ── writing ──────────────────────────────────────────────────────────────────────────────────────────────────────

    async def write(self, entries: Sequence[Entry]) -> list[Written]:
        """Write all of `entries`, in their order, or none; what became of each."""
        with told_apart():
            async with asyncio.timeout(PATIENCE_SECONDS):
                while True:
                    try:
                        return await self._write(entries)
                    except DBAPIError as error:
                        if not got_in_the_way(error):
                            raise

    async def _write(self, entries: Sequence[Entry]) -> list[Written]:
        async with self._engines.writing.begin() as connection:
            await lock_grids(connection, entries)
            written = {place: await write_entry(connection, entries[place]) for place in in_order(entries)}
            return [written[place] for place in range(len(entries))]

    async def prune(self, keeping: Keeping, now: datetime) -> None:
        """Let go of what is too old or too much, a chunk at a time, with room for others in between."""
        old = now - timedelta(seconds=keeping.seconds)
        for part in (prune_runs, prune_tallies, prune_slots, prune_revisions):
            while await self._chunk(part, old):
                pass
        while await self._live_bytes() > keeping.mebibytes * 2**20 and await self._chunk(prune_oldest):
            pass
        while await self._chunk(give_back):
            pass

    async def _live_bytes(self) -> int:
        with told_apart():
            async with asyncio.timeout(PATIENCE_SECONDS), self._engines.reading.connect() as connection:
                return await live_bytes(connection)

    async def _chunk(self, part: Callable[..., Awaitable[int]], *given: object) -> int:
        """How much was let go; nothing while another instance is at it, which could wait for us as we for it."""
        await asyncio.sleep(_BREATH_SECONDS)
        with told_apart():
            async with asyncio.timeout(PATIENCE_SECONDS), self._engines.writing.begin() as connection:
                alone = select(func.pg_try_advisory_xact_lock(_PRUNING_LOCK))
                if self.is_shared and not (await connection.execute(alone)).scalar_one():
                    return 0
                return await part(connection, *given)

    async def now(self) -> datetime | None:
        """What time it is there; None where its clock is ours."""
        if not self.is_shared:
            return None
        with told_apart():
            async with asyncio.timeout(PATIENCE_SECONDS), self._engines.reading.connect() as connection:
                at: datetime = (await connection.execute(select(func.clock_timestamp()))).scalar_one()
                return at.astimezone(UTC)

    # ── reading ──────────────────────────────────────────────────────────────────────────────────────────────────────

    async def get(self, run_id: str) -> Document | None:
        """The report of one run."""
        rows = await self._read(select(runs.c.document).where(runs.c.id == run_id))
        return unpacked(rows[0].document) if rows else None

    async def newest(self, *, chain: str | None, verdict: str | None, limit: int) -> Sequence[Document]:
        """The newest reports first."""
        query = select(runs.c.document).order_by(runs.c.ended.desc()).limit(limit)
        query = query.where(runs.c.chain == chain) if chain else query
        query = query.where(runs.c.verdict == verdict) if verdict else query
        rows = await self._read(query)
        return await asyncio.to_thread(lambda: [unpacked(row.document) for row in rows])

    async def bars(self, chain: str, since: datetime, until: datetime, buckets: int) -> Sequence[Bar]:
        """What each step of `chain` came to, in about so many stretches of time; those without a look are left out."""
        stretches = Stretches.of(since, until, buckets)
        rows = await self._read(bar_rows(chain, since, until, stretches))
        return await asyncio.to_thread(bars_of, rows, stretches)

    async def cause_times(self, chain: str, since: datetime) -> Sequence[CauseTime]:
        """When which cause was named, by half hours, oldest first."""
        return cause_times_of(await self._read(cause_rows(chain, since)))

    async def revision_marks(self, since: datetime) -> Sequence[RevisionMark]:
        """When which service was first seen to be of another revision, oldest first; the newest 500."""
        return revision_marks_of(await self._read(revision_rows(since)))

    async def coverage(self, chain: str, since: datetime) -> Sequence[Coverage]:
        """What became of the slots that were due since a moment, by grid."""
        with told_apart():
            async with asyncio.timeout(PATIENCE_SECONDS), self._engines.reading.connect() as connection:
                return await coverage(connection, chain, since)

    async def recalls(self, *, ended_after: datetime) -> Sequence[Recall]:
        """What is remembered of the runs at our location that ended after a moment, oldest first."""
        newest = select(func.max(runs.c.written)).where(runs.c.location == self._location)
        self._heard_until = (await self._read(newest))[0][0] or 0.0
        rows = await self._read(self._remembered().where(runs.c.ended > ended_after.timestamp()).order_by(runs.c.ended))
        return await asyncio.to_thread(_recalls, rows)

    async def news(self, but_for: Container[str], back_seconds: float = PATIENCE_SECONDS) -> Sequence[Recall]:
        """What was written down at our location since somebody last asked, without the runs he knows.

        A transaction may take `back_seconds` to be seen.
        """
        since = runs.c.written > self._heard_until - back_seconds
        rows = await self._read(self._remembered().where(since).order_by(runs.c.written))
        self._heard_until = max((self._heard_until, *(row.written for row in rows)))
        return _recalls(row for row in rows if row.id not in but_for)

    def _remembered(self) -> Select[Any]:
        told = ("id", "chain", "trigger", "verdict", "began", "ended", "written", "sample", "recall")
        columns = [runs.c[name] for name in told]
        return select(*columns).where(runs.c.location == self._location)

    async def noted(self) -> Mapping[str, str]:
        """State of ours, by name."""
        rows = await self._read(select(notes.c.name, notes.c.text).where(notes.c.location == self._location))
        return {row.name: row.text for row in rows}

    async def open_grids(self) -> Sequence[tuple[str, float, int]]:
        """The grids at our location that are not closed: chain, interval in seconds, and the last slot in the books."""
        query = select(grids.c.chain, grids.c.interval_seconds, grids.c.accounted)
        rows = await self._read(query.where(grids.c.location == self._location, grids.c.closed.is_(other=False)))
        return [(row.chain, row.interval_seconds, row.accounted) for row in rows]

    async def accounts(self) -> Sequence[Account]:
        """The books of every grid, added up."""
        with told_apart():
            async with asyncio.timeout(PATIENCE_SECONDS), self._engines.reading.connect() as connection:
                return await accounts(connection)

    async def size_bytes(self) -> int:
        """How much room it takes."""
        if self._engines.path is not None:
            return sum(path.stat().st_size for path in _files(self._engines.path) if path.exists())
        sizes = (func.pg_total_relation_size(func.to_regclass(name)) for name in metadata.tables)
        rows = await self._read(select(sum(sizes, start=literal(0)).label("size")))
        return int(rows[0].size or 0)

    async def _read(self, query: Any) -> Sequence[Row[Any]]:  # noqa: ANN401 - any statement
        with told_apart():
            async with asyncio.timeout(PATIENCE_SECONDS), self._engines.reading.connect() as connection:
                return (await connection.execute(query)).all()


def _recalls(rows: Iterable[Row[Any]]) -> list[Recall]:
    """Those that can be read: one that a newer release wrote, or that is damaged, must not take the others along."""
    return [recall for row in rows if (recall := _recall_or_none(row)) is not None]


def _recall_or_none(row: Row[Any]) -> Recall | None:
    try:
        return _recall(row)
    except (ValueError, KeyError, TypeError, AttributeError, zlib.error) as error:
        _log.warning("history.run_not_recalled", run_id=row.id, why=type(error).__name__)
        return None


def _recall(row: Row[Any]) -> Recall:
    known = {name: getattr(row, name) for name in ("chain", "trigger", "verdict", "began", "ended", "sample")}
    return recalled(row.recall, run_id=row.id, **known)


def _files(path: Path) -> Sequence[Path]:
    return [path, path.with_name(f"{path.name}-wal")]


def _locked(path: Path) -> TextIO:
    """A file beside the store that we hold locked as long as we live; the kernel lets go of it when we do not."""
    with told_apart():
        file = path.with_name(f"{path.name}.lock").open("a+")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        file.seek(0)
        holder = file.read(40).strip()
        file.close()
        raise StoreNotOurs.in_use(path, holder) from error
    file.truncate(0)
    file.write(f"{os.getpid()}\n")
    file.flush()
    return file
