"""The versions, applied one after the other, make the tables that the code speaks of."""

from datetime import UTC, datetime, timedelta

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from prober.model.chain import Keeping
from prober.publish.history.engine import engines, in_file
from prober.publish.history.migrations import _config, is_old
from prober.publish.history.store import SqlStore
from prober.publish.history.tables import metadata


async def test_the_versions_make_the_tables(store):
    """No column, key or index differs."""

    def differences(connection):
        """What would have to change."""
        return compare_metadata(MigrationContext.configure(connection), metadata)

    async with store._engines.writing.connect() as connection:
        assert [] == await connection.run_sync(differences)
        assert not await connection.run_sync(is_old)


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
