"""A connection to SQLite that takes a statement, does it and fetches its rows in one go.

aiosqlite hands over one by one, and waits for each: that there is to be a cursor, the statement, its rows, and that the
cursor is done with. A thread is woken and the loop told for each of them, which takes longer than what SQLite does.
"""

import sqlite3
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Self

import aiosqlite

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

    def _with_it(self, work: Callable[..., Done], *given: Any) -> Done:  # noqa: ANN401 - as the work takes it
        return work(self._conn, *given)


def _execute(connection: sqlite3.Connection, statement: str, parameters: Sequence[Any]) -> Done:
    return _closed(connection.execute(statement, parameters))


def _execute_many(connection: sqlite3.Connection, statement: str, parameters: Iterable[Sequence[Any]]) -> Done:
    return _closed(connection.executemany(statement, parameters))


def _closed(cursor: sqlite3.Cursor) -> Done:
    rows = cursor.fetchall() if cursor.description else ()
    done = Done(rows, cursor.description, cursor.rowcount, cursor.lastrowid)
    cursor.close()
    return done
