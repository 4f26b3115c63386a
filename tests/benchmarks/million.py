"""A million step rows, asked and pruned: `python -m tests.benchmarks.million --rows 1000000 [--postgres]`.

Prints how long what the page and the API ask takes, with new connections and nothing of the file in memory («cold»: of
PostgreSQL only the connections are new) and then again; how long turns wait for the store while nothing else goes on,
beside long reads, and while half of it is let go, taking turns in one run; and what a turn's bookkeeping costs beside
the same rows written with sqlite3 alone. Exits with 1 when something takes 100 ms or more, or the bound is missed.
"""

import argparse
import asyncio
import gc
import os
import resource
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import text

from prober.judge.ledger import grid_at, slot_at
from prober.model.chain import Keeping
from prober.model.slot import Missed
from prober.publish.board import Board
from prober.publish.history.engine import in_file
from prober.publish.history.entries import Due, Ended, Opened
from prober.publish.history.keeper import Keeper, Place
from prober.publish.history.record import Record
from prober.publish.history.store import SqlStore
from tests import builders as b
from tests import postgres as pg
from tests.benchmarks.past import FAST, fill, report
from tests.publish import builders as p

LIMIT_SECONDS = 0.1

#: Of the size that was asked for (promise R20).
TOLERANCE = 0.1

_CALLS = 20
_TURNS_PER_SECOND = 20
_MEBIBYTE = 2**20

#: How long it goes on without, and then with, what may delay turns.
_PHASE_SECONDS = 5.0


# ── asking ───────────────────────────────────────────────────────────────────────────────────────────────────────────

Ask = Callable[[SqlStore], Awaitable[Any]]


def questions(run_id: str, now: datetime) -> Mapping[str, Ask]:
    """What the page and the API ask."""
    week = now - timedelta(days=7)

    def bars(hours: int, buckets: int) -> Ask:
        return lambda store: store.bars(FAST, now - timedelta(hours=hours), now, buckets)

    def newest(**which: Any) -> Ask:
        return lambda store: store.newest(**{"chain": None, "verdict": None, "limit": 50, **which})

    return {
        "newest 50": newest(),
        "newest 50 of a chain": newest(chain=FAST),
        "newest 50 that failed": newest(verdict="fail"),
        "newest 50 of a chain that failed": newest(chain=FAST, verdict="fail"),
        "newest 50 of a verdict never seen": newest(chain=FAST, verdict="partial"),
        "one run by id": lambda store: store.get(run_id),
        "bars, 1 h in 60": bars(1, 60),
        "bars, 2 h in 60": bars(2, 60),
        "bars, 24 h in 48": bars(24, 48),
        "bars, 7 d in 56": bars(7 * 24, 56),
        "causes, 7 d": lambda store: store.cause_times(FAST, week),
        "causes, 30 d": lambda store: store.cause_times(FAST, now - timedelta(days=30)),
        "revisions, 30 d": lambda store: store.revision_marks(now - timedelta(days=30)),
        "coverage, 24 h": lambda store: store.coverage(FAST, now - timedelta(days=1)),
        "coverage, 30 d": lambda store: store.coverage(FAST, now - timedelta(days=30)),
    }


@dataclass(frozen=True, slots=True)
class Timed:
    """How long something took, in seconds, each time."""

    what: str
    seconds: Sequence[float]
    cpu: Sequence[float] = ()  # of this process, all threads: what of it is not neighbours'

    @property
    def median(self) -> float:
        """Half were faster."""
        return statistics.median(self.seconds)

    @property
    def p99(self) -> float:
        """Of a hundred one was slower."""
        return sorted(self.seconds)[max(0, -(-99 * len(self.seconds) // 100) - 1)]

    def __str__(self) -> str:
        told = (self.median, self.p99, max(self.seconds))
        cpu = f"{1e3 * statistics.median(self.cpu):>9.1f}" if self.cpu else " " * 9
        return f"{self.what:<44}" + "".join(f"{1e3 * each:>9.1f}" for each in told) + f"{cpu}{len(self.seconds):>7}"


HEAD = f"{'ms':<44}{'p50':>9}{'p99':>9}{'max':>9}{'CPU p50':>9}{'times':>7}"


async def ask(address: str, calls: int = _CALLS) -> Sequence[Timed]:
    """How long each question takes, cold and warm."""
    store = SqlStore(address, "main")
    newest = (await store._read(text("SELECT id FROM runs ORDER BY ended DESC LIMIT 1")))[0].id
    await store.aclose()
    told = []
    for what, question in questions(newest, datetime.now(UTC)).items():
        told.append(_both(f"{what}, cold", [await _cold(address, question) for _ in range(calls)]))
        store = SqlStore(address, "main")
        told.append(_both(f"{what}, warm", [await _timed(question, store) for _ in range(calls + 1)][1:]))
        await store.aclose()
    return told


def _both(what: str, spent: Sequence[tuple[float, float]]) -> Timed:
    return Timed(what, *zip(*spent, strict=True))


async def _cold(address: str, question: Ask) -> tuple[float, float]:
    store = SqlStore(address, "main")
    if not store.is_shared:
        _drop_from_memory(Path(address.removeprefix("sqlite:///")))
    async with store._engines.reading.connect() as connection:
        await connection.exec_driver_sql("SELECT 1")
    try:
        return await _timed(question, store)
    finally:
        await store.aclose()


async def _timed(question: Ask, store: SqlStore) -> tuple[float, float]:
    """Seconds by the clock, and of CPU."""
    gc.collect()  # what came before pays for itself
    began, worked = time.perf_counter(), time.process_time()
    await question(store)
    return time.perf_counter() - began, time.process_time() - worked


def _drop_from_memory(path: Path) -> None:
    """Have the kernel forget what it holds of a file."""
    with path.open("rb") as file:
        os.fdatasync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


# ── turns beside something else ──────────────────────────────────────────────────────────────────────────────────────


class Gated(SqlStore):
    """A store whose pruning can be halted between two chunks."""

    def __init__(self, address: str) -> None:
        super().__init__(address, "main")
        self.gate = asyncio.Event()
        self.chunks = 0

    async def prune(self, keeping: Keeping, now: datetime) -> None:
        """Not by the keeper's housekeeping: it would be in the way of what is measured."""

    async def let_go(self, keeping: Keeping) -> None:
        """Prune."""
        await super().prune(keeping, datetime.now(UTC))

    async def _chunk(self, part: Callable[..., int], *given: object) -> int:
        await self.gate.wait()
        self.chunks += 1
        return await super()._chunk(part, *given)


class Turns:
    """Twenty turns a second through a Keeper: how long it takes to take a slot and to write down a run."""

    def __init__(self, keeper: Keeper) -> None:
        self._keeper = keeper
        self._chain = b.chain(*p.STEPS, name="busy", interval_seconds=1 / _TURNS_PER_SECOND)
        self._template = report(broken=False)
        self._number = 0

    async def open(self) -> None:
        """Its grid begins."""
        await self._keeper.adopt([self._chain])

    async def go_on(self, seconds: float) -> list[float]:
        """Turns for so long; what each waited for the store, twice."""
        waits: list[float] = []
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            await asyncio.sleep(self._keeper.seconds_until_due(self._chain))
            waits += await self._turn()
        return waits

    async def _turn(self) -> list[float]:
        began = time.perf_counter()
        slot = await self._keeper.due(self._chain)
        claimed = time.perf_counter() - began
        if slot is None:
            return []
        self._number += 1
        now = datetime.now(UTC)
        results = tuple(
            each if each.observation is None else replace(each, observation=replace(each.observation, began=now))
            for each in self._template.run.results
        )
        given = {"id": f"busy-{self._number}", "slot": slot, "began": now, "ended": now, "chain": self._chain}
        given |= {"results": results}
        run = replace(self._template.run, **given)
        began = time.perf_counter()
        await self._keeper.write(replace(self._template, run=run))
        return [claimed, time.perf_counter() - began]


@dataclass(frozen=True, slots=True)
class Pair:
    """The same without and with something beside it, in one run."""

    without: Timed
    beside: Timed

    @property
    def delay(self) -> float:
        """How much more it was, at the 99th percentile and at most: the larger, in seconds."""
        return max(self.beside.p99 - self.without.p99, max(self.beside.seconds) - max(self.without.seconds))

    def __str__(self) -> str:
        return f"{self.without}\n{self.beside}"


@dataclass(frozen=True, slots=True)
class Pruned:
    """What became of a store of which half had to go."""

    turns: Pair
    chunks: int
    seconds: float
    bound: int
    live: int
    size_before: int
    size: int
    rows: int

    def __str__(self) -> str:
        mib = [each / _MEBIBYTE for each in (self.size_before, self.bound, self.live, self.size)]
        return (
            f"{self.turns}\n{self.chunks} chunks in {self.seconds:.0f} s of pruning; "
            "MiB: {:.1f} before, bound {:.1f}, live {:.1f}, on disk {:.1f}; ".format(*mib)
            + f"{self.rows} step rows left"
        )


async def keeping_house(address: str, folder: Path) -> tuple[Gated, Keeper, Turns]:
    """A store with a keeper before it, and turns; nothing is pruned but when asked for."""
    store = Gated(address)
    keeper = Keeper(_Clock(), Board(p.build_plan("busy"), p.CAUSES), instance="bench", location="main")
    await keeper.open(
        Place(store=store, keeping=Keeping(seconds=90 * 86400.0, mebibytes=10**6), spool=folder / "spool")
    )
    turns = Turns(keeper)
    await turns.open()
    await turns.go_on(1.0)
    return store, keeper, turns


class _Clock:
    """The system's."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def seconds_since_boot(self) -> float:
        return time.clock_gettime(time.CLOCK_BOOTTIME)


async def prune(address: str, folder: Path, phase_seconds: float = _PHASE_SECONDS, share: float = 0.5) -> Pruned:
    """Let go of half by size while turns go on, a phase without and a phase with it by turns."""
    store, keeper, turns = await keeping_house(address, folder)
    try:
        bound = int(await store._live_bytes() * share) // _MEBIBYTE
        before, began = await store.size_bytes(), time.monotonic()
        pruning = asyncio.create_task(store.let_go(Keeping(seconds=90 * 86400.0, mebibytes=bound)))
        without, beside, spent = await _by_turns(store, turns, pruning, phase_seconds)
        store.gate.set()
        await pruning
        return Pruned(
            turns=Pair(Timed("a turn's wait, nothing else", without), Timed("a turn's wait, pruning", beside)),
            chunks=store.chunks,
            seconds=min(spent, time.monotonic() - began),
            bound=bound * _MEBIBYTE,
            live=await store._live_bytes(),
            size_before=before,
            size=await store.size_bytes(),
            rows=(await store._read(text("SELECT count(*) AS rows FROM steps")))[0].rows,
        )
    finally:
        await keeper.aclose()


async def _by_turns(
    store: Gated, turns: Turns, pruning: asyncio.Task[None], phase_seconds: float
) -> tuple[list[float], list[float], float]:
    without, beside, spent = [], [], 0.0
    while not pruning.done():
        store.gate.clear()
        without += await turns.go_on(phase_seconds)
        store.gate.set()
        began = time.monotonic()
        beside += await turns.go_on(phase_seconds)
        spent += time.monotonic() - began
    return without, beside, spent


async def beside_reads(address: str, folder: Path, seconds: float = 2 * _PHASE_SECONDS) -> Pair:
    """Turns without, and with as many long reads going on as there may be."""
    store, keeper, turns = await keeping_house(address, folder)
    try:
        without = await turns.go_on(seconds)
        reads = [asyncio.create_task(_read_on(store, seconds)) for _ in range(2)]
        await asyncio.sleep(0.1)
        beside = await turns.go_on(seconds - 0.5)
        for read in reads:
            read.cancel()
        await asyncio.gather(*reads, return_exceptions=True)
    finally:
        await keeper.aclose()
    return Pair(Timed("a turn's wait, nothing else", without), Timed("a turn's wait, two long reads", beside))


async def _read_on(store: SqlStore, seconds: float) -> None:
    """A read that takes as long as that, at no cost of CPU: its snapshot is held open."""
    async with store._engines.reading.connect() as connection:
        if not store.is_shared:
            await connection.exec_driver_sql("BEGIN")  # SQLite's reads have none of their own
        await connection.exec_driver_sql("SELECT count(*) FROM grids")
        await asyncio.sleep(seconds)


# ── what a turn costs ────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Cost:
    """CPU time of a turn's bookkeeping, in seconds; raw: the same rows with sqlite3 alone."""

    ours: float
    raw: float

    def __str__(self) -> str:
        return (
            f"CPU of a turn's bookkeeping: {1e3 * self.ours:.2f} ms; raw sqlite3: {1e3 * self.raw:.2f} ms; "
            f"{self.ours / self.raw:.1f} times"
        )


async def cost(folder: Path, turns: int = 200) -> Cost:
    """Turns of ours and of raw sqlite3, ten by ten in turn, into files of their own."""
    store = SqlStore(in_file(folder / "ours.db"), "main")
    await store.open()
    other = SqlStore(in_file(folder / "raw.db"), "main")
    await other.open()
    await other.aclose()
    raw = sqlite3.connect(folder / "raw.db", isolation_level=None)
    raw.executescript("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;")
    grid = grid_at("validation", "main", 30.0)
    await store.write([Opened(grid=grid, sequence=0)])
    raw.execute("INSERT INTO grids VALUES (1, 'validation', 'main', 30.0, 0, -1, 0, 0, 0)")
    template, ours, theirs = Record.of(report(broken=False)), [], []
    for number in range(turns):
        slot = replace(slot_at(grid, datetime.now(UTC)), sequence=number)
        record = replace(template, run_id=f"{number:032x}", slot=slot, began=number * 30.0, ended=number * 30.0 + 1)
        due = Due(slot=slot, instance="a", expires=9e9, why=Missed.STALLED)
        began = time.process_time()
        await store.write([due])
        await store.write([Ended(slot=slot, instance="a", record=record)])
        ours.append(time.process_time() - began)
        began = time.process_time()
        _raw_turn(raw, number, record)
        theirs.append(time.process_time() - began)
    raw.close()
    await store.aclose()
    return Cost(statistics.median(ours), statistics.median(theirs))


def _raw_turn(raw: sqlite3.Connection, number: int, record: Record) -> None:
    raw.execute("BEGIN IMMEDIATE")
    raw.execute("INSERT INTO slots VALUES (1, ?, ?, 'taken', NULL, 'a', 9e9, NULL, 0)", (number, number * 30.0))
    raw.execute("UPDATE grids SET accounted = ? WHERE id = 1", (number,))
    raw.execute("COMMIT")
    raw.execute("BEGIN IMMEDIATE")
    raw.execute("UPDATE slots SET state = 'recorded', run = ? WHERE grid = 1 AND sequence = ?", (record.run_id, number))
    head = (record.run_id, record.chain, "main", record.trigger, record.verdict, record.began, record.ended, "", True)
    raw.execute(
        "INSERT INTO runs VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 0, 0.0, ?, ?, 0)", (*head, record.recall, record.document)
    )
    raw.executemany(
        "INSERT INTO steps VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
            (record.run_id, place, record.chain, row.step, row.service, row.verdict, row.reason, row.began, 0.01)
            for place, row in enumerate(record.steps)
        ],
    )
    raw.execute("COMMIT")


# ── all of it ────────────────────────────────────────────────────────────────────────────────────────────────────────


@contextmanager
def place(folder: Path, *, postgres: bool) -> Iterator[str]:
    """Where a fresh store is."""
    if not postgres:
        yield in_file(folder / "prober.db")
        return
    with pg.server() as server:
        yield server.database()


async def filled(address: str, rows: int) -> str:
    """What filling it came to."""
    store = SqlStore(address, "main")
    await store.open()
    began = time.monotonic()
    await fill(store, rows)
    size, live = await store.size_bytes(), await store._live_bytes()
    balanced = all(account.balances for account in await store.accounts())
    await store.aclose()
    return (
        f"{rows} step rows written in {time.monotonic() - began:.0f} s, {size / _MEBIBYTE:.0f} MiB on disk, "
        f"{live / _MEBIBYTE:.0f} MiB live; books balance: {balanced}"
    )


async def measure(address: str, folder: Path, rows: int, *, calls: int, say: Callable[[object], None]) -> bool:
    """Everything, said as it comes; whether it was all within bounds."""
    say(await filled(address, rows))
    say(HEAD)
    asked = await ask(address, calls)
    for timed in asked:
        say(timed)
    reads = await beside_reads(address, folder)
    say(reads)
    pruned = await prune(address, folder)
    say(pruned)
    say(await cost(folder))
    slow = [timed.what for timed in asked if max(timed.seconds) >= LIMIT_SECONDS]
    late = [pair.beside.what for pair in (reads, pruned.turns) if pair.delay >= LIMIT_SECONDS]
    off = [] if abs(pruned.live / pruned.bound - 1) <= TOLERANCE else ["the size"]
    for what in (*slow, *late, *off):
        say(f"not within bounds: {what}")
    say(
        f"memory at most {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB, "
        f"load {os.getloadavg()[0]:.1f}"
    )
    return not (slow or late or off)


def main(words: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.million", description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--calls", type=int, default=_CALLS)
    parser.add_argument("--postgres", action="store_true")
    given = parser.parse_args(words)

    def say(told: object) -> None:
        sys.stdout.write(f"{told}\n")
        sys.stdout.flush()

    with tempfile.TemporaryDirectory() as folder, place(Path(folder), postgres=given.postgres) as address:
        if not asyncio.run(measure(address, Path(folder), given.rows, calls=given.calls, say=say)):
            sys.exit(1)


if __name__ == "__main__":
    main()
