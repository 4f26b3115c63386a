"""The versions, applied one after the other, make the tables that the code speaks of."""

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from prober.publish.history.engine import engines, in_file
from prober.publish.history.migrations import is_old
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
