"""The database behind an address: SQLite in a file or in memory, or PostgreSQL; and how their troubles read."""

import asyncio
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, DisconnectionError, NoSuchModuleError
from sqlalchemy.exc import TimeoutError as NoConnectionInTime
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool, Pool, QueuePool

from prober.model.errors import StoreDamaged, StoreUnavailable
from prober.publish.history import at_once

T = TypeVar("T")

#: How long one transaction may take, waiting for others included.
PATIENCE_SECONDS = 5.0

#: How long a migration may take, of a million rows too.
MIGRATION_SECONDS = 300.0

#: How long SQLite waits for somebody else's lock before it says so: less than our patience.
_BUSY_MS = 2000

#: PostgreSQL ends what holds others up: a paused instance must not keep its row locks.
_POSTGRES_SETTINGS = {
    "application_name": "prober",
    "lock_timeout": "3000",
    "statement_timeout": "4000",
    "idle_in_transaction_session_timeout": "5000",
    "timezone": "UTC",
}


_NO_ADDRESS = "its address is none"
_ANOTHER_KIND = "its address is of another kind of database"
_NO_FILE = "its address names no file"


def in_file(path: Path) -> str:
    """The address of a SQLite store."""
    return URL.create("sqlite", database=str(path)).render_as_string()


@dataclass(frozen=True, slots=True)
class Engines:
    """One for writing, one transaction at a time; one for reading beside it; one that may take long to write."""

    writing: AsyncEngine
    reading: AsyncEngine
    migrating: AsyncEngine
    path: Path | None  # of a SQLite file

    async def transact(self, work: Callable[[Connection], T]) -> T:
        """What `work` gives, done in one transaction; of a file, in one errand to the thread that has it."""
        if self.path is None:
            async with self.writing.begin() as connection:
                return await connection.run_sync(work)
        async with self.writing.connect() as connection:
            file: Any = (await connection.get_raw_connection()).driver_connection
            done: T = await file.transact(work)
            return done

    async def aclose(self) -> None:
        """Give every connection back, those too that somebody is about to: dispose() would forget them, open."""
        for engine in dict.fromkeys((self.writing, self.reading, self.migrating)):
            await _unused(engine.pool)
            await engine.dispose()


async def _unused(pool: Pool) -> None:
    """Wait until nobody uses a connection of it, for as long as a transaction may take."""
    with suppress(TimeoutError):
        async with asyncio.timeout(PATIENCE_SECONDS):
            while isinstance(pool, QueuePool) and pool.checkedout():  # noqa: ASYNC110 - the pool has no event for it
                await asyncio.sleep(0.01)


def engines(address: str) -> Engines:
    """The engines for an address; raises StoreUnavailable for one that cannot be understood, without quoting it."""
    try:
        url = make_url(address)
    except ArgumentError as error:
        raise StoreUnavailable.address(_NO_ADDRESS) from error
    except ValueError:  # it quotes what it took for a port, and that may be half of a password with an @ in it
        raise StoreUnavailable.address(_NO_ADDRESS) from None
    make = {"sqlite": _sqlite, "postgresql": _postgres, "postgres": _postgres}.get(url.get_backend_name())
    if make is None:
        raise StoreUnavailable.address(_ANOTHER_KIND)
    return make(url)


def _sqlite(url: URL) -> Engines:
    if not url.database:
        raise StoreUnavailable.address(_NO_FILE)
    writing, reading = (
        create_async_engine(
            url.set(drivername="sqlite+aiosqlite"),
            connect_args={"timeout": _BUSY_MS / 1000, "async_creator_fn": at_once.Connection},
            pool_size=size,
            max_overflow=0,
            pool_timeout=PATIENCE_SECONDS,
        )
        for size in (1, 2)
    )
    event.listen(writing.sync_engine, "connect", _prepare(_WRITING))
    event.listen(writing.sync_engine, "begin", at_once.begin_immediately)
    event.listen(reading.sync_engine, "connect", _prepare(_READING))
    return Engines(writing, reading, writing, Path(url.database))


_WRITING = (
    "auto_vacuum = INCREMENTAL",  # only heeded before the first table
    "journal_mode = WAL",
    "synchronous = FULL",  # a commit is on the disk: NORMAL may lose the last ones with the power
    "foreign_keys = ON",
    f"busy_timeout = {_BUSY_MS}",
    "journal_size_limit = 16777216",
)
_READING = ("query_only = ON", f"busy_timeout = {_BUSY_MS}")


def _prepare(pragmas: Sequence[str]) -> Callable[[Any, object], None]:
    def prepare(connection: Any, _record: object) -> None:  # noqa: ANN401 - a driver's connection, adapted
        connection.isolation_level = None  # the driver begins nothing by itself: at_once.begin_immediately does
        cursor = connection.cursor()
        for pragma in pragmas:
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    return prepare


def _postgres(url: URL) -> Engines:
    """Who writes never waits for who reads; a connection that broke is found out before it is used."""
    if unknown := url.query.keys() - {"sslmode"}:
        wrong = f"its address says {', '.join(sorted(unknown))}, which is not understood here"
        raise StoreUnavailable.address(wrong)
    writing, reading = (_pool(url, size) for size in (3, 2))  # turns, letters and what is let go; the page
    return Engines(writing, reading, _unhurried(url), None)


def _pool(url: URL, size: int) -> AsyncEngine:
    sizes = {"pool_size": size, "max_overflow": 0, "pool_timeout": PATIENCE_SECONDS, "pool_pre_ping": True}
    return _asyncpg(url, PATIENCE_SECONDS, _POSTGRES_SETTINGS, **sizes)


def _unhurried(url: URL) -> AsyncEngine:
    """For a change of the tables, now and then: it may not wait for others' locks longer, but may itself take long."""
    long = f"{MIGRATION_SECONDS * 1000:.0f}"
    settings = {"statement_timeout": long, "idle_in_transaction_session_timeout": long}
    return _asyncpg(url, None, _POSTGRES_SETTINGS | settings, poolclass=NullPool)


def _asyncpg(url: URL, patience_seconds: float | None, settings: Mapping[str, str], **pool: Any) -> AsyncEngine:  # noqa: ANN401 - what SQLAlchemy's pools want to know
    try:
        return create_async_engine(
            url.set(drivername="postgresql+asyncpg", query={}),
            connect_args={
                "ssl": url.query.get("sslmode", "prefer"),  # libpq's word for it, as every hosted address has it
                "timeout": 3,
                "command_timeout": patience_seconds,
                "server_settings": settings,
            },
            **pool,
        )
    except (NoSuchModuleError, ImportError) as error:
        raise StoreUnavailable.driver() from error


# ── troubles ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@contextmanager
def told_apart() -> Iterator[None]:
    """Say StoreUnavailable for what passes by itself or wants somebody's hand; what is our own bug stays as it is.

    Raises:
        StoreDamaged: the file is no SQLite database, or not all of one.
        StoreUnavailable: whatever else is not our statement's fault.
    """
    try:
        yield
    except (DBAPIError, sqlite3.Error) as error:  # the latter from the pragmas of a connection that is being made
        if _sqlite_code(error) in _SQLITE_DAMAGED:
            raise StoreDamaged(_why(error) or "") from error
        if (why := _why(error)) is None:
            raise
        raise StoreUnavailable(why) from error
    except (OSError, TimeoutError) as error:
        raise StoreUnavailable(f"{type(error).__name__}: {error}" if str(error) else type(error).__name__) from error
    except (DisconnectionError, NoConnectionInTime) as error:  # of the pool's connections
        raise StoreUnavailable(type(error).__name__) from error


def got_in_the_way(error: DBAPIError) -> bool:
    """Whether two transactions waited for each other and one was given up: doing it again would do."""
    return (getattr(error.orig, "sqlstate", None) or "").startswith("40")


#: SQLite's primary result codes that say something about the file or its place, not about our statement.
_SQLITE_AWAY = {
    sqlite3.SQLITE_BUSY: "another process has locked it",
    sqlite3.SQLITE_LOCKED: "another process has locked it",
    sqlite3.SQLITE_FULL: "the disk is full",
    sqlite3.SQLITE_READONLY: "it is read-only",
    sqlite3.SQLITE_IOERR: "the disk gave an error",
    sqlite3.SQLITE_CANTOPEN: "the file cannot be opened",
    sqlite3.SQLITE_CORRUPT: "the file is damaged",
    sqlite3.SQLITE_NOTADB: "the file is no SQLite database",
    sqlite3.SQLITE_NOMEM: "there is no memory left",
    sqlite3.SQLITE_PERM: "the file may not be used by us",
    sqlite3.SQLITE_PROTOCOL: "another process has locked it",
}

_SQLITE_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)

_POSTGRES_WORDS = {
    "42501": "its user may not make or write the tables: give it a database of its own, or the schema's CREATE",
    "42P01": "tables are missing from it",
    "28P01": "it refuses our user or password",
    "3D000": "it has no such database",
}

#: Classes of SQLSTATE, and single ones, that say something about the server or the connection.
_POSTGRES_AWAY = ("08", "28", "40", "53", "55", "57", "58", "3D", "25P0", "42501", "42P01", "XX")


def _sqlite_code(error: DBAPIError | sqlite3.Error) -> int | None:
    """SQLite's primary result code, if it is SQLite that complains."""
    cause = getattr(error, "orig", None) or error
    code = getattr(cause.__cause__, "sqlite_errorcode", None) or getattr(cause, "sqlite_errorcode", None)
    return None if code is None else code & 0xFF


def _why(error: DBAPIError | sqlite3.Error) -> str | None:
    """Why the store is away; None when our statement is at fault."""
    if (code := _sqlite_code(error)) is not None:
        return _SQLITE_AWAY.get(code)
    return _why_postgres(error) if isinstance(error, DBAPIError) else None


def _why_postgres(error: DBAPIError) -> str | None:
    cause = error.orig.__cause__ or error.orig if error.orig is not None else error
    state = getattr(error.orig, "sqlstate", None) or getattr(cause, "sqlstate", None)
    if state is not None:
        return _POSTGRES_WORDS.get(state, f"PostgreSQL says {state}") if state.startswith(_POSTGRES_AWAY) else None
    return type(cause).__name__ if error.connection_invalidated or isinstance(cause, OSError) else None
