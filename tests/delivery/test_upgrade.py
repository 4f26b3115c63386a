"""Stores that earlier versions wrote (stores/make): each opens, is migrated, and its past is shown."""

import asyncio
import lzma
import sqlite3
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from sqlalchemy import Boolean, MetaData

from prober.publish.history.engine import engines, in_file
from prober.publish.history.migrations import _config
from prober.publish.history.store import SqlStore
from prober.publish.history.tables import metadata
from tests import postgres as pg
from tests.live import serving, total

STORES = Path(__file__).with_name("stores")
NAMES = sorted(path.name.partition(".")[0] for path in STORES.glob("*.db.xz"))
CAUSE = "service_credentials_missing"

#: Whose targets are gone, and which lets nothing go for its age.
CONFIG = """
version: 1
environment: staging
history: {file: prober.db, keep: 876000h, keep_mib: 1024}
services:
  backend: {role: backend, url: "http://127.0.0.1:9"}
chains:
  validation:
    interval: 5s
    deadline: 5s
    steps:
      - {name: health, probe: http, service: backend, get: /health, shows: health}
"""


def laid(name, folder):
    """The store, unpacked as `prober.db`; what it says itself that it holds: tables, runs, slots."""
    path = folder / "prober.db"
    path.write_bytes(lzma.decompress((STORES / f"{name}.db.xz").read_bytes()))
    with sqlite3.connect(path) as connection:
        (version,) = connection.execute("SELECT version_num FROM alembic_version").fetchone()
        runs = {run for (run,) in connection.execute("SELECT id FROM runs")}
        (slots,) = connection.execute("SELECT count(*) FROM slots").fetchone()
    connection.close()
    return path, version, runs, slots


def shape(path):
    """Of each table its columns, in whichever order; of each index its table and columns."""
    objects = "SELECT name FROM sqlite_master WHERE type = ? AND name NOT LIKE 'sqlite_%'"
    with sqlite3.connect(path) as connection:
        tables, indices = ([name for (name,) in connection.execute(objects, [kind])] for kind in ("table", "index"))
        columns = {
            name: {tuple(column) for _, *column in connection.execute(f"PRAGMA table_info({name})")} for name in tables
        }
        indexed = {name: connection.execute(f"PRAGMA index_xinfo({name})").fetchall() for name in indices}
    connection.close()
    return columns, indexed


@pytest.fixture
async def today(tmp_path):
    """The shape of a store that is new."""
    path = tmp_path / "new.db"
    store = SqlStore(in_file(path), "main")
    await store.open()
    await store.aclose()
    return shape(path)


def newest():
    """The revision of today's tables."""
    from alembic.script import ScriptDirectory  # noqa: PLC0415 - of this alone

    return ScriptDirectory.from_config(_config())


def test_every_version_of_the_tables_has_a_store_of_its_time():
    """Whoever changes tables keeps one that the new code wrote."""
    assert NAMES == sorted(script.revision for script in newest().walk_revisions())


@pytest.mark.parametrize("name", NAMES)
async def test_a_store_of_an_earlier_version_opens(name, tmp_path, today):
    """Its tables become those of a new one, with every run and slot; as it was, it lies beside, where they changed."""
    path, version, runs, slots = laid(name, tmp_path)
    store = SqlStore(in_file(path), "main")
    await store.open()
    kept = await store.newest(chain=None, verdict=None, limit=100)
    reports = [await store.get(run) for run in runs]
    recalls = await store.recalls(ended_after=datetime.fromtimestamp(0, UTC))
    await store.aclose()
    with sqlite3.connect(path) as connection:
        told = connection.execute("SELECT (SELECT version_num FROM alembic_version), (SELECT count(*) FROM slots)")
        now = told.fetchone()
    connection.close()

    assert name == version
    assert len(runs) >= 4
    assert (newest().get_current_head(), slots) == now
    assert today == shape(path)
    assert runs == {report["run"]["id"] for report in reports}
    assert len(runs) == len(kept) == len(recalls)
    assert {"pass", "fail"} == {report["run"]["verdict"] for report in reports}
    assert version == now[0] or len(list(tmp_path.glob("prober.db.before-*"))) == 1


@pytest.mark.parametrize("name", [NAMES[0], *(pytest.param(each, marks=pytest.mark.long) for each in NAMES[1:])])
async def test_the_past_is_shown_as_if_it_were_ours(name, tmp_path):
    """By the API of a real `prober serve`, the diagnosis of then included; what is seen now is kept beside it."""
    path, _, runs, _ = laid(name, tmp_path)
    config = tmp_path / "probes.yaml"
    config.write_text(CONFIG)
    async with serving(config, {}, tmp_path / "log") as served, httpx.AsyncClient(trust_env=False) as client:
        listed = (await client.get(f"{served.url}/api/v1/runs?limit=100")).raise_for_status().json()
        broken = (await client.get(f"{served.url}/api/v1/runs?verdict=fail&chain=validation&limit=100")).json()
        reports = [(await client.get(f"{served.url}/api/v1/runs/{run}")).json() for run in runs]
        page = (await client.get(served.url)).raise_for_status().text
        while not total(await served.page(), "prober_chain_runs_total"):  # noqa: ASYNC110 - only the page tells
            await asyncio.sleep(0.05)

    assert runs <= {each["run"]["id"] for each in listed["runs"]}
    assert {each["run"]["id"] for each in broken["runs"]} & runs
    assert {CAUSE} == {cause["name"] for each in reports for cause in each["diagnosis"]["causes"]}
    assert "validation" in page
    with sqlite3.connect(path) as connection:
        kept = {run for (run,) in connection.execute("SELECT id FROM runs")}
    connection.close()
    assert runs < kept


# ── PostgreSQL ───────────────────────────────────────────────────────────────────────────────────────────────────────

#: All there is of a database's tables, a line each; alembic's own is none of ours.
_CATALOGUE = """
SELECT 'column', table_name, column_name, data_type, coalesce(character_maximum_length::text, ''), is_nullable,
  coalesce(column_default, '') FROM information_schema.columns WHERE table_schema = 'public'
UNION ALL SELECT 'index', tablename, indexname, indexdef, '', '', '' FROM pg_indexes WHERE schemaname = 'public'
UNION ALL SELECT 'constraint', conrelid::regclass::text, conname, pg_get_constraintdef(oid), '', '', ''
  FROM pg_constraint WHERE connamespace = 'public'::regnamespace
"""


async def at(address, work):
    """What `work` gives of a connection, in a transaction."""
    both = engines(address)
    try:
        async with both.migrating.begin() as connection:
            return await connection.run_sync(work)
    finally:
        await both.aclose()


def upgrade_to(version):
    """Make the tables of a version, one after the other."""
    from alembic import command  # noqa: PLC0415 - of this alone

    def upgrade(connection):
        """On this connection."""
        config = _config()
        config.attributes["connection"] = connection
        command.upgrade(config, version)

    return upgrade


def filled_from(path):
    """Put every row of a SQLite store into the same tables; gives what lies there then."""

    def fill(connection):
        """On this connection."""
        tables = MetaData()
        tables.reflect(connection)
        with sqlite3.connect(path) as file:
            file.row_factory = sqlite3.Row
            for table in tables.sorted_tables:
                found = file.execute(f"SELECT * FROM {table.name}")  # noqa: S608 - a name of ours
                rows = [_row(table, row) for row in found]
                if rows and table.name != "alembic_version":
                    connection.execute(table.insert(), rows)
        file.close()
        return rows_of(tables)(connection)

    return fill


def _row(table, row):
    """SQLite knows no truth, only 0 and 1."""
    return {
        name: bool(row[name]) if isinstance(table.c[name].type, Boolean) and row[name] is not None else row[name]
        for name in row.keys()  # noqa: SIM118 - a row of SQLite iterates over its values
    }


def rows_of(tables):
    """Of each of these tables its rows, in whichever order; without the version, which is to change."""

    def read(connection):
        """On this connection."""
        ours = [table for table in tables.sorted_tables if table.name != "alembic_version"]
        return tables, {table.name: sorted(map(repr, connection.execute(table.select()))) for table in ours}

    return read


def differences(connection):
    """What alembic would change to have today's tables."""
    from alembic.autogenerate import compare_metadata  # noqa: PLC0415 - of this alone
    from alembic.migration import MigrationContext  # noqa: PLC0415 - of this alone

    options = {"compare_type": True, "compare_server_default": True}
    return compare_metadata(MigrationContext.configure(connection, opts=options), metadata)


async def opened(address):
    """A store is opened there, as a start does; its tables, as the database tells of them."""
    store = SqlStore(address, "main")
    await store.open()
    await store.aclose()
    return sorted(pg.ask(address, _CATALOGUE).splitlines())


@pytest.mark.postgres
@pytest.mark.parametrize("name", [NAMES[0], *(pytest.param(each, marks=pytest.mark.long) for each in NAMES[1:])])
async def test_a_shared_store_of_an_earlier_version_opens(name, tmp_path, postgres):
    """Columns, indexes and constraints become those of a new one, and of `metadata`; the rows stay what they were."""
    path, _, runs, slots = laid(name, tmp_path)
    address = postgres.database()
    await at(address, upgrade_to(name))
    tables, before = await at(address, filled_from(path))
    migrated = await opened(address)
    _, after = await at(address, rows_of(tables))
    store = SqlStore(address, "main")
    await store.open()
    reports = [await store.get(run) for run in runs]
    await store.aclose()

    assert slots == len(before["slots"])
    assert before == after
    assert [] == await at(address, differences)
    assert await opened(postgres.database()) == migrated
    assert newest().get_current_head() == pg.ask(address, "SELECT version_num FROM alembic_version")
    assert runs == {report["run"]["id"] for report in reports}


@pytest.mark.postgres
async def test_a_table_that_is_another_is_seen(postgres):
    """By its type, default, index or constraint: else the test above would prove nothing."""
    address = postgres.database()
    new = await opened(address)
    changes = (
        "ALTER TABLE runs ALTER COLUMN ended TYPE real",
        "ALTER TABLE notes ALTER COLUMN noted DROP DEFAULT",
        "ALTER TABLE pauses ALTER COLUMN reason DROP NOT NULL",
        "DROP INDEX intents_open; CREATE INDEX intents_open ON intents (location)",
        "ALTER TABLE grids DROP CONSTRAINT grids_chain_location_interval_seconds_key",
    )
    seen = [tuple(sorted(pg.ask(address, f"{change}; {_CATALOGUE}").splitlines())) for change in changes]

    assert len(changes) + 1 == len({tuple(new), *seen})
