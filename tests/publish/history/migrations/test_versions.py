"""The versions, applied one after the other, make the tables that the code speaks of."""

import contextlib
import sqlite3
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text

from prober.model.chain import Keeping
from prober.model.errors import StoreUnavailable
from prober.publish.history import engine
from prober.publish.history.engine import engines, in_file
from prober.publish.history.migrations import _config, is_old, migrate, versions
from prober.publish.history.store import _MIGRATION_LOCK, SqlStore
from prober.publish.history.tables import metadata


@pytest.fixture
async def upgraded(address):
    """A store whose tables the versions made, one after the other."""
    made = engines(address)
    async with made.writing.begin() as connection:
        await connection.run_sync(upgrade, "head")
    yield made.writing
    await made.aclose()


async def test_the_versions_make_the_tables(upgraded):
    """No column, key or index differs from those that the code speaks of."""

    def differences(connection):
        """What would have to change."""
        return compare_metadata(MigrationContext.configure(connection), metadata)

    async with upgraded.connect() as connection:
        assert [] == await connection.run_sync(differences)
        assert not await connection.run_sync(is_old)


async def test_a_new_file_has_what_the_versions_make(tmp_path):
    """Its tables are made at once, down to defaults, conditions of indices, and what goes with a row that goes."""
    for name, work in (("versioned.db", lambda connection: upgrade(connection, "head")), ("new.db", migrate)):
        made = engines(in_file(tmp_path / name))
        async with made.writing.begin() as connection:
            await connection.run_sync(work)
        await made.aclose()

    assert parts(tmp_path / "versioned.db") == parts(tmp_path / "new.db")
    assert ("version", versions()[-1]) in parts(tmp_path / "new.db")


#: Each column, key and index of a file, how its tables keep their rows, and which version is written down.
_PARTS = {
    "table": "SELECT name, wr, strict FROM pragma_table_list WHERE schema = 'main'",
    "column": """SELECT m.name, i.name, i.type, i."notnull", i.dflt_value, i.pk
        FROM sqlite_master m, pragma_table_info(m.name) i WHERE m.type = 'table'""",
    "reference": """SELECT m.name, f."from", f."table", f."to", f.on_delete
        FROM sqlite_master m, pragma_foreign_key_list(m.name) f""",
    "unique": """SELECT m.name, l.origin, group_concat(i.name)
        FROM sqlite_master m, pragma_index_list(m.name) l, pragma_index_info(l.name) i
        WHERE l."unique" GROUP BY l.name""",
    "index": "SELECT name, tbl_name, sql FROM sqlite_master WHERE type = 'index' AND sql NOT NULL",
    "version": "SELECT version_num FROM alembic_version",
}


def parts(path):
    """All of them."""
    with contextlib.closing(sqlite3.connect(path)) as connection:
        return {(kind, *row) for kind, query in _PARTS.items() for row in connection.execute(query)}


def test_the_versions_are_those_that_alembic_knows():
    """They are read by the names of their files, so that nobody need import alembic to find that all is well."""
    scripts = ScriptDirectory.from_config(_config())

    assert [script.revision for script in scripts.walk_revisions()] == list(reversed(versions()))
    assert versions()[-1] == scripts.get_current_head()


#: Opens the store that is named, and says which of its libraries were needed.
_OPENS = """
import asyncio, sys
from prober.publish.history.store import SqlStore

async def opened():
    store = SqlStore(sys.argv[1], "main")
    await store.open()
    await store.aclose()

asyncio.run(opened())
print(*sorted({"alembic", "mako", "sqlalchemy"} & sys.modules.keys()))
"""


def opens(address):
    """Which libraries a process needs that opens a store."""
    command = [sys.executable, "-c", _OPENS, address]
    return subprocess.run(command, capture_output=True, text=True, timeout=30, check=True).stdout.split()


async def test_only_who_has_older_tables_imports_alembic(tmp_path):
    """A new store has none, and every later start finds those of today."""
    address, older = in_file(tmp_path / "prober.db"), in_file(tmp_path / "older.db")
    made = engines(older)
    async with made.writing.begin() as connection:
        await connection.run_sync(upgrade, "0001")
    await made.aclose()

    assert [["sqlalchemy"], ["sqlalchemy"]] == [opens(address), opens(address)]
    assert [["alembic", "mako", "sqlalchemy"], ["sqlalchemy"]] == [opens(older), opens(older)]


async def test_who_was_taken_back_to_nothing_has_a_new_store(address):
    """Alembic leaves its own table behind, with nothing in it."""
    made = engines(address)
    async with made.writing.begin() as connection:
        await connection.exec_driver_sql("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY)")
    await made.aclose()
    store = SqlStore(address, "main")
    await store.open()

    assert {} == await store.noted()
    await store.aclose()


async def test_notes_of_the_first_tables_count_as_noted_now(address):
    """They stay until somebody renews them, and for as long as anything is kept."""
    made = engines(address)
    async with made.writing.begin() as connection:
        await connection.run_sync(upgrade, "0001")
        await connection.exec_driver_sql("INSERT INTO notes (location, name, text) VALUES ('main', 'alarms', 'told')")
    await made.aclose()
    store = SqlStore(address, "main")
    await store.open()
    now = datetime.now(UTC)
    await store.prune(Keeping(seconds=60.0), now)
    told = [await store.noted()]
    await store.prune(Keeping(seconds=60.0), now + timedelta(seconds=90))
    told.append(await store.noted())
    await store.aclose()

    assert [{"alarms": "told"}, {}] == told


def upgrade(connection, version):
    """Make the tables of a version."""
    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, version)


@pytest.mark.postgres
async def test_a_long_migration_is_not_cut_short(postgres, monkeypatch):
    """What holds others up is ended after seconds, by PostgreSQL and by us; a change of a million rows is not."""
    monkeypatch.setitem(engine._POSTGRES_SETTINGS, "statement_timeout", "200")
    monkeypatch.setattr(engine, "PATIENCE_SECONDS", 0.4)

    def slowly(connection):
        """It takes its time."""
        connection.exec_driver_sql("SELECT pg_sleep(1)")
        migrate(connection)

    monkeypatch.setattr("prober.publish.history.store.migrate", slowly)
    store = SqlStore(postgres.database(), "main")
    await store.open()
    with pytest.raises(StoreUnavailable, match="57014"):
        await store._read(text("SELECT pg_sleep(0.3)"))
    assert {} == await store.noted()
    await store.aclose()


@pytest.mark.postgres
async def test_who_finds_another_at_it_does_not_wait_for_its_end(postgres, monkeypatch):
    """The store is away meanwhile, as for any other reason, and turns go on."""
    monkeypatch.setitem(engine._POSTGRES_SETTINGS, "lock_timeout", "100")
    address = postgres.database()
    one, two = (SqlStore(address, "main") for _ in range(2))
    async with one._engines.migrating.begin() as connection:
        await connection.execute(text(f"SELECT pg_advisory_xact_lock({_MIGRATION_LOCK})"))
        with pytest.raises(StoreUnavailable, match="55P03"):
            await two.open()
    await two.open()
    assert {} == await two.noted()
    for each in (one, two):
        await each.aclose()


@pytest.mark.postgres
async def test_a_migration_has_a_bound_of_its_own(postgres, monkeypatch):
    """A generous one."""
    monkeypatch.setattr(engine, "MIGRATION_SECONDS", 0.2)
    monkeypatch.setattr(
        "prober.publish.history.store.migrate", lambda connection: connection.exec_driver_sql("SELECT pg_sleep(9)")
    )
    store = SqlStore(postgres.database(), "main")
    with pytest.raises(StoreUnavailable, match="57014"):
        await store.open()
    await store.aclose()


@pytest.fixture
async def old(tmp_path):
    """A file that an older version wrote."""
    address = in_file(tmp_path / "prober.db")
    store = SqlStore(address, "main")
    await store.open()
    await store.aclose()
    return address


async def test_before_tables_change_the_file_is_kept_as_it_was(old, tmp_path, monkeypatch):
    """Beside it, whole, under a name that says when."""
    monkeypatch.setattr("prober.publish.history.store.is_old", lambda _connection: True)
    store = SqlStore(old, "main")
    await store.open()
    await store.aclose()

    (copy,) = tmp_path.glob("prober.db.before-*")
    kept = engines(in_file(copy))
    async with kept.reading.connect() as connection:
        tables = (
            await connection.exec_driver_sql("SELECT count(*) FROM sqlite_master WHERE name = 'slots'")
        ).scalar_one()
    await kept.aclose()
    assert 1 == tables
