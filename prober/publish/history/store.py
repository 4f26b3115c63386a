"""The store as a database: writes entries in their order, reads what the page and the next turn want to know.

One interface for SQLite and PostgreSQL. What is due is agreed on by the row of its grid, which a transaction locks
(SQLite: the one writer it allows), and by the key of the slot: whatever happens, it is there once.
"""

import asyncio
import contextlib
import fcntl
import os
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, Container, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, TextIO, TypeVar

import structlog
from sqlalchemy import Connection, Row, Select, func, literal, select, text, union_all
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from prober.model.chain import Keeping, Trigger
from prober.model.errors import StoreDamaged, StoreNotOurs, StoreUnavailable
from prober.model.trend import Recall
from prober.publish.document import Document
from prober.publish.history.accounts import Account, accounts
from prober.publish.history.bars import Bar, CauseTime, Coverage, RevisionMark
from prober.publish.history.engine import MIGRATION_SECONDS, PATIENCE_SECONDS, engines, got_in_the_way, told_apart
from prober.publish.history.entries import Entry, Written
from prober.publish.history.intents import KEY_SECONDS, Intents
from prober.publish.history.migrations import is_old, migrate
from prober.publish.history.paused_sql import PausedBooks
from prober.publish.history.record import recalled, unpacked
from prober.publish.history.record import text as text_of
from prober.publish.history.retention import (
    give_back,
    live_bytes,
    prune_intents,
    prune_keys,
    prune_notes,
    prune_oldest,
    prune_revisions,
    prune_runs,
    prune_slots,
    prune_tallies,
)
from prober.publish.history.tables import grids, metadata, notes, notifications, runs
from prober.publish.history.views import (
    Stretches,
    bar_rows,
    bars_of,
    cause_rows,
    cause_times_of,
    coverage,
    revision_marks_of,
    revision_rows,
    run_at_row,
)
from prober.publish.history.writing import write_entries
from prober.publish.notify.outbox_sql import SqlOutbox

_log = structlog.get_logger("prober.history")

T = TypeVar("T")

#: Migrations of several instances that start together happen one after the other.
_MIGRATION_LOCK = 0x70726F62

#: One instance at a time lets go of what is old.
_PRUNING_LOCK = 0x70726F63

#: What is added up must not change meanwhile.
_AT_ONE_MOMENT = {"sqlite": "BEGIN", "postgresql": "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"}

#: Between two chunks of what is let go, for whoever wants to write.
_BREATH_SECONDS = 0.05

_NOT_MADE = "it was never opened"


class SqlStore:
    """A store that can be opened, written and read; everything raises StoreUnavailable when it is away.

    A file that is damaged is set aside under another name, and one that was deleted is written anew from what we still
    hold open: both loudly, and looking goes on.
    """

    def __init__(self, address: str, location: str) -> None:
        """Keep to what belongs to `location`."""
        self._engines, self._location = engines(address), location
        self._lock: TextIO | None = None
        self._file: tuple[int, int] | None = None  # the device and inode that hold what we wrote
        self._is_made = False  # its tables are those of today
        self._mending = asyncio.Lock()
        self._heard_until = 0.0  # of what was written, by the store's clock

    @property
    def is_shared(self) -> bool:
        """Whether other instances may be writing too."""
        return self._engines.path is None

    async def open(self) -> None:
        """Make or migrate the tables; raises StoreNotOurs for a store that a newer release wrote, or that is in use."""
        if self._engines.path is not None:
            self._lock = self._lock or _locked(self._engines.path)
        try:
            await self._make()
        except StoreDamaged as error:
            await self._set_aside(error)

    async def _make(self) -> None:
        with told_apart():
            await self._keep_copy()
            async with asyncio.timeout(MIGRATION_SECONDS), self._engines.migrating.begin() as connection:
                if self.is_shared:
                    await connection.execute(select(func.pg_advisory_xact_lock(_MIGRATION_LOCK)))
                await connection.run_sync(migrate)
        self._file, self._is_made = _identity(self._engines.path), True

    async def _keep_copy(self) -> None:
        """Before old tables are changed, the file as it was is laid beside it."""
        async with asyncio.timeout(MIGRATION_SECONDS), self._engines.reading.connect() as connection:
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

    def intents(self, instance: str) -> Intents:
        """The books of what was asked for, as `instance` writes them."""
        return Intents(
            transact=self.transact,
            read=self._read_made,
            dialect="postgresql" if self.is_shared else "sqlite",
            location=self._location,
            instance=instance,
            is_shared=self.is_shared,
        )

    def pauses(self) -> PausedBooks:
        """The books of what operators have stopped; of a shared store they can be read without opening it."""
        read = self._read if self.is_shared else self._read_made
        return PausedBooks(transact=self.transact, read=read, is_shared=self.is_shared)

    # ── a file that is not what it was ───────────────────────────────────────────────────────────────────────────────

    @asynccontextmanager
    async def _minded(self) -> AsyncIterator[None]:
        """Troubles told apart, and what has befallen the file mended as far as it goes."""
        path, file = self._engines.path, self._file
        if path is not None and file is not None and _identity(path) != file:
            await self._take_up(path, file)
            file = self._file
        try:
            with told_apart():
                yield
        except StoreDamaged as error:
            if path is not None and file is not None:
                async with self._mending:
                    if file == self._file:  # nobody was quicker
                        await self._set_aside(error)
            raise

    async def _set_aside(self, error: StoreDamaged) -> None:
        """Keep a damaged file under another name, and begin anew."""
        if self._engines.path is None:
            raise error
        aside = _beside(self._engines.path, "damaged")
        _log.error("history.file_damaged", why=error.why, set_aside=str(aside))
        await self._engines.aclose()
        with told_apart():
            for file in _files(self._engines.path):
                if file.exists():
                    file.rename(aside.with_name(file.name.replace(self._engines.path.name, aside.name, 1)))
        await self._make()

    async def _take_up(self, path: Path, file: tuple[int, int]) -> None:
        """The file was deleted, or replaced by another: ours lives on as long as we hold it open."""
        async with self._mending:
            if self._file != file:
                return
            rescued = _beside(path, "rescued")
            with told_apart():
                await self._rescue(rescued)
                await self._engines.aclose()
                for left in _files(path)[1:]:  # ours: SQLite would take them for part of the file that is there now
                    left.unlink(missing_ok=True)
                if _is_nothing(path):
                    rescued = rescued.replace(path)
            self._relock(path)
            _log.error("history.file_gone", path=str(path), rescued_to=str(rescued))
            await self._make()

    async def _rescue(self, copy: Path) -> None:
        """Write all that we hold open into a file of its own; no transaction may be open for that."""
        async with asyncio.timeout(MIGRATION_SECONDS), self._engines.writing.connect() as connection:
            driver: Any = (await connection.get_raw_connection()).driver_connection
            await driver.execute("VACUUM INTO ?", (str(copy),))

    def _relock(self, path: Path) -> None:
        """Who deletes the store may delete its lock too."""
        if self._lock is not None and not _lock_of(path).exists():
            self._lock.close()
            self._lock = _locked(path)

    # ── writing ──────────────────────────────────────────────────────────────────────────────────────────────────────

    async def write(self, entries: Sequence[Entry]) -> list[Written]:
        """Write all of `entries`, in their order, or none; what became of each."""
        async with self._minded(), asyncio.timeout(PATIENCE_SECONDS):
            while True:
                try:
                    return await self._engines.transact(partial(write_entries, entries=entries))
                except DBAPIError as error:
                    if not got_in_the_way(error):
                        raise

    async def transact(self, work: Callable[[AsyncConnection], Awaitable[Any]]) -> Any:  # noqa: ANN401 - as the work
        """What `work` gives, done in one transaction."""
        self._must_be_made()
        async with self._minded(), asyncio.timeout(PATIENCE_SECONDS), self._engines.writing.begin() as connection:
            return await work(connection)

    def _must_be_made(self) -> None:
        if not self._is_made:
            raise StoreUnavailable(_NOT_MADE)

    async def prune(self, keeping: Keeping, now: datetime) -> None:
        """Let go of what is too old or too much, a chunk at a time, with room for others in between."""
        old = now - timedelta(seconds=keeping.seconds)
        for part in (prune_runs, prune_tallies, prune_slots, prune_revisions, prune_notes, prune_intents):
            while await self._chunk(part, old):
                pass
        while await self._chunk(prune_keys, max(old, now - timedelta(seconds=KEY_SECONDS))):
            pass
        while await self._live_bytes() > keeping.mebibytes * 2**20 and await self._chunk(prune_oldest):
            pass
        while await self._chunk(give_back):
            pass

    async def _live_bytes(self) -> int:
        with told_apart():
            async with asyncio.timeout(PATIENCE_SECONDS), self._engines.reading.connect() as connection:
                return await connection.run_sync(live_bytes)

    async def _chunk(self, part: Callable[..., int], *given: object) -> int:
        """How much was let go; nothing while another instance is at it, which could wait for us as we for it."""

        def chunk(connection: Connection) -> int:
            alone = select(func.pg_try_advisory_xact_lock(_PRUNING_LOCK))
            if self.is_shared and not connection.execute(alone).scalar_one():
                return 0
            return part(connection, *given)

        await asyncio.sleep(_BREATH_SECONDS)
        async with self._minded(), asyncio.timeout(PATIENCE_SECONDS):
            return await self._engines.transact(chunk)

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
        return next(iter(_readable(rows, unpacked)), None)

    async def newest(
        self, *, chain: str | None, verdict: str | None, limit: int, but_for: Trigger | None = None
    ) -> Sequence[Document]:
        """The newest reports first."""
        rows = await self._read(_newest(chain, verdict, limit, but_for))
        return await asyncio.to_thread(_readable, rows, unpacked)

    async def latest(self, chains: Sequence[str], verdict: str | None = None) -> Sequence[Document]:
        """The newest report of each of these chains that has one; ask for some hundred at a time."""
        return await asyncio.to_thread(_readable, await self._read(_latest(chains, verdict)), unpacked)

    async def oldest(self) -> datetime | None:
        """When the oldest run that is kept ended, wherever it was taken; None where none is."""
        ((ended,),) = await self._read(select(func.min(runs.c.ended)))
        return None if ended is None else datetime.fromtimestamp(ended, UTC)

    async def newest_json(self, *, chain: str | None, verdict: str | None, limit: int) -> Sequence[bytes]:
        """The newest reports first, as the text that is kept."""
        rows = await self._read(_newest(chain, verdict, limit))
        return await asyncio.to_thread(_readable, rows, text_of)

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

    async def run_at(self, chain: str, step: str, since: datetime, until: datetime) -> str | None:
        """The last run in which a step failed between two moments, or else the last that looked; None: none is kept."""
        found = await self._read(run_at_row(chain, step, since, until))
        return str(found[0].run) if found else None

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
        async with self._minded(), asyncio.timeout(PATIENCE_SECONDS), self._engines.reading.connect() as connection:
            await connection.execute(text(_AT_ONE_MOMENT[connection.dialect.name]))
            try:
                return await accounts(connection)
            finally:
                await connection.execute(text("ROLLBACK"))

    async def size_bytes(self) -> int:
        """How much room it takes."""
        if self._engines.path is not None:
            return sum(path.stat().st_size for path in _files(self._engines.path) if path.exists())
        sizes = (func.pg_total_relation_size(func.to_regclass(name)) for name in metadata.tables)
        rows = await self._read(select(sum(sizes, start=literal(0)).label("size")))
        return int(rows[0].size or 0)

    async def _read_made(self, query: Select[Any]) -> Sequence[Row[Any]]:
        self._must_be_made()
        return await self._read(query)

    async def _read(self, query: Any) -> Sequence[Row[Any]]:  # noqa: ANN401 - any statement
        async with self._minded(), asyncio.timeout(PATIENCE_SECONDS), self._engines.reading.connect() as connection:
            return (await connection.execute(query)).all()


def _newest(chain: str | None, verdict: str | None, limit: int, but_for: Trigger | None = None) -> Select[Any]:
    query = select(runs.c.document).order_by(runs.c.ended.desc()).limit(limit)
    query = query.where(runs.c.chain == chain) if chain else query
    query = query.where(runs.c.trigger != but_for) if but_for else query
    return query.where(runs.c.verdict == verdict) if verdict else query


def _latest(chains: Sequence[str], verdict: str | None) -> Select[Any]:
    """By the index, chain by chain: grouping them would go through all their runs."""
    asked = union_all(*(select(literal(chain).label("chain")) for chain in chains)).subquery("asked")
    newest = _newest(None, verdict, 1).where(runs.c.chain == asked.c.chain).correlate(asked).scalar_subquery()
    each = select(newest.label("document")).select_from(asked).subquery("each")
    return select(each.c.document).where(each.c.document.is_not(None))


def _readable(rows: Iterable[Row[Any]], read: Callable[[bytes], T]) -> list[T]:
    """The reports that can be read: a page of a file may be damaged where the database does not look."""
    return [found for row in rows if (found := _read_or_none(row, read)) is not None]


def _read_or_none(row: Row[Any], read: Callable[[bytes], T]) -> T | None:
    try:
        return read(row.document)
    except (ValueError, zlib.error) as error:
        _log.warning("history.report_not_read", why=type(error).__name__)
        return None


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
    return [path.with_name(f"{path.name}{end}") for end in ("", "-wal", "-shm")]


def _beside(path: Path, what: str) -> Path:
    """Another name in the same folder."""
    return path.with_name(f"{path.name}.{what}-{datetime.now(UTC):%Y%m%dT%H%M%S.%f}")


def _identity(path: Path | None) -> tuple[int, int] | None:
    """What tells a file from another of the same name; None where there is none."""
    try:
        stat = path.stat() if path is not None else None
    except OSError:
        return None
    return (stat.st_dev, stat.st_ino) if stat is not None else None


def _is_nothing(path: Path) -> bool:
    """Whether there is no file, or an empty one, as SQLite makes when it is asked to open one that is gone."""
    return not path.exists() or not path.stat().st_size


def _lock_of(path: Path) -> Path:
    return path.with_name(f"{path.name}.lock")


def _locked(path: Path) -> TextIO:
    """A file beside the store that we hold locked as long as we live; the kernel lets go of it when we do not."""
    with told_apart():
        file = _lock_of(path).open("a+")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        file.seek(0)
        holder = file.read(40).strip()
        file.close()
        raise StoreNotOurs.in_use(path, holder) from error
    with contextlib.suppress(OSError):  # a disk that is full: the lock holds without our name on it
        file.truncate(0)
        os.write(file.fileno(), f"{os.getpid()}\n".encode())
    return file
