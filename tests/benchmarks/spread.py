"""What chains cost that are spread over processes: `python -m tests.benchmarks.spread --processes 1 2 4`.

Real `prober serve`s look at one target process: shards with a SQLite each, and instances that claim turns on one
PostgreSQL. The turns a second are the same however many processes share them, and few enough for two cores to bear four
processes: at the limit processes would only wait for each other, and cost is CPU time, not waiting. Prints what was
found, and what that makes of a hundred chains to a million; `--write docs/scale.md` puts it there. Linux only.
"""

import argparse
import asyncio
import json
import multiprocessing
import os
import platform
import sqlite3
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from prober.config.load import load
from tests.benchmarks.cost_model import Costs, constants, fitted, needs
from tests.benchmarks.soak import quantile
from tests.benchmarks.target import HOST, KEY_NAME, targets
from tests.benchmarks.turns import KEY, measure, write_config
from tests.benchmarks.vitals import Vitals, look
from tests.live import Served, samples, serving, total
from tests.postgres import Postgres, bindir, server

MARKS = ("<!-- cost: begin -->\n", "<!-- cost: end -->\n")

#: Of each chain so many turns are taken before its memory is what it will be.
_FULL = 55

#: How many chains the memory and the reading of a file are measured by: the difference is what chains take.
_GROWN, _FILES = (5, 30), (1_000, 10_000)

_MEBI = 2**20

#: More than any config here needs.
_ALLOWED = {"PROBER_MOST_STEPS": "1000000"}

_STATEMENTS = """
SELECT coalesce(sum(calls), 0) FROM pg_stat_statements JOIN pg_database ON oid = dbid WHERE datname = '{}'"""
_ROWS = "SELECT tup_inserted + tup_updated FROM pg_stat_database WHERE datname = '{}'"


@dataclass(frozen=True, slots=True)
class Setup:
    """What is asked for."""

    chains: int
    interval_seconds: int
    seconds: float

    @property
    def warm_seconds(self) -> float:
        """By then the first looks are over."""
        return self.interval_seconds + 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """How all processes are at one time; of the database nothing where there is none."""

    at_seconds: float
    vitals: Sequence[Vitals]
    pages: Sequence[str]
    page_seconds: float = 0.0
    statements: int = 0
    rows: int = 0
    database_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Found:
    """What came of so many processes."""

    processes: int
    first: Moment
    last: Moment
    store_bytes: int  # of all SQLite files, when all had ended
    store_turns: int  # that are in them

    def _gains(self, name: str, **labels: str) -> Sequence[float]:
        """What a counter has gained, by process."""
        before, after = ([total(page, name, **labels) for page in each.pages] for each in (self.first, self.last))
        return [late - early for early, late in zip(before, after, strict=True)]

    @property
    def seconds(self) -> float:
        """Between the two looks."""
        return self.last.at_seconds - self.first.at_seconds

    @property
    def took(self) -> Sequence[int]:
        """The turns that ended in a report, by process."""
        return list(map(int, self._gains("prober_slots_recorded_total")))

    @property
    def turns(self) -> int:
        """Of all processes."""
        return sum(self.took)

    @property
    def missed(self) -> int:
        """That nobody took."""
        elsewhere = sum(self._gains("prober_slots_missed_total", reason="claimed_elsewhere"))
        return int(sum(self._gains("prober_slots_missed_total")) - elsewhere)

    @property
    def cpu_seconds(self) -> float:
        """Of all processes, user and system."""
        pairs = zip(self.first.vitals, self.last.vitals, strict=True)
        return sum(after.cpu_seconds - before.cpu_seconds for before, after in pairs)

    @property
    def memory_bytes(self) -> float:
        """Of all processes, in the end."""
        return sum(each.rss_bytes for each in self.last.vitals)

    def lateness_ms(self, share: float) -> float:
        """How late so many of the turns began at most."""
        counts: Counter[float] = Counter()
        for sign, moment in ((-1, self.first), (1, self.last)):
            for each in (s for page in moment.pages for s in samples(page, "prober_schedule_lateness_seconds_bucket")):
                counts[float(each.labels["le"])] += sign * int(each.value)
        return quantile(sorted(counts.items()), share)

    @property
    def statements(self) -> float:
        """Of PostgreSQL, a turn."""
        return (self.last.statements - self.first.statements) / self.turns

    @property
    def database_seconds(self) -> float:
        """CPU of PostgreSQL, a turn."""
        return (self.last.database_seconds - self.first.database_seconds) / self.turns


# ── the runs ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Database:
    """A PostgreSQL of one run."""

    postgres: Postgres
    address: str

    @property
    def name(self) -> str:
        """Of the database."""
        return self.address.rpartition("/")[2]

    def moment(self) -> Mapping[str, float]:
        """What it has done so far."""
        leader = int((self.postgres.home / "data/postmaster.pid").read_text().split()[0])
        family = (leader, *map(int, Path(f"/proc/{leader}/task/{leader}/children").read_text().split()))
        return {
            "statements": int(self.postgres.sql(_STATEMENTS.format(self.name))),
            "rows": int(self.postgres.sql(_ROWS.format(self.name))),
            "database_seconds": sum(map(_cpu_seconds, family)) + _cpu_seconds(leader, first=13),  # read last
        }


def _cpu_seconds(pid: int, first: int = 11) -> float:
    """User and system time of a process; from field 13 on, of the children it has outlived."""
    try:
        told = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    except FileNotFoundError:  # it has ended meanwhile, and its parent tells of it
        return 0.0
    fields = told.rpartition(")")[2].split()
    return (int(fields[first]) + int(fields[first + 1])) / os.sysconf("SC_CLK_TCK")


async def spread(setup: Setup, processes: int, folder: Path, postgres: Postgres | None = None) -> Found:
    """So many processes at work for a while: shards, or on `postgres` whoever is first."""
    database = Database(postgres, postgres.database()) if postgres else None
    async with AsyncExitStack() as stack:
        port = await stack.enter_async_context(targets(KEY))
        served = await stack.enter_async_context(_serving(setup, processes, folder, port, database))
        await asyncio.sleep(setup.warm_seconds)
        first = await _moment(served, database, is_last=False)
        await asyncio.sleep(setup.seconds)
        last = await _moment(served, database, is_last=True)
    store_bytes, store_turns = await asyncio.to_thread(_kept, folder)
    return Found(processes, first, last, store_bytes, store_turns)


@asynccontextmanager
async def _serving(
    setup: Setup, processes: int, folder: Path, port: int, database: Database | None
) -> AsyncIterator[Sequence[Served]]:
    config = _configured(folder / "probes.yaml", setup, is_shared=database is not None)
    environ = {"TARGET": f"http://{HOST}:{port}", KEY_NAME: KEY, **_ALLOWED}
    environ |= {"DATABASE": database.address} if database else {}
    async with AsyncExitStack() as stack:
        served = []
        for number in range(1, processes + 1):  # one after the other: a start takes a core for itself
            home = folder / f"{number}"
            home.mkdir()
            words = () if database else ("--shard", f"{number}/{processes}")
            served.append(await stack.enter_async_context(serving(config, environ, home / "log", *words)))
        yield served


def _configured(path: Path, setup: Setup, *, is_shared: bool) -> Path:
    """The ten steps under so many names; what is kept is kept in the folder of each process."""
    document = json.loads(write_config(path, setup.chains, setup.interval_seconds).read_text(encoding="utf-8"))
    document["history"] = {"file": "prober.db"}
    if is_shared:
        document["secrets"]["database"] = "env:DATABASE"
        document["history"]["database"] = "database"
    for chain in document["chains"].values():
        chain["deadline"] = f"{setup.interval_seconds}s"
    path.write_text(json.dumps(document), encoding="utf-8")
    return path


async def _moment(served: Sequence[Served], database: Database | None, *, is_last: bool) -> Moment:
    """Pages take CPU time: they are asked for outside what is measured."""

    async def pages() -> tuple[Sequence[str], float]:
        began = time.perf_counter()
        return [await each.page() for each in served], time.perf_counter() - began

    told = await pages() if not is_last else None
    at, vitals = time.monotonic(), [look(each.pid, ()) for each in served]
    of_database = database.moment() if database else {}
    found, took = told or await pages()
    return Moment(at_seconds=at, vitals=vitals, pages=found, page_seconds=took, **of_database)


def _kept(folder: Path) -> tuple[int, int]:
    """Bytes and turns in the files of all processes."""
    stores = list(folder.glob("*/prober.db"))
    sizes = (path.stat().st_size for each in stores for path in each.parent.glob("prober.db*"))
    return sum(sizes), sum(map(_turns_in, stores))


def _turns_in(file: Path) -> int:
    with closing(sqlite3.connect(file)) as store:
        return int(store.execute("SELECT count(*) FROM runs").fetchone()[0])


# ── what no run of a minute shows ────────────────────────────────────────────────────────────────────────────────────


def grown_bytes(chains: int) -> float:
    """The most memory of a process that has as many reports of so many chains as it keeps."""
    asyncio.run(measure(_FULL * chains, 20, chains))
    told = Path("/proc/self/status").read_text(encoding="utf-8")  # what getrusage says may be our parent's
    return float(told.partition("VmHWM:")[2].split()[0]) * 1024


def file_seconds(chains: int) -> float:
    """CPU of reading so many chains from a file."""
    with tempfile.TemporaryDirectory() as folder:
        path = write_config(Path(folder) / "probes.yaml", chains)
        began = time.process_time()
        load(path, {"TARGET": "http://127.0.0.1:9", KEY_NAME: KEY, **_ALLOWED})
        return time.process_time() - began


def _alone(work: Callable[[int], float], counts: Sequence[int]) -> list[tuple[int, float]]:
    """Each in a process of its own, one after the other."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn"), max_tasks_per_child=1) as pool:
        return [(count, pool.submit(work, count).result()) for count in counts]


# ── what it comes to ─────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Results:
    """Everything that was found."""

    setup: Setup
    shards: Sequence[Found]
    claims: Sequence[Found]
    grown: Sequence[tuple[int, float]]
    files: Sequence[tuple[int, float]]


def costs(found: Results) -> Costs:
    """What a chain and a process cost by themselves."""
    rate = sum(each.turns for each in found.shards) / sum(each.seconds for each in found.shards)
    idle, turning = fitted([(each.processes, each.cpu_seconds / each.seconds) for each in found.shards])
    _, kept = fitted([(each.processes, each.store_bytes) for each in found.shards])
    claim, taking = fitted([(each.processes, each.database_seconds) for each in found.claims] or [(1, 0.0)])
    more, statements = fitted([(each.processes, each.statements) for each in found.claims] or [(1, 0.0)])
    chains = found.setup.chains
    _, page = fitted([(each.processes, sum(map(len, each.last.pages))) for each in found.shards])
    chain_bytes, _ = fitted(found.grown)
    return Costs(
        turn_seconds=turning / rate,
        idle_cores=idle,
        process_bytes=_of_a_process(found.shards),
        chain_bytes=chain_bytes,
        page_bytes=page / chains,
        page_seconds=min(each.last.page_seconds for each in found.shards) / chains,
        kept_bytes=kept / (sum(each.store_turns for each in found.shards) / len(found.shards)),
        rows=_rows(found.claims),
        file_seconds=fitted(found.files)[0],
        postgres_seconds=taking,
        claim_seconds=claim,
        statements=statements,
        claim_statements=more,
    )


def _of_a_process(shards: Sequence[Found]) -> float:
    """Memory; where only one number of processes was run, that of its few chains is in it."""
    each, _ = fitted([(found.processes, found.memory_bytes) for found in shards])
    return each or min(found.memory_bytes / found.processes for found in shards)


def _rows(claims: Sequence[Found]) -> float:
    """Written a turn; what one instance writes, for those that lose a claim write nothing."""
    one = min(claims, key=lambda each: each.processes, default=None)
    return (one.last.rows - one.first.rows) / one.turns if one else 0.0


def told(found: Results, command: str) -> Iterator[str]:
    """All of it, as Markdown."""
    setup, made = found.setup, costs(found)
    rate = setup.chains / setup.interval_seconds
    yield f"`{command}`, {datetime.now(UTC).date()}, on {_machine()}:"
    yield (
        f"{setup.chains} chains every {setup.interval_seconds} s, {rate:.3g} turns a second in all, "
        f"for {setup.seconds:.0f} s each."
    )
    yield ""
    yield from _measured(found)
    yield ""
    yield from constants(made)
    yield ""
    yield f"A file is read in {_times(found.files)}; with a full memory a process takes {_memory(found.grown)}."
    yield ""
    yield from needs(made)


def _times(points: Sequence[tuple[int, float]]) -> str:
    return " and ".join(f"{seconds:.1f} s of CPU for {count:,} chains" for count, seconds in points)


def _memory(points: Sequence[tuple[int, float]]) -> str:
    return " and ".join(f"{size / _MEBI:.0f} MiB for {count:,} chains" for count, size in points)


def _measured(found: Results) -> Iterator[str]:
    yield "| by | processes | CPU a turn, ms | late, p50 · p99, ms | missed | memory of each, MiB | turns of each |"
    yield "|---|---:|---|---:|---:|---:|---|"
    for what, runs in (("shards, a SQLite each", found.shards), ("claims, one PostgreSQL", found.claims)):
        for each in runs:
            cells = (
                what,
                f"{each.processes}",
                f"{each.cpu_seconds / each.turns * 1e3:.1f}{_of_database(each)}",
                f"{each.lateness_ms(0.5):.1f} · {each.lateness_ms(0.99):.1f}",
                f"{each.missed} of {each.turns + each.missed}",
                f"{each.memory_bytes / each.processes / _MEBI:.0f}",
                " · ".join(map(str, sorted(each.took))),
            )
            yield f"| {' | '.join(cells)} |"


def _of_database(found: Found) -> str:
    if not found.last.statements:
        return ""
    return f", and {found.database_seconds * 1e3:.1f} of PostgreSQL in {found.statements:.0f} statements"


def _machine() -> str:
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    model = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown")
    return f"{os.cpu_count()} cores ({model}), Python {platform.python_version()}"


def put(page: str, text: str) -> str:
    """The page with `text` between its marks."""
    before, _, rest = page.partition(MARKS[0])
    _, _, after = rest.partition(MARKS[1])
    return f"{before}{MARKS[0]}{text}{MARKS[1]}{after}"


# ── the command ──────────────────────────────────────────────────────────────────────────────────────────────────────


def run(setup: Setup, processes: Sequence[int]) -> Results:
    """All runs, one after the other; without a PostgreSQL those by claims are left out."""
    shards = [_once(setup, count) for count in processes]
    claims: Sequence[Found] = ()
    with ExitStack() as stack:
        if bindir():
            postgres = stack.enter_context(counting())
            claims = [_once(setup, count, postgres) for count in processes]
    return Results(setup, shards, claims, _alone(grown_bytes, _GROWN), _alone(file_seconds, _FILES))


@contextmanager
def counting() -> Iterator[Postgres]:
    """A PostgreSQL that counts statements."""
    with server("shared_preload_libraries=pg_stat_statements") as postgres:
        postgres.sql("CREATE EXTENSION pg_stat_statements")
        yield postgres


def _once(setup: Setup, processes: int, postgres: Postgres | None = None) -> Found:
    with tempfile.TemporaryDirectory() as folder:
        found = asyncio.run(spread(setup, processes, Path(folder), postgres))
    sys.stderr.write(f"{processes} {'by claims' if postgres else 'shards'}: {found.turns} turns\n")
    return found


def main(words: Sequence[str] | None = None) -> int:
    """Measure, print, and put it on the page; 1 where a turn was missed."""
    asked = _parser().parse_args(words)
    found = run(Setup(asked.chains, asked.interval, asked.seconds), asked.processes)
    command = f"python -m tests.benchmarks.spread --processes {' '.join(map(str, asked.processes))}"
    text = "".join(f"{line}\n" for line in told(found, command))
    sys.stdout.write(text)
    if asked.write:
        asked.write.write_text(put(asked.write.read_text(encoding="utf-8"), text), encoding="utf-8")
    return int(any(each.missed for each in (*found.shards, *found.claims)))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.spread", description=__doc__)
    add = parser.add_argument
    add("--processes", type=int, nargs="+", default=[1, 2, 4], metavar="N")
    add("--chains", type=int, default=80)
    add("--interval", type=int, default=10, help="seconds between two turns of a chain")
    add("--seconds", type=float, default=40.0, help="of each run")
    add("--write", type=Path, metavar="FILE", help="put the tables between the marks of this page")
    return parser


if __name__ == "__main__":
    sys.exit(main())
