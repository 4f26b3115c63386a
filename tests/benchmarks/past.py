"""A past to ask and to prune: as many step rows as wanted, written in bulk, in the proportions of a real one.

Six of ten rows are of one chain that turns every thirty seconds, the rest of three that turn less often, over thirty
days. Each run has 27 steps; one in fifty half hours or so is an outage, with causes; both services are deployed anew
every six hours.
"""

import random
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from prober.judge.ledger import grid_at, slot_at
from prober.model.report import Report
from prober.publish.history import run_rows
from prober.publish.history.record import Record
from prober.publish.history.speeds import speed
from prober.publish.history.store import SqlStore
from tests.publish import builders as p

STEPS = 27
FAST = "validation"
FAST_SECONDS = 30.0
SLOW = ("controls", "sockets", "secrets")
SPAN = timedelta(days=30)

_FAST_SHARE = 0.6
_BATCH = 500
_HALF_HOUR = run_rows.HALF_HOUR
_DEPLOYED_EVERY_SECONDS = 6 * 3600


def report(*, broken: bool, **more: Any) -> Report:
    """A report of 27 steps, that takes as much room as one of the lab: 6 kB."""
    chance = random.Random(7)
    results = p.broken_results() if broken else p.healthy_results()
    many = tuple(
        replace(each, step=replace(each.step, name=f"{each.step.name}-{number}"), detail=chance.randbytes(140).hex())
        for number in range(1, STEPS // len(results) + 2)
        for each in results
    )[:STEPS]
    given = {"diagnosis": p.drift_diagnosis()} if broken else {}
    return p.build_report(*many, **{**given, **more})


@dataclass(frozen=True, slots=True)
class Turn:
    """One run of the past."""

    chain: str
    interval_seconds: float
    sequence: int
    began: float
    verdict: str


def turns(rows: int, now: datetime, chance: random.Random) -> Iterator[Turn]:
    """All of them, chain by chain, oldest first."""
    runs = rows // STEPS
    fast = int(runs * _FAST_SHARE)
    slow = (runs - fast) // len(SLOW)
    yield from _chain(FAST, FAST_SECONDS, fast, now, chance)
    for chain in SLOW:
        yield from _chain(chain, round(SPAN.total_seconds() / slow), slow, now, chance)


def _chain(chain: str, interval_seconds: float, runs: int, now: datetime, chance: random.Random) -> Iterator[Turn]:
    grid = grid_at(chain, "main", interval_seconds)
    last = slot_at(grid, now).sequence
    for sequence in range(last - runs + 1, last + 1):
        began = grid.due(sequence).timestamp() + chance.random() * 0.05
        outage = random.Random(f"{chain}{began // _HALF_HOUR}").random() < 0.02
        failing = chance.random() < (0.9 if outage else 0.01)
        other = "blind" if chance.random() < 0.005 else "pass"
        yield Turn(chain, interval_seconds, sequence, began, "fail" if failing else other)


class _Rows:
    """Rows by table, in the order that keys ask for."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self.tables: defaultdict[str, list[tuple[Any, ...]]] = defaultdict(list)
        self._grids: dict[str, int] = {}
        self._tallies: dict[tuple[Any, ...], list[Any]] = {}
        self._records = {broken: Record.of(report(broken=broken)) for broken in (False, True)}
        self._revisions: dict[tuple[str, str], list[float]] = {}

    def add(self, turn: Turn) -> None:
        record = self._records[turn.verdict == "fail"]
        run = f"{self._chance.getrandbits(128):032x}"
        ended = turn.began + self._steps(turn, record, run)
        grid = self._grid(turn)
        due = turn.began
        self.tables["slots"].append((grid, turn.sequence, due, "recorded", None, "a", due + 60.0, run, False))
        row = run_rows._run(run_rows.KeptRun(record, "main"))
        given = (run, turn.chain, "main", "schedule", turn.verdict, turn.began, ended, "", turn.verdict == "pass")
        self.tables["runs"].append((*given, False, ended, row["recall"], row["document"], row["bytes"]))
        for cause, confidence in record.causes:
            self.tables["causes"].append((run, cause, turn.chain, confidence, ended))
        for service in ("auth", "backend"):
            revision = f"{service}-{int(turn.began // _DEPLOYED_EVERY_SECONDS)}"
            seen = self._revisions.setdefault((service, revision), [turn.began, ended])
            seen[:] = min(seen[0], turn.began), max(seen[1], ended)

    def _grid(self, turn: Turn) -> int:
        if turn.chain not in self._grids:
            self._grids[turn.chain] = len(self._grids) + 1
            self.tables["grids"].append(
                (len(self._grids), turn.chain, "main", turn.interval_seconds, turn.sequence, turn.sequence, 0, 0, False)
            )
        grid = self._grids[turn.chain]
        found = list(self.tables["grids"][grid - 1])
        found[5] = turn.sequence
        self.tables["grids"][grid - 1] = tuple(found)
        return grid

    def _steps(self, turn: Turn, record: Record, run: str) -> float:
        """How long they took together."""
        passed = 0.0
        for place, told in enumerate(record.steps):
            seconds = self._chance.lognormvariate(-4.5 + place * 0.05, 0.35)
            began = turn.began + passed
            self.tables["steps"].append(
                (run, place, turn.chain, told.step, told.service, told.verdict, told.reason, began, seconds)
            )
            key = turn.chain, int(began // _HALF_HOUR), told.step, told.verdict, speed(seconds)
            tally = self._tallies.setdefault(key, [0, 0.0])
            tally[:] = tally[0] + 1, max(tally[1], seconds)
            passed += seconds
        return passed

    def finish(self) -> None:
        self.tables["tallies"] = [(*key, *told) for key, told in self._tallies.items()]
        self.tables["revisions"] = [
            ("main", service, first, revision, last) for (service, revision), (first, last) in self._revisions.items()
        ]


#: The columns of each table in the order of the rows above; parents before children.
_COLUMNS: Mapping[str, Sequence[str]] = {
    "grids": ("id", "chain", "location", "interval_seconds", "first", "accounted", "skipped", "pruned", "closed"),
    "slots": ("grid", "sequence", "due", "state", "reason", "instance", "expires", "run", "late"),
    "runs": (
        *("id", "chain", "location", "trigger", "verdict", "began", "ended", "revision", "sample"),
        *("late", "written", "recall", "document", "bytes"),
    ),
    "steps": ("run", "place", "chain", "step", "service", "verdict", "reason", "began", "duration_seconds"),
    "causes": ("run", "cause", "chain", "confidence", "ended"),
    "tallies": ("chain", "half_hour", "step", "verdict", "speed", "looks", "longest_seconds"),
    "revisions": ("location", "service", "first_seen", "revision", "last_seen"),
}


async def fill(store: SqlStore, rows: int, now: datetime | None = None) -> None:
    """Write a past of so many step rows, which ends now."""
    chance = random.Random(4)
    told = _Rows(chance)
    grids_last = {"grids", "slots"}  # a grid's last slot is known at the end
    for number, turn in enumerate(turns(rows, now or datetime.now(UTC), chance)):
        told.add(turn)
        if number % _BATCH == _BATCH - 1:
            await _write(store, told, _COLUMNS.keys() - grids_last)
    told.finish()
    await _write(store, told, set(_COLUMNS))
    if store.is_shared:
        async with store._engines.writing.begin() as connection:
            await connection.exec_driver_sql("SELECT setval('grids_id_seq', 100)")


async def _write(store: SqlStore, told: _Rows, tables: set[str]) -> None:
    async with store._engines.writing.begin() as connection:
        driver: Any = (await connection.get_raw_connection()).driver_connection
        for table, columns in _COLUMNS.items():
            if table in tables and told.tables[table]:
                await _bulk(driver, table, columns, told.tables.pop(table))


async def _bulk(driver: Any, table: str, columns: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> None:
    if hasattr(driver, "copy_records_to_table"):
        await driver.copy_records_to_table(table, records=rows, columns=columns)
        return
    marks = ", ".join("?" * len(columns))
    names = ", ".join(f'"{column}"' for column in columns)
    await driver.executemany(f"INSERT INTO {table} ({names}) VALUES ({marks})", rows)  # noqa: S608 - names of ours
