"""The cost model: what so many chains need, from what one of them costs; pure, and made into the tables of a page."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import ceil, log10

#: A core that is busier than this makes turns late.
UTILISATION = 0.5

#: What one process, one file or one PostgreSQL can bear; beyond it something has to be divided.
FILE_SECONDS, SCRAPE_SECONDS, POSTGRES_CORES = 30.0, 10.0, 1.0

#: What the windows of alarms look back on.
HISTORY_HOURS = 6.0

#: As `history.keep_mib` is unless the config says otherwise.
HISTORY_BYTES = 2**30

CHAINS = (100, 1_000, 10_000, 100_000, 1_000_000)
INTERVALS: Mapping[str, float] = {"30 s": 30.0, "60 s": 60.0, "5 min": 300.0}

_DAY = 86_400.0
_MEBI = 2**20
_UNITS = ((2**40, "TiB"), (2**30, "GiB"), (_MEBI, "MiB"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Costs:
    """What was measured; each is of one chain of ten steps, or of one process."""

    turn_seconds: float  # CPU of a turn, of whoever takes it
    idle_cores: float  # of a process, whatever it looks at
    process_bytes: float
    chain_bytes: float  # once its last reports are there
    page_bytes: float  # of a scrape, a chain
    page_seconds: float
    kept_bytes: float  # in SQLite, a turn
    rows: float  # written, a turn
    file_seconds: float  # of reading the config, a chain
    postgres_seconds: float  # CPU of PostgreSQL, a turn
    claim_seconds: float  # the same, a turn and an instance that asks for it
    statements: float  # a turn
    claim_statements: float  # a turn and an instance


@dataclass(frozen=True, slots=True)
class Need:
    """What so many chains need that turn so often."""

    chains: int
    interval_seconds: float
    costs: Costs

    @property
    def turns(self) -> float:
        """A second."""
        return self.chains / self.interval_seconds

    @property
    def processes(self) -> int:
        """So many shards, each on half a core."""
        return max(1, ceil(self.turns * self.costs.turn_seconds / (UTILISATION - self.costs.idle_cores)))

    @property
    def cores(self) -> float:
        """Busy, of all processes."""
        return self.turns * self.costs.turn_seconds + self.processes * self.costs.idle_cores

    @property
    def memory_bytes(self) -> float:
        """Of all processes."""
        return self.processes * self.costs.process_bytes + self.chains * self.costs.chain_bytes

    @property
    def page_bytes(self) -> float:
        """Of one scrape of one process."""
        return self.chains * self.costs.page_bytes / self.processes

    @property
    def kept_bytes(self) -> float:
        """A day, in all stores."""
        return self.turns * self.costs.kept_bytes * _DAY

    @property
    def rows(self) -> float:
        """Written a second, in all stores."""
        return self.turns * self.costs.rows

    @property
    def history_hours(self) -> float:
        """What 1 GiB for each process holds."""
        return self.processes * HISTORY_BYTES / self.kept_bytes * 24

    def postgres_cores(self, instances: int) -> float:
        """Of a PostgreSQL on which so many instances claim each turn."""
        return self.turns * (self.costs.postgres_seconds + instances * self.costs.claim_seconds)

    def broken(self) -> Sequence[tuple[str, float]]:
        """What one process on one file cannot bear, and how many times too much that is; the worst first."""
        costs, chains = self.costs, self.chains
        times = {
            "one core": (self.turns * costs.turn_seconds + costs.idle_cores) / UTILISATION,
            "one file": chains * costs.file_seconds / FILE_SECONDS,
            "one scrape": chains * costs.page_seconds / SCRAPE_SECONDS,
            "one history": self.kept_bytes * HISTORY_HOURS / 24 / HISTORY_BYTES,
            "one PostgreSQL": self.postgres_cores(1) / POSTGRES_CORES,
        }
        return sorted(((what, each) for what, each in times.items() if each >= 1), key=lambda pair: -pair[1])


def fitted(points: Sequence[tuple[int, float]]) -> tuple[float, float]:
    """What each process adds, and what all of them have in common: a straight line; neither is less than nothing."""
    count = len(points)
    mean_x, mean_y = sum(x for x, _ in points) / count, sum(y for _, y in points) / count
    spread = sum((x - mean_x) ** 2 for x, _ in points)
    each = sum((x - mean_x) * (y - mean_y) for x, y in points) / spread if spread else 0.0
    each = max(0.0, each)
    return each, max(0.0, mean_y - each * mean_x)


# ── as text ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def constants(costs: Costs) -> Iterator[str]:
    """What was measured, a row each."""
    yield "| of one chain of ten steps | |"
    yield "|---|---|"
    yield f"| CPU of a turn: looked at, judged, shown, logged, kept | {_milli(costs.turn_seconds)} ms |"
    yield f"| memory, once fifty reports of it are there | {costs.chain_bytes / 1024:.0f} KiB |"
    yield f"| of a scrape | {costs.page_bytes / 1024:.1f} KiB, {_milli(costs.page_seconds)} ms |"
    yield f"| written a turn | {costs.rows:.0f} rows, {costs.kept_bytes / 1024:.1f} KiB of SQLite |"
    yield f"| read from `probes.yaml` at a start or reload | {_milli(costs.file_seconds)} ms |"
    statements = f"{costs.statements:.1f}, and {costs.claim_statements:.1f} for each instance"
    yield f"| PostgreSQL: statements a turn | {statements} |"
    claim = _milli(costs.claim_seconds)
    yield f"| PostgreSQL: CPU a turn | {_milli(costs.postgres_seconds)} ms, and {claim} ms for each instance |"
    yield f"| a process that looks at nothing | {costs.idle_cores:.3f} cores, {costs.process_bytes / _MEBI:.0f} MiB |"


def needs(costs: Costs) -> Iterator[str]:
    """From a hundred chains to a million, a row each."""
    yield (
        "| chains | every | turns/s | processes | cores | memory | a scrape of one | rows/s | kept a day "
        "| 1 GiB each holds | too much for |"
    )
    yield "|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---|"
    for chains in CHAINS:
        for name, seconds in INTERVALS.items():
            yield _row(Need(chains, seconds, costs), name)


def _row(need: Need, interval: str) -> str:
    broken = ", ".join(f"{what} ({_short(times)}×)" for what, times in need.broken()) or "–"
    cells = (
        f"{need.chains:,}",
        interval,
        _short(need.turns),
        f"{need.processes:,}",
        _short(need.cores),
        _size(need.memory_bytes),
        _size(need.page_bytes),
        _short(need.rows),
        _size(need.kept_bytes),
        _time(need.history_hours),
        broken,
    )
    return f"| {' | '.join(cells)} |"


def _milli(seconds: float) -> str:
    return _short(seconds * 1e3)


def _short(number: float) -> str:
    """Two digits that say something."""
    if number <= 0:
        return "0"
    places = max(0, 1 - int(log10(number) // 1))
    return f"{round(number, -int(log10(number) // 1) + 1):,.{places}f}"


def _time(hours: float) -> str:
    return f"{_short(hours / 24)} days" if hours >= 48 else f"{_short(hours)} h"


def _size(count: float) -> str:
    unit, name = next((each for each in _UNITS if count >= each[0]), (1024, "KiB"))
    return f"{_short(count / unit)} {name}"
