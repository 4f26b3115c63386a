"""Faults 52 to 70: our own store, clock and process. The lab is well throughout, and nothing is held against it."""

import asyncio
import json
import os
import resource
import shutil
import signal
import sqlite3
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractContextManager, asynccontextmanager, closing, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path

from tests import faketime, postgres
from tests.live import total
from tests.matrix import front as fronts
from tests.matrix.expecting import Expected, Seen
from tests.matrix.house import CHAIN, INTERVAL_SECONDS, House, Life
from tests.matrix.row import Fault
from tests.matrix.scene import Scene
from tests.reliability import faults, tmpfs
from tests.reliability.faults import EXCUSED, ZONES, Happens
from tests.reliability.hasty import STALL_SECONDS

WELL = Expected(run=("pass",))

#: What a run may come to that was under way while we ourselves were not well; never a failure of the target.
NOT_BLAMING = Expected(run=("pass", "blind", "partial"), causes=None)

_DIED = frozenset({"died_mid_run", "shutdown"})
_KILLS = 3
_TURNS = 2
_PAGE_BYTES = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Endured:
    """A fault of ours: how it happens and for how long; what is said of it, and what runs come to meanwhile."""

    happens: Happens
    seconds: float
    says: str = ""
    says_after: str = ""
    must_miss: str = ""
    runs: Expected | None = None  # of runs that are asked for meanwhile; None: nobody can ask
    stands_still: bool = False  # nobody looks meanwhile
    prepare: Callable[[Scene], AbstractContextManager[object]] = lambda _: nullcontext()

    async def __call__(self, scene: Scene) -> None:
        """Play it."""
        with self.prepare(scene):
            scene.must_miss = self.must_miss
            await scene.furnish()
            async with scene.living() as life:
                await self._befall(scene, life)

    async def _befall(self, scene: Scene, life: Life) -> None:
        await scene.well(life)
        await life.at_rest((CHAIN,))
        baseline, since = await scene.begins(life), len(life.said())
        async with self.happens(scene.house, life):
            await self._last(scene, life, since)
        scene.stood_still_seconds = self.seconds if self.stands_still else 0.0
        await scene.says(life, self.says_after, since)
        await scene.turns(life, _TURNS)
        await scene.well(life)
        await scene.reckon(life, baseline)

    async def _last(self, scene: Scene, life: Life, since: int) -> None:
        began = time.monotonic()
        await scene.says(life, self.says, since)
        if self.runs:
            await scene.looks(life, self.runs)
        if not self.stands_still:
            await scene.turns(life)
        await asyncio.sleep(max(0.0, began + self.seconds - time.monotonic()))
        scene.found.seen = scene.found.seen or "looking goes on; nothing held against the target"


def own(
    number: int, name: str, mechanism: str, expects: str, play: Callable[[Scene], Awaitable[None]], *needs: str
) -> Fault:
    """A fault of ours."""
    return Fault(number, name, mechanism, expects, play, is_ours=True, needs=needs)


# ── the store ────────────────────────────────────────────────────────────────────────────────────────────────────────


@contextmanager
def _on_a_disk_of_its_own(scene: Scene) -> Iterator[None]:
    with tmpfs.mounted(scene.folder.with_name(f"{scene.folder.name}-disk"), 32) as disk:
        scene.settings["kept"] = disk
        yield


async def _corrupt(scene: Scene) -> None:
    """One prober ends; the page of the slots is rubbish; another begins."""
    house = await scene.furnish()
    async with scene.living("log-before") as life:
        await scene.well(life)
        await life.at_rest((CHAIN,))
        await life.stop()
    _damage(house.file)
    async with scene.living() as life:
        await scene.says(life, "history.file_damaged")
        baseline = await _settled(scene, life)
        await scene.turns(life)
        scene.found.seen = "history.file_damaged; set aside, begun anew"
        aside = list(house.file.parent.glob("prober.db.damaged-*"))
        scene.complain(*([] if len(aside) == 1 else [f"{len(aside)} files set aside"]))
        await scene.reckon(life, baseline)


def _damage(file: Path) -> None:
    """One page is not what it was."""
    with closing(sqlite3.connect(file)) as store:
        store.execute("PRAGMA journal_mode = DELETE")
        ((slots,),) = store.execute("SELECT rootpage FROM sqlite_master WHERE name = 'slots'")
    good = file.read_bytes()
    file.write_bytes(good[: (slots - 1) * _PAGE_BYTES] + b"Z" * _PAGE_BYTES + good[slots * _PAGE_BYTES :])


async def _settled(scene: Scene, life: Life) -> float:
    await scene.well(life)
    return await scene.begins(life)


async def _postgres(scene: Scene) -> None:
    """A real server is killed and started again, then stands still; both while looking goes on."""
    with postgres.server() as server:
        scene.settings["database"] = server.database()
        await scene.furnish()
        async with scene.living() as life:
            baseline = await _settled(scene, life)
            await life.at_rest((CHAIN,))
            await asyncio.to_thread(server.stop)
            await scene.says(life, "history.store_away")
            await scene.turns(life)
            await asyncio.to_thread(server.start)
            await scene.says(life, "history.store_back")
            with server.paused():
                await scene.turns(life, _TURNS)
            await scene.turns(life)
            scene.found.seen = "history.store_away, store_back; looking goes on"
            await scene.reckon(life, baseline)


# ── the clock ────────────────────────────────────────────────────────────────────────────────────────────────────────


@contextmanager
def _with_a_clock(scene: Scene) -> Iterator[None]:
    scene.folder.mkdir(parents=True, exist_ok=True)
    scene.environment |= {**faketime.WallClock(scene.folder / "clock").environment, "TZ": "UTC"}
    yield


@contextmanager
def _with_a_zone(scene: Scene) -> Iterator[None]:
    with _with_a_clock(scene):
        shutil.copy(ZONES / "Etc/UTC", scene.folder / "zone")
        scene.environment["TZ"] = f":{scene.folder / 'zone'}"
        yield


def _blind_by(cause: str) -> Expected:
    """Our tokens bear a wrong time: auth refuses them, and the diagnosis says whose clock it is."""
    return Expected(
        run=("blind",), steps=(Seen(step="auth-validates-our-token", verdict="blind"),), causes=frozenset({cause}),
        is_unsteady=True,
    )  # fmt: skip


# ── the process ──────────────────────────────────────────────────────────────────────────────────────────────────────


async def _killed(scene: Scene) -> None:
    """SIGKILL at random moments; another begins each time."""
    await scene.furnish()
    scene.may_miss = EXCUSED | _DIED
    for number in range(_KILLS):
        async with scene.living(f"log-{number}") as life:
            await asyncio.sleep(scene.chance.uniform(0, 1.5 * INTERVAL_SECONDS))
            await life.kill()
    async with scene.living() as life:
        baseline = await _settled(scene, life)
        await scene.turns(life, _TURNS)
        scene.found.seen = f"{_KILLS} kills; what was under way died_mid_run, gaps process_down"
        await scene.reckon(life, baseline)


async def _terminated(scene: Scene) -> None:
    """SIGTERM while a socket is open and has not yet said its welcome."""
    await scene.furnish()
    scene.may_miss = EXCUSED | {"shutdown"}
    is_open = asyncio.Event()
    async with scene.living("log-before") as life:
        await scene.well(life)
        async with scene.backend.behaving(fronts.holds_socket(0.8, is_open), "/ws"):
            is_open.clear()
            async with asyncio.timeout(3 * INTERVAL_SECONDS):
                await is_open.wait()
            code, took = await life.stop()
        scene.complain(*([] if code == 0 else [f"exit code {code}"]))
        scene.complain(*([] if took <= INTERVAL_SECONDS + 1 else [f"took {took:.1f} s to end"]))
        scene.complain(*(["a traceback in the log"] if "Traceback" in life.said() else []))
    async with scene.living() as life:
        baseline = await _settled(scene, life)
        await scene.turns(life)
        scene.found.seen = f"exit 0 after {took:.1f} s"
        await scene.reckon(life, baseline)


async def _stalled(scene: Scene) -> None:
    """Its event loop is held while a run is under way."""
    await scene.furnish()
    async with scene.living() as life:
        baseline = await _settled(scene, life)
        looking = asyncio.create_task(scene.looks(life, NOT_BLAMING, rounds=1))
        await asyncio.sleep(0.2)
        os.kill(life.process.pid, signal.SIGUSR1)
        await looking
        scene.stood_still_seconds = STALL_SECONDS
        await scene.turns(life)
        lag = total(await life.page(), "prober_event_loop_lag_seconds")
        scene.complain(*([] if lag > STALL_SECONDS - 0.5 else [f"a lag of {lag:.1f} s only"]))
        scene.found.seen = f"lag of {lag:.1f} s shown; nothing held against the target"
        await scene.reckon(life, baseline)


@asynccontextmanager
async def _without_descriptors(_house: House, life: Life) -> AsyncIterator[None]:
    """It may open not one file or socket more."""
    pid = life.process.pid
    before = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    opened = max(map(int, os.listdir(f"/proc/{pid}/fd")))  # noqa: PTH208 - as numbers
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (opened + 1, before[1]))
    yield
    resource.prlimit(pid, resource.RLIMIT_NOFILE, before)


async def _starved(scene: Scene) -> None:
    """Out of descriptors for three turns; nobody can ask it meanwhile, so what it came to is read afterwards."""
    await scene.furnish()
    async with scene.living() as life:
        baseline = await _settled(scene, life)
        async with _without_descriptors(scene.house, life):
            await asyncio.sleep(3 * INTERVAL_SECONDS)
        await scene.well(life)
        blind = [report for report in await life.reports() if report["run"]["verdict"] == "blind"]
        scene.complain(*([] if blind else ["no run was blind"]))
        steps = [step for report in blind for step in report["steps"] if step["verdict"] == "blind"]
        scene.complain(*{f"{s['name']} blind for {s['reason']}" for s in steps if s["reason"] != "own_fault"})
        scene.found.seen = f"{len(blind)} runs blind, own_fault"
        await scene.reckon(life, baseline)


#: How the interpreter says that it got none: for an object, for a thread's stack, or in C.
_NO_MEMORY = ("MemoryError", "can't start new thread", "Cannot allocate memory")


async def _ask_much(life: Life, seconds: float) -> None:
    """Ask for what takes memory to tell; whether it is answered is another matter."""
    until = time.monotonic() + seconds
    async with life.client() as client:
        while time.monotonic() < until and life.process.returncode is None:
            with suppress(TimeoutError):
                async with asyncio.timeout(2):
                    asking = (client.get("/api/v1/runs?limit=100") for _ in range(8))
                    await asyncio.gather(*asking, return_exceptions=True)
            await asyncio.sleep(0.2)


async def _short_of_memory(scene: Scene) -> None:
    """It may have not one page more; where it ends by that, what supervises it starts another."""
    await scene.furnish()
    scene.may_miss = EXCUSED | _DIED | {"store_unavailable"}  # what cannot be written is let go, and counted
    async with scene.living("log-before") as life:
        baseline = await _settled(scene, life)
        await life.at_rest((CHAIN,))
        pid = life.process.pid
        before = resource.prlimit(pid, resource.RLIMIT_AS)
        size = int(life.memory_mib("VmSize") * 2**20)
        resource.prlimit(pid, resource.RLIMIT_AS, (size, before[1]))
        await _ask_much(life, 3 * INTERVAL_SECONDS)
        scene.complain(*([] if any(word in life.said() for word in _NO_MEMORY) else ["the limit was not hit"]))
        if survived := life.process.returncode is None:
            resource.prlimit(pid, resource.RLIMIT_AS, before)
            await scene.well(life)
            await scene.reckon(life, baseline)
    if not survived:
        async with scene.living() as life:
            baseline = await _settled(scene, life)
            await scene.turns(life)
            await scene.reckon(life, baseline)
    scene.found.seen = "went on" if survived else "ended, and was begun anew"


def _breaking(what: str) -> Happens:
    """What of ours is to break."""

    @asynccontextmanager
    async def happens(house: House, _life: Life) -> AsyncIterator[None]:
        file = house.folder / "break"
        file.write_text(what, encoding="utf-8")
        yield
        file.unlink(missing_ok=True)

    return happens


async def _scheduler_dies(scene: Scene) -> None:
    """An exception where APScheduler wakes up: it sets itself no other timer, and would tick no more."""
    await scene.furnish()
    async with scene.living() as life:
        baseline = await _settled(scene, life)
        await life.at_rest((CHAIN,))
        async with _breaking("scheduler")(scene.house, life):
            await scene.says(life, "schedule.ticks_stopped")
            known = total(await life.page(), "prober_slots_recorded_total")
            began = time.monotonic()
            async with asyncio.timeout(4 * INTERVAL_SECONDS):
                while total(await life.page(), "prober_slots_recorded_total") <= known:  # noqa: ASYNC110 - another process raises no event
                    await asyncio.sleep(0.2)
        counted = total(await life.page(), "prober_internal_errors_total", component="schedule")
        scene.complain(*([] if counted else ["nobody counted it"]))
        scene.found.seen = f"schedule.ticks_stopped; ticks again after {time.monotonic() - began:.1f} s"
        await scene.reckon(life, baseline)


async def _reloaded(scene: Scene) -> None:
    """SIGHUP while runs are under way: a config that is none, another one, and the first once more."""
    house = await scene.furnish()
    scene.may_miss = EXCUSED | {"reload"}
    async with scene.living() as life:
        baseline = await _settled(scene, life)
        document = house.document()
        document["chains"][CHAIN] |= {"interval": "6s", "threshold": "90%"}
        for text, says in (
            ("chains: [", "config.reload_refused"),
            (_text(document), ""),
            (_text(house.document()), ""),
        ):
            house.write(text)
            since = len(life.said())
            looking = asyncio.create_task(scene.looks(life, WELL, rounds=1))
            await asyncio.sleep(0.1)
            os.kill(life.process.pid, signal.SIGHUP)
            await looking
            await scene.says(life, says, since)
        await scene.turns(life)
        scene.found.seen = "refused the broken one; every run passed, each under one config"
        await scene.reckon(life, baseline)


def _text(document: object) -> str:
    return json.dumps(document)


_AWAY = {"says": "history.store_away", "says_after": "history.store_back"}
_GOES_ON = "looking goes on; history.store_away, then store_back; results late, none lost"


def suspended(seconds: float) -> Endured:
    """SIGSTOP for so long."""
    return Endured(happens=faults.stopped, seconds=seconds, must_miss="stalled", stands_still=True)


#: The one fault that takes as long as it says; another lane than all others'.
SUSPENDED, SUSPENDED_SECONDS = 61, 600.0

FAULTS: tuple[Fault, ...] = (
    own(
        52, "locked 30 s by another writer", "Another connection holds BEGIN IMMEDIATE.", _GOES_ON,
        Endured(happens=faults.locked, seconds=30, **_AWAY),
    ),
    own(
        53, "disk full", "A file system of its own, filled to the last byte.", _GOES_ON,
        Endured(happens=faults.full, seconds=15, prepare=_on_a_disk_of_its_own, **_AWAY), "root",
    ),
    own(
        54, "read-only", "The kernel answers each write to the store with EROFS (strace).", _GOES_ON,
        Endured(happens=faults.read_only, seconds=15, **_AWAY), "strace",
    ),
    own(
        55, "file deleted under us", "All files of the store are unlinked while they are open.",
        "history.file_gone; begun anew, what memory holds is written again",
        Endured(happens=faults.deleted, seconds=6, says="history.file_gone"),
    ),
    own(
        56, "corrupt page at start", "The page of the slots is rubbish when a prober begins.",
        "history.file_damaged; the file is set aside, and books begin anew", _corrupt,
    ),
    own(
        57, "I/O error at the i-th write (sweep)",
        "Every fifth write fails with EIO (strace); the sweep over each single write is a test of its own.", _GOES_ON,
        Endured(happens=faults.io_errors, seconds=20, **_AWAY), "strace",
    ),
    own(
        58, "PostgreSQL restart / pause", "A real server is killed and started, then stopped by SIGSTOP.",
        "looking goes on; history.store_away, then store_back; nothing lost", _postgres, "postgres",
    ),
    own(
        59, "step +1 h", "libfaketime sets the wall clock of the prober an hour ahead.",
        "blind, prober_clock_ahead; the slots jumped over are clock_step",
        Endured(
            happens=faults._set_by(3600.0), seconds=10, must_miss="clock_step", runs=_blind_by("prober_clock_ahead"),
            prepare=_with_a_clock,
        ), "faketime",
    ),
    own(
        60, "step -1 h", "libfaketime sets it an hour back.", "blind, prober_clock_behind; no slot comes twice",
        Endured(
            happens=faults._set_by(-3600.0), seconds=10, runs=_blind_by("prober_clock_behind"), prepare=_with_a_clock,
        ), "faketime",
    ),
    own(
        SUSPENDED, "suspend 10 min", "SIGSTOP for ten minutes: a machine that sleeps, but that peers do not.",
        "the slots of that time are stalled; nothing held against the target", suspended(SUSPENDED_SECONDS),
    ),
    own(
        62, "DST / zone change", "The zone that TZ names is another one, and back; with it summer time.",
        "nothing changes: time is UTC", Endured(happens=faults.moved, seconds=10, runs=WELL, prepare=_with_a_zone),
        "faketime",
    ),
    own(
        63, "kill -9 at a random point", "SIGKILL, three times, each a random while after it listens.",
        "each slot died_mid_run or process_down, none unexplained", _killed,
    ),
    own(
        64, "SIGTERM mid-run (WS open)", "SIGTERM while the socket is accepted and its welcome is on its way.",
        "exit 0 within the deadline; the run is recorded, or missed for shutdown", _terminated,
    ),
    own(
        65, "event-loop stall 3 s", "A signal handler sleeps on the event loop while a run is under way.",
        "the gauge shows it; runs pass or are blind", _stalled,
    ),
    own(
        66, "out of file descriptors", "RLIMIT_NOFILE is what is open already.",
        "runs are blind, own_fault", _starved,
    ),
    own(
        67, "memory limit (RLIMIT_AS) hit", "RLIMIT_AS is what it has already; who ends by it is begun anew.",
        "nothing held against the target, no slot unexplained; what could not be written is store_unavailable",
        _short_of_memory,
    ),
    own(
        68, "unhandled exception in a check plug-in",
        "There are no plug-ins: the probe for HTTP raises ZeroDivisionError.", "blind, own_fault",
        Endured(
            happens=_breaking("probe"), seconds=1, runs=Expected(
                run=("blind",), steps=(Seen(step="backend-health", verdict="blind", reason="own_fault"),)
            ),
        ),
    ),
    own(
        69, "scheduler task dies", "APScheduler's wake-up raises once, after which it sets no timer any more.",
        "schedule.ticks_stopped, counted; ticks are laid anew", _scheduler_dies,
    ),
    own(
        70, "config reload during run", "SIGHUP while a run is under way: a broken config, another one, the first.",
        "the broken one is refused; each run is of one config; slots given up are reload", _reloaded,
    ),
)  # fmt: skip
