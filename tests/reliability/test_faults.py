"""A real prober whose store or clock fails, its peer well throughout: looking goes on, and nothing is lost."""

import asyncio
import os
import resource
import signal
import sqlite3
import time
from contextlib import asynccontextmanager, closing, contextmanager

import pytest

from tests.live import total
from tests.reliability.peer import peer
from tests.reliability.rig import CHAINS, Home, blame, living, missed

#: The first turns pass by while it starts; the others are the machine's doing.
EXCUSED = {"process_down", "overrun", "stalled"}

pytestmark = pytest.mark.timeout(240)


@contextmanager
def locked(home, _life):
    """Another process holds the file's lock."""
    with closing(sqlite3.connect(home.file, isolation_level=None, timeout=10)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


@contextmanager
def full(_home, life):
    """No file may grow any more, as on a disk that is full or a quota that is used up."""
    before = resource.prlimit(life.process.pid, resource.RLIMIT_FSIZE)
    limit = life.log.stat().st_size + 65536  # the log may grow a little, or we would not hear of it
    resource.prlimit(life.process.pid, resource.RLIMIT_FSIZE, (limit, before[1]))
    yield
    resource.prlimit(life.process.pid, resource.RLIMIT_FSIZE, before)


#: How a store fails, for how many seconds, and what the log says of it.
AWAY = {"locked": (locked, 9, "another process has locked it"), "full": (full, 4, "the disk")}


async def looks(target, least=3):
    """So many more looks at the peer; how long the last of them took to come."""
    known, began = len(await target.asked()), time.monotonic()
    async with asyncio.timeout(30):
        while len(await target.asked()) < known + least:  # noqa: ASYNC110 - another process raises no event
            await asyncio.sleep(0.1)
    return time.monotonic() - began


async def says(life, words, patience_seconds=40):
    """Until the log says so."""
    async with asyncio.timeout(patience_seconds):
        while words not in life.said():  # noqa: ASYNC110 - another process raises no event
            await asyncio.sleep(0.1)


@asynccontextmanager
async def well(folder, **more):
    """A prober that has looked a few times, with its home."""
    async with peer() as target:
        home = Home(folder, target, **more)
        async with living(home) as life:
            await life.at_rest(list(CHAINS), 40, least=2)
            yield home, life


async def whole(home, life):
    """The books balance, by the store and by the metrics; nothing is held against the peer; what was missed."""
    page = await life.at_rest(list(CHAINS), 40, least=2)
    accounts = await home.accounts()

    assert [] == blame(page)
    assert all(account.balances for account in accounts)
    return missed(accounts), page


@pytest.mark.parametrize("fault", AWAY)
async def test_a_store_that_is_away_costs_nothing(tmp_path, fault):
    """It is told as our own fault; what was seen meanwhile is there afterwards, marked late."""
    how, seconds, why = AWAY[fault]
    async with well(tmp_path) as (home, life):
        with how(home, life):
            await says(life, "history.store_away")
            before = time.monotonic()
            await looks(life.peer)
            await asyncio.sleep(max(0.0, seconds - (time.monotonic() - before)))
        await says(life, "history.store_back")
        lost, page = await whole(home, life)
        late = home.ask("SELECT count(*) FROM runs WHERE late")

    assert why in life.said()
    assert total(page, "prober_internal_errors_total", component="history") >= 1
    assert late[0][0] >= 2
    assert set(lost) <= EXCUSED
    assert home.is_whole()


async def test_a_file_that_is_deleted_is_there_again(tmp_path):
    """With all that was in it, and all that came after; it is said in the log."""
    async with well(tmp_path) as (home, life):
        before = home.runs()
        for file in tmp_path.glob("prober.db*"):
            file.unlink()
        await says(life, "history.file_gone")
        await looks(life.peer)
        lost, _page = await whole(home, life)

        assert before < home.runs()
        assert set(lost) <= EXCUSED
        assert home.is_whole()


async def test_a_file_that_is_damaged_is_set_aside(tmp_path):
    """We begin anew, and say so; the damaged file is kept."""
    async with well(tmp_path) as (home, life):
        await life.kill()
        with closing(sqlite3.connect(home.file)) as file:
            file.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        good = home.file.read_bytes()
        home.file.write_bytes(good[:4096] + b"Z" * (len(good) - 4096))
        (tmp_path / "prober.db-wal").unlink(missing_ok=True)
        async with living(home) as after:
            await whole(home, after)

            assert "history.file_damaged" in after.said()
    assert 1 == len(list(tmp_path.glob("prober.db.damaged-*")))


async def test_a_prober_that_was_stopped_says_so(tmp_path):
    """The turns of that time are missed for that reason, and blame nobody."""
    async with well(tmp_path) as (home, life):
        os.kill(life.process.pid, signal.SIGSTOP)
        await asyncio.sleep(3)
        os.kill(life.process.pid, signal.SIGCONT)
        await looks(life.peer)
        lost, _page = await whole(home, life)

    assert lost["stalled"] >= 2


@pytest.mark.postgres
async def test_a_postgres_that_restarts_stands_still_or_throws_us_out_costs_nothing(tmp_path, postgres):
    """Each in turn: looking goes on, and the books are whole afterwards."""
    async with well(tmp_path, database=postgres.database()) as (home, life):
        postgres.stop()
        await says(life, "history.store_away")
        await looks(life.peer)
        postgres.start()
        await says(life, "history.store_back")
        with postgres.paused():
            await looks(life.peer, 9)
        postgres.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'prober'")
        await looks(life.peer)
        await asyncio.sleep(1)
        lost, page = await whole(home, life)

    assert total(page, "prober_internal_errors_total", component="history") >= 1
    assert set(lost) <= EXCUSED
