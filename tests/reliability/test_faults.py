"""A real prober whose store, clock or process is hindered, the lab well throughout: not one result is held against it.

Here each fault is short, and several befall one prober in turn; `-m long` takes each by itself, for its full time.
"""

import asyncio
import json
import os
import shutil
import sqlite3
import sys
import time
from contextlib import asynccontextmanager, closing

import pytest
import pytest_asyncio

from prober.publish.history.engine import in_file
from prober.publish.history.entries import Kept
from prober.publish.history.record import Record
from prober.publish.history.store import SqlStore
from tests import faketime
from tests.live import samples, total
from tests.publish import builders as p
from tests.reliability import strace, tmpfs
from tests.reliability.faults import CLOCKS, EXCUSED, FAULTS, ZONES, clock, zone
from tests.reliability.rig import CHAINS, ROOT, Home, blame, living, missed
from tests.reliability.targets import lab, quick

pytestmark = [pytest.mark.timeout(240), pytest.mark.asyncio(loop_scope="module")]

#: A round of all chains, and what a busy machine may take for it.
_A_FEW = 4


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def healthy():
    """The lab, in which nothing is ever wrong."""
    async with lab() as target:
        yield target


async def looked(life):
    """How many runs it has ended."""
    return total(await life.page(), "prober_chain_runs_total")


async def looks(life, least=_A_FEW):
    """So many more runs; how long the last of them took to come."""
    known, began = await looked(life), time.monotonic()
    async with asyncio.timeout(30):
        while await looked(life) < known + least:  # noqa: ASYNC110 - another process raises no event
            await asyncio.sleep(0.1)
    return time.monotonic() - began


async def says(life, words, since=0, patience_seconds=40):
    """Until the log says so, after so much of it."""
    async with asyncio.timeout(patience_seconds):
        while words not in life.said()[since:]:  # noqa: ASYNC110 - another process raises no event
            await asyncio.sleep(0.1)


@asynccontextmanager
async def well(home, **more):
    """A prober that has looked a few times."""
    async with living(home, **more) as life:
        await life.at_rest(CHAINS, 40, least=2)
        yield life


async def whole(home, life):
    """The books balance, by the store and by the metrics; nothing is held against the target; all of that, and why."""
    page = await life.at_rest(CHAINS, 40, least=2)
    accounts = await home.accounts()
    ratios = {sample.value for sample in samples(page, "prober_success_ratio")}

    assert [] == blame(page)
    assert {1.0} == ratios
    assert 0 == home.failures()
    assert [] == [account for account in accounts if not account.balances or account.doubled or account.unexplained]
    assert 0 == home.runs_not_there()
    return missed(accounts), page


async def befalls(home, life, fault, seconds):
    """It begins, is told of, lasts while looking goes on, and is over; nothing is lost, and nobody is blamed."""
    since = len(life.said())
    before, page_before = missed(await home.accounts()), await life.page()
    async with fault.happens(home, life):
        began = time.monotonic()
        await says(life, fault.says, since)
        if fault.misses != "stalled":
            await looks(life)
        await asyncio.sleep(max(0.0, began + seconds - time.monotonic()))
    await says(life, fault.says_after, since)
    await looks(life)
    after, page = await whole(home, life)
    lost = {reason for reason in after if after[reason] > before[reason]}
    counted = [total(each, "prober_internal_errors_total", component=fault.counts) for each in (page_before, page)]
    blind = [total(each, "prober_chain_runs_total", verdict="blind") for each in (page_before, page)]

    assert home.is_whole()
    assert lost <= EXCUSED | {fault.misses}
    assert not fault.misses or fault.misses in lost
    assert not fault.counts or counted[0] < counted[1]
    return blind[1] - blind[0]


async def befall(home, names, **more):
    """One after the other befalls one prober; how many runs were blind for each."""
    async with well(home, **more) as life:
        return {name: await befalls(home, life, FAULTS[name], FAULTS[name].seconds) for name in names}


# ── a few of each, in CI ─────────────────────────────────────────────────────────────────────────────────────────────


async def test_what_befalls_a_file_costs_nothing(healthy, tmp_path):
    """Locked, deleted: what was seen meanwhile is there afterwards, marked late if it had to wait."""
    home = Home(tmp_path, healthy)
    await befall(home, ("locked", "deleted"))

    assert home.late() >= 2


@pytest.mark.long
async def test_a_disk_that_refuses_to_write_costs_nothing(healthy, tmp_path):
    """Read-only, and with errors now and then."""
    strace.installed_or_skip()
    home = Home(tmp_path, healthy)
    await befall(home, ("read_only", "io_errors"))

    assert home.late() >= 2


async def test_a_disk_that_is_full_costs_nothing(healthy, tmp_path):
    """And one that is read-only when we begin: books begin once it can be written."""
    with tmpfs.mounted(tmp_path / "disk", 8) as disk:
        home = Home(tmp_path / "home", healthy, kept=disk)
        await befall(home, ("full",))
        known = home.runs()
        tmpfs.make_read_only(disk)
        async with living(home, log="again") as life:
            await says(life, "history.store_away")
            await looks(life)
            tmpfs.make_writable(disk)
            await says(life, "history.store_back")
            lost, _page = await whole(home, life)

        assert known < home.runs()
        assert set(lost) <= {*EXCUSED, "died_mid_run"}  # the first of the two was killed, perhaps while it looked


async def leave_a_past(home):
    """As a prober does that has ended."""
    store = SqlStore(in_file(home.file), "main")
    await store.open()
    await store.write([Kept(location="main", record=Record.of(p.build_report()))])
    await store.aclose()


def patient(home):
    """Its chain with few steps gives them all the time that a busy machine may want."""
    path = home.folder / "probes.yaml"
    config = json.loads(path.read_text())
    steps = [{**step, "timeout": "20s"} for step in config["chains"]["quick"]["steps"]]
    config["chains"] = {"patient": {"interval": "1m", "deadline": "30s", "steps": steps}}
    path.write_text(json.dumps(config))


async def gate_of(home, *words):
    """`prober gate`, to its end: exit code, what it prints and what it notes."""
    command = [sys.executable, "-m", "prober", "gate", "--warm-up", "0", *map(str, words)]
    given = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **home.target.environment}
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*command, stdout=pipe, stderr=pipe, env=given, cwd=home.folder)
    out, err = await process.communicate()
    return process.returncode, out.decode(), err.decode()


async def test_a_gate_beside_a_disk_that_is_full_gives_its_verdict(healthy, tmp_path):
    """Go, with exit code 0; and it says that of before it knows nothing, and that it can leave nothing behind."""
    with tmpfs.mounted(tmp_path / "disk", 8) as disk:
        home = Home(tmp_path / "home", healthy, kept=disk)
        patient(home)
        await leave_a_past(home)
        with tmpfs.full(disk):
            code, out, err = await gate_of(home, "--save-baseline", disk / "before.json")

    assert (0, True) == (code, "patient: GO." in out)
    assert "gate.no_baseline" in err
    assert "before.json cannot be written: No space left on device" in err


@pytest.mark.long
async def test_a_quota_that_is_used_up_costs_nothing(tmp_path):
    """As on a disk that is full, where nobody may mount one."""
    async with quick() as target:
        home = Home(tmp_path, target)
        await befall(home, ("quota",))

        assert home.late() >= 2


async def test_a_clock_that_is_wrong_blames_nobody(healthy, tmp_path):
    """Set ahead, back, or standing still: runs in which tokens bear a wrong time are blind, and no slot comes twice."""
    faketime.installed_or_skip()
    home = Home(tmp_path, healthy)
    blind = await befall(home, ("hour_ahead", "hour_behind", "frozen"), **clock(home).environment, TZ="UTC")

    assert blind["hour_ahead"] > 0 < blind["hour_behind"]


@pytest.mark.long
async def test_a_prober_that_stood_still_blames_nobody(healthy, tmp_path):
    """Whether it was stopped, or held up by itself: the turns of that time are missed for that reason."""
    home = Home(tmp_path, healthy)
    async with well(home) as life:
        for name in ("stopped", "stalled"):
            await befalls(home, life, FAULTS[name], FAULTS[name].seconds)
        lag = total(await life.page(), "prober_event_loop_lag_seconds")

    assert lag > 2.5


@pytest.mark.long
@pytest.mark.parametrize("seconds", [0.0, 0.5, 1.0, 2.0, 3.0])
async def test_a_store_that_is_locked_holds_up_no_end(healthy, tmp_path, seconds):
    """Told to end while it waits for its store, it ends; what the store did not take, the next one hands over."""
    home = Home(tmp_path, healthy)
    async with well(home) as life, FAULTS["locked"].happens(home, life):
        await asyncio.sleep(seconds)
        code, took = await life.stop()
    async with well(home, log="again") as life:
        lost, _page = await whole(home, life)

    assert 0 == code
    assert took < healthy.deadline_seconds + 1 + 3  # a statement of SQLite's waits for two seconds, and cannot be cut
    assert set(lost) <= {*EXCUSED, "shutdown"}


# ── a file that is found as it should not be ─────────────────────────────────────────────────────────────────────────


_PAGE = 4096


async def left_behind(home):
    """A prober has written a few runs and ended; how many pages that are, and the first one of the slots."""
    async with well(home) as life:
        await life.stop()
    with closing(sqlite3.connect(home.file)) as file:
        file.execute("PRAGMA journal_mode = DELETE")
        ((slots,),) = file.execute("SELECT rootpage FROM sqlite_master WHERE name = 'slots'")
    return home.file.stat().st_size // _PAGE, slots


async def begins_on(home, good, page):
    """A prober begins on a file one page of which, counted from 1, is rubbish, and looks; whether it noticed."""
    home.file.write_bytes(good[: (page - 1) * _PAGE] + b"Z" * _PAGE + good[page * _PAGE :])
    async with well(home, log=f"log-{page}") as life:
        await whole(home, life)
        return "history.file_damaged" in life.said()


async def test_a_file_that_is_damaged_is_set_aside(healthy, tmp_path):
    """We begin anew, and say so; the damaged file is kept."""
    home = Home(tmp_path, healthy)
    _pages, slots = await left_behind(home)

    assert await begins_on(home, home.file.read_bytes(), slots)
    assert 1 == len(list(tmp_path.glob("prober.db.damaged-*")))
    assert home.is_whole()


@pytest.mark.long
async def test_a_store_without_room_gets_it_later(healthy, tmp_path):
    """SQLite itself says that it is full; the next process, with room, takes up what waited."""
    home = Home(tmp_path, healthy)
    async with well(home) as life:
        await life.stop()
    known, pages = home.runs(), home.file.stat().st_size // 4096
    async with living(home, log="full", PAGES=str(pages + 8)) as life:
        await says(life, "history.store_away")
        await looks(life)
        page = await life.page()
        code, _seconds = await life.stop()
        said = life.said()
    async with well(home, log="again") as life:
        lost, _page = await whole(home, life)

    assert ("the disk is full" in said, 0, []) == (True, code, blame(page))
    assert known < home.runs()
    assert home.late() >= 2
    assert set(lost) <= {*EXCUSED, "shutdown"}


# ── PostgreSQL ───────────────────────────────────────────────────────────────────────────────────────────────────────

_LOCK = "BEGIN; LOCK TABLE grids, slots, runs IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep(9); COMMIT"
_THROW_OUT = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'prober'"


@pytest.mark.postgres
async def test_a_postgres_that_restarts_stands_still_locks_or_throws_us_out_costs_nothing(healthy, tmp_path, postgres):
    """Each in turn: looking goes on, and the books are whole afterwards."""
    home = Home(tmp_path, healthy, postgres.database())
    async with well(home) as life:
        postgres.stop()
        await says(life, "history.store_away")
        await looks(life)
        postgres.start()
        await says(life, "history.store_back")
        with postgres.paused():
            await looks(life, 9)
        await whole(home, life)
        postgres.sql(_THROW_OUT)
        await looks(life)
        since = len(life.said())
        locking = asyncio.create_task(asyncio.to_thread(postgres.sql, _LOCK, home.database.rpartition("/")[2]))
        await says(life, "history.store_away", since)
        await looks(life)
        await locking
        await says(life, "history.store_back", since)
        lost, page = await whole(home, life)

    assert total(page, "prober_internal_errors_total", component="history") >= 2
    assert set(lost) <= EXCUSED


# ── in full ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.long
@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", FAULTS)
async def test_each_fault_for_its_full_time(healthy, tmp_path, name):
    """By itself, on a disk of its own."""
    faketime.installed_or_skip()
    strace.installed_or_skip()
    if name == "quota":
        pytest.skip("the log of the lab's chains outgrows it; what it does is what `full` does")
    with tmpfs.mounted(tmp_path / "disk", 32) as disk:
        home = Home(tmp_path / "home", healthy, kept=disk)
        shutil.copy(ZONES / "Etc/UTC", zone(home))
        more = {**clock(home).environment, "TZ": f":{zone(home)}"} if name in CLOCKS else {}
        async with well(home, **more) as life:
            blind = await befalls(home, life, FAULTS[name], FAULTS[name].long_seconds)

    assert (blind > 0) or not FAULTS[name].is_blind


@pytest.mark.long
@pytest.mark.timeout(1800)
async def test_each_page_that_may_be_damaged(healthy, tmp_path):
    """Whichever page of the file is rubbish when we begin."""
    home = Home(tmp_path, healthy)
    pages, slots = await left_behind(home)
    good, noticed = home.file.read_bytes(), set()
    for page in range(1, pages + 1):
        for file in tmp_path.glob("prober.db*"):
            file.unlink()
        if await begins_on(home, good, page):
            noticed.add(page)

    assert {1, slots} <= noticed  # the others when they are needed


@pytest.mark.long
@pytest.mark.timeout(3600)
async def test_each_write_that_may_fail(tmp_path):
    """The first, the second, and so on, until a few turns are over before it would fail."""
    strace.installed_or_skip()
    async with quick() as target:
        for number in range(1, 1000):
            home = Home(tmp_path / f"{number}", target)
            told = home.folder / "strace"
            tracer = [*strace.words(home.file, "EIO", str(number), told), "-D"]
            async with living(home, wrapped=tracer) as life:
                healing = asyncio.create_task(strace.let_go_after_one(life.process.pid, told))
                try:
                    lost, _page = await whole(home, life)
                finally:
                    healing.cancel()

            assert (number, set()) == (number, set(lost) - EXCUSED)
            if not strace.came_to_it(told):
                break
    assert number > 5
