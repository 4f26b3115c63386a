"""What may befall the store, the clock or the process of one running prober, by name: it begins, lasts, and is over."""

import asyncio
import os
import resource
import shutil
import signal
import sqlite3
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path

from tests import faketime
from tests.reliability import strace, tmpfs
from tests.reliability.hasty import STALL_SECONDS
from tests.reliability.rig import Home, Life

#: The first turns pass by while it starts; the others are the doing of a machine that is not ours alone.
EXCUSED = frozenset({"process_down", "overrun", "stalled"})

_HOUR, _DAY = 3600.0, 86400.0
ZONES = Path("/usr/share/zoneinfo")

Happens = Callable[[Home, Life], AbstractAsyncContextManager[None]]


# ── the store ────────────────────────────────────────────────────────────────────────────────────────────────────────


@asynccontextmanager
async def locked(home: Home, _life: Life) -> AsyncIterator[None]:
    """Another process holds the file's lock."""
    with closing(sqlite3.connect(home.file, isolation_level=None, timeout=10)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


@asynccontextmanager
async def quota(_home: Home, life: Life) -> AsyncIterator[None]:
    """No file may grow any more, as with a quota that is used up."""
    before = resource.prlimit(life.process.pid, resource.RLIMIT_FSIZE)
    limit = life.log.stat().st_size + 65536  # the log may grow a little, or we would not hear of it
    resource.prlimit(life.process.pid, resource.RLIMIT_FSIZE, (limit, before[1]))
    yield
    resource.prlimit(life.process.pid, resource.RLIMIT_FSIZE, before)


@asynccontextmanager
async def full(home: Home, _life: Life) -> AsyncIterator[None]:
    """Not one byte more fits on the disk."""
    with tmpfs.full(home.file.parent):
        yield


@asynccontextmanager
async def read_only(home: Home, life: Life) -> AsyncIterator[None]:
    """Whatever it writes to the store is refused, as on a disk that was remounted after an error."""
    async with strace.failing(life.process.pid, home.file, "EROFS"):
        yield


@asynccontextmanager
async def io_errors(home: Home, life: Life) -> AsyncIterator[None]:
    """Every fifth write to the store fails, as on a disk that is dying."""
    async with strace.failing(life.process.pid, home.file, "EIO", "2+5"):
        yield


@asynccontextmanager
async def deleted(home: Home, _life: Life) -> AsyncIterator[None]:
    """Somebody tidies up."""
    for file in home.file.parent.glob("prober.db*"):
        file.unlink()
    yield


# ── the clock ────────────────────────────────────────────────────────────────────────────────────────────────────────


def clock(home: Home) -> faketime.WallClock:
    """The wall clock of the prober that lives here."""
    return faketime.WallClock(home.folder / "clock")


def _set_by(seconds: float) -> Happens:
    @asynccontextmanager
    async def is_set(home: Home, _life: Life) -> AsyncIterator[None]:
        clock(home).set(seconds)
        yield
        clock(home).set(0)

    return is_set


@asynccontextmanager
async def frozen(home: Home, _life: Life) -> AsyncIterator[None]:
    """The wall clock stands still, and stopwatches go on."""
    clock(home).stop()
    yield
    clock(home).set(0)


def zone(home: Home) -> Path:
    """The zone in which the prober lives here, as a file that `TZ` names."""
    return home.folder / "zone"


@asynccontextmanager
async def moved(home: Home, _life: Life) -> AsyncIterator[None]:
    """The machine's zone is changed, and back; by that, summer begins and ends too."""
    shutil.copy(ZONES / "Asia/Kathmandu", zone(home))
    yield
    shutil.copy(ZONES / "Etc/UTC", zone(home))


# ── the process ──────────────────────────────────────────────────────────────────────────────────────────────────────


@asynccontextmanager
async def stopped(_home: Home, life: Life) -> AsyncIterator[None]:
    """It stands still, as a machine that sleeps does."""
    os.kill(life.process.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(life.process.pid, signal.SIGCONT)


@asynccontextmanager
async def stalled(_home: Home, life: Life) -> AsyncIterator[None]:
    """Something of its own holds its event loop; its other threads go on."""
    os.kill(life.process.pid, signal.SIGUSR1)
    await asyncio.sleep(STALL_SECONDS)
    yield


# ── all of them ──────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Fault:
    """How it happens, for how long in CI and in full, and what is said of it; what may be missed for it beside."""

    happens: Happens
    seconds: float
    long_seconds: float
    says: str = ""  # in the log, once it has begun
    says_after: str = ""  # and once it is over
    counts: str = ""  # under this component of `prober_internal_errors_total`
    misses: str = ""  # for this reason some turns are missed; otherwise for none but what is excused
    is_blind: bool = False  # some runs are, for tokens bear our time


_AWAY = {"says": "history.store_away", "says_after": "history.store_back", "counts": "history"}

FAULTS: Mapping[str, Fault] = {
    "locked": Fault(locked, 6, 30, **_AWAY),
    "quota": Fault(quota, 4, 20, **_AWAY),
    "full": Fault(full, 4, 30, **_AWAY),
    "read_only": Fault(read_only, 4, 30, **_AWAY),
    "io_errors": Fault(io_errors, 6, 30, **_AWAY),
    "deleted": Fault(deleted, 3, 10, says="history.file_gone"),
    "hour_ahead": Fault(_set_by(_HOUR), 4, 20, misses="clock_step", is_blind=True),
    "hour_behind": Fault(_set_by(-_HOUR), 4, 20, is_blind=True),
    "day_ahead": Fault(_set_by(_DAY), 4, 20, misses="clock_step", is_blind=True),
    "frozen": Fault(frozen, 4, 20),
    "moved": Fault(moved, 3, 20),
    "stopped": Fault(stopped, 3, 90, misses="stalled"),
    "stalled": Fault(stalled, 0, 0, misses="stalled"),
}

#: Those that need a clock of the prober's own; under it no thread of the prober can sleep as it should.
CLOCKS = ("hour_ahead", "hour_behind", "day_ahead", "frozen", "moved")
