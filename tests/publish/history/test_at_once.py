"""Statements to SQLite, done in one go."""

import aiosqlite
import pytest
import pytest_asyncio
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlalchemy.ext.asyncio import create_async_engine

from prober.publish.history.at_once import Connection


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


@pytest.mark.parametrize(
    "statement", ["SELECT * FROM things", "UPDATE things SET many = 7", "UPDATE things SET many = 7 RETURNING name"]
)
async def test_a_statement_and_its_rows_are_one_errand(engine, monkeypatch, statement):
    """A thread is woken once, and the loop told once."""
    errands, there = [], aiosqlite.Connection._execute

    async def counted(connection, *given):
        errands.append(given)
        return await there(connection, *given)

    async with engine.connect() as connection:
        await connection.execute(text("SELECT 1"))
        monkeypatch.setattr(aiosqlite.Connection, "_execute", counted)
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


async def test_it_keeps_no_process_alive(tmp_path):
    """A disk that hangs holds its thread for ever."""
    connection = await Connection(str(tmp_path / "a.db"), timeout=1.0)

    assert connection._thread.daemon
    await connection.close()
