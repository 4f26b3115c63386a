"""Stores that earlier versions wrote (stores/make): each opens, is migrated, and its past is shown."""

import asyncio
import lzma
import sqlite3
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from prober.publish.history.engine import in_file
from prober.publish.history.migrations import _config
from prober.publish.history.store import SqlStore
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
