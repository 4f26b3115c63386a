"""A connection to SQLite that takes a statement and fetches its rows in one go, or a whole transaction.

aiosqlite hands over one by one, and waits for each: that there is to be a cursor, the statement, its rows, and that the
cursor is done with. A thread is woken and the loop told for each of them, which takes longer than what SQLite does.
"""

import sqlite3
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any, Self, TypeVar

import aiosqlite
from sqlalchemy import Connection as Transaction
from sqlalchemy import Engine, StaticPool, create_engine, event

T = TypeVar("T")

#: Of rows that are fetched a few at a time, which nobody does.
_CHUNK = 64


@dataclass(frozen=True, slots=True)
class Done:
    """What came of a statement."""

    rows: Sequence[Any] = ()
    description: Any = None  # None: it has no rows
    rowcount: int = -1
    lastrowid: int | None = None


class Cursor:
    """What SQLAlchemy's adapter asks of a cursor."""

    arraysize = 1

    def __init__(self, do: Callable[..., Any]) -> None:
        """Have things done by `do`, in the connection's thread."""
        self._do, self._done = do, Done()

    async def __aenter__(self) -> Self:
        return self

    async def execute(self, statement: str, parameters: Sequence[Any] = ()) -> None:
        """Do one statement, and fetch all of its rows."""
        self._done = await self._do(_execute, statement, parameters)

    async def executemany(self, statement: str, parameters: Iterable[Sequence[Any]]) -> None:
        """Do one statement many times."""
        self._done = await self._do(_execute_many, statement, parameters)

    async def fetchall(self) -> Sequence[Any]:
        """The rows, which are here already."""
        return self._done.rows

    async def close(self) -> None:
        """Nothing: it was closed when its rows were fetched."""

    @property
    def description(self) -> Any:  # noqa: ANN401 - as sqlite3 has it
        """What the columns of its rows are called; None where it has none."""
        return self._done.description

    @property
    def rowcount(self) -> int:
        """How many rows were changed."""
        return self._done.rowcount

    @property
    def lastrowid(self) -> int | None:
        """The row that was inserted last."""
        return self._done.lastrowid


class Connection(aiosqlite.Connection):
    """One whose cursors do everything at once."""

    def __init__(self, database: str, **how: Any) -> None:  # noqa: ANN401 - as sqlite3 takes it
        """To be awaited, and open then."""
        super().__init__(partial(sqlite3.connect, database, **how), _CHUNK)
        self._thread.daemon = True  # as SQLAlchemy has it: a disk that hangs does not keep the process

    def cursor(self) -> Cursor:  # type: ignore[override] # as SQLAlchemy uses it: it is entered before it is used
        """A cursor."""
        return Cursor(partial(self._execute, self._with_it))

    async def transact(self, work: Callable[[Transaction], T]) -> T:
        """What `work` gives, done in one transaction: all of it is one errand, in the connection's thread."""
        done: T = await self._execute(self._transacted, work)  # type: ignore[no-untyped-call] # nor is aiosqlite's
        return done

    def _transacted(self, work: Callable[[Transaction], T]) -> T:
        try:
            with self._engine.begin() as transaction:
                return work(transaction)
        finally:
            if self._conn.in_transaction:  # a commit that failed: the next one could not begin
                self._conn.rollback()

    @cached_property
    def _engine(self) -> Engine:
        """SQLAlchemy over the one connection that is open, for the thread that may use it."""
        engine = create_engine("sqlite://", creator=lambda: self._conn, poolclass=StaticPool)
        event.listen(engine, "begin", begin_immediately)
        return engine

    async def rollback(self) -> None:
        """Undo what was begun; no errand where nothing was, as each time that a connection goes back to its pool.

        Who is cancelled while the thread is at it leaves nothing open: SQLAlchemy gives up the connection of a
        statement, and a whole transaction sees to its own end.
        """
        if self.in_transaction:
            await super().rollback()

    def _with_it(self, work: Callable[..., Done], *given: Any) -> Done:  # noqa: ANN401 - as the work takes it
        return work(self._conn, *given)


def begin_immediately(connection: Transaction) -> None:
    """Take the write lock at once: a transaction that finds it taken at its first write cannot wait for it."""
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _execute(connection: sqlite3.Connection, statement: str, parameters: Sequence[Any]) -> Done:
    return _closed(connection.execute(statement, parameters))


def _execute_many(connection: sqlite3.Connection, statement: str, parameters: Iterable[Sequence[Any]]) -> Done:
    return _closed(connection.executemany(statement, parameters))


def _closed(cursor: sqlite3.Cursor) -> Done:
    rows = cursor.fetchall() if cursor.description else ()
    done = Done(rows, cursor.description, cursor.rowcount, cursor.lastrowid)
    cursor.close()
    return done
