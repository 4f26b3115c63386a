"""Statements and transactions of SQLite, done in one go."""

import asyncio
import threading

import aiosqlite
import pytest
import pytest_asyncio
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlalchemy.ext.asyncio import create_async_engine

from prober.publish.history.at_once import Connection

ONE_MORE = text("INSERT INTO things VALUES ('d', 4)")
HOW_MANY = text("SELECT count(*) FROM things")


@pytest_asyncio.fixture
async def engine(tmp_path):
    """An engine over a file with a table of three rows."""
    engine = create_async_engine(f"sqlite+aiosqlite:///{tmp_path}/a.db", connect_args={"async_creator_fn": Connection})
    async with engine.begin() as connection:
        await connection.execute(text("CREATE TABLE things (name TEXT PRIMARY KEY, many INTEGER)"))
        rows = [{"name": name, "many": many} for many, name in enumerate("abc")]
        await connection.execute(text("INSERT INTO things VALUES (:name, :many)"), rows)
    yield engine
    await engine.dispose()


@pytest_asyncio.fixture
async def file(engine):
    """The connection to the file, beneath SQLAlchemy's."""
    async with engine.connect() as connection:
        yield (await connection.get_raw_connection()).driver_connection


@pytest.fixture
def errands(monkeypatch):
    """What the connection's thread was sent to do."""
    sent, there = [], aiosqlite.Connection._execute

    async def counted(connection, *given):
        sent.append(given)
        return await there(connection, *given)

    monkeypatch.setattr(aiosqlite.Connection, "_execute", counted)
    return sent


@pytest.mark.parametrize(
    "statement", ["SELECT * FROM things", "UPDATE things SET many = 7", "UPDATE things SET many = 7 RETURNING name"]
)
async def test_a_statement_and_its_rows_are_one_errand(engine, errands, statement):
    """A thread is woken once, and the loop told once."""
    async with engine.connect() as connection:
        await connection.execute(text("SELECT 1"))
        errands.clear()
        done = await connection.execute(text(statement))
        rows = done.all() if done.returns_rows else ()

        assert 1 == len(errands)
        assert len(rows) in {0, 3}


async def test_rows_and_counts_are_as_ever(engine):
    """Columns by name, how many were changed, and what is returned of it."""
    async with engine.begin() as connection:
        changed = await connection.execute(text("UPDATE things SET many = many + 1 WHERE many > 0"))
        told = await connection.execute(text("DELETE FROM things WHERE many = 2 RETURNING name"))
        left = await connection.execute(text("SELECT name, many FROM things ORDER BY name"))

    assert (2, ["b"]) == (changed.rowcount, told.scalars().all())
    assert [{"name": "a", "many": 0}, {"name": "c", "many": 3}] == [dict(row) for row in left.mappings()]


@pytest.mark.parametrize(
    ("statement", "error"),
    [("INSERT INTO things VALUES ('a', 1)", IntegrityError), ("SELECT nothing FROM nowhere", OperationalError)],
)
async def test_errors_are_told_as_ever(engine, statement, error):
    """By the driver's own words, and the connection goes on."""
    async with engine.connect() as connection:
        with pytest.raises(error):
            await connection.execute(text(statement))

        assert 3 == (await connection.execute(text("SELECT count(*) FROM things"))).scalar_one()


async def test_a_transaction_is_one_errand(engine, file, errands):
    """From its beginning until it is on the disk, whatever it does in between."""

    def work(transaction):
        transaction.execute(ONE_MORE)
        return transaction.execute(HOW_MANY).scalar_one(), threading.current_thread()

    many, thread = await file.transact(work)

    assert (4, file._thread, 1) == (many, thread, len(errands))
    assert not file.in_transaction


async def test_a_transaction_that_fails_changed_nothing(file):
    """The next one begins as if it had not been."""

    def work(transaction):
        transaction.execute(ONE_MORE)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await file.transact(work)

    assert 3 == await file.transact(lambda transaction: transaction.execute(HOW_MANY).scalar_one())


async def test_a_transaction_that_cannot_be_committed_is_over(file):
    """SQLite leaves it open; the next one could not begin."""

    def work(transaction):
        transaction.execute(text("CREATE TABLE parts (of TEXT REFERENCES things (name) DEFERRABLE INITIALLY DEFERRED)"))
        transaction.execute(text("INSERT INTO parts VALUES ('nothing')"))

    await file.execute("PRAGMA foreign_keys = ON")
    with pytest.raises(IntegrityError):
        await file.transact(work)

    assert not file.in_transaction
    assert 3 == await file.transact(lambda transaction: transaction.execute(HOW_MANY).scalar_one())


async def test_a_connection_that_goes_back_to_its_pool_is_no_errand(engine, errands):
    """Unless something was begun, there is nothing to undo."""
    async with engine.connect() as connection:
        await connection.execute(HOW_MANY)
        errands.clear()

    assert [] == errands


async def test_who_gives_up_waiting_leaves_nothing_half_done(engine):
    """The thread has not come to it yet, and will: what that begins is undone."""
    goes_on = threading.Event()

    async def write():
        async with engine.begin() as connection:
            file = (await connection.get_raw_connection()).driver_connection
            file._tx.put_nowait((None, lambda: goes_on.wait(10)))
            asyncio.get_running_loop().call_soon(waiting.cancel)
            asyncio.get_running_loop().call_later(0.05, goes_on.set)
            await connection.execute(ONE_MORE)

    waiting = asyncio.create_task(write())
    with pytest.raises(asyncio.CancelledError):
        await waiting

    async with engine.connect() as connection:
        assert not (await connection.get_raw_connection()).driver_connection.in_transaction
        assert 3 == (await connection.execute(HOW_MANY)).scalar_one()


async def test_it_keeps_no_process_alive(tmp_path):
    """A disk that hangs holds its thread for ever."""
    connection = await Connection(str(tmp_path / "a.db"), timeout=1.0)

    assert connection._thread.daemon
    await connection.close()
