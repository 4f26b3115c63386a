"""What must hold of the recorded history of several instances, whatever befell them: rows in, complaints out.

`complaints` is pure; `read` fetches the rows by SQL, past the program's own way of reading them.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import asyncpg

from prober.judge.ledger import phase


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """A row of `grids`."""

    id: int
    chain: str
    location: str
    interval_seconds: float
    first: int
    accounted: int
    skipped: int = 0
    pruned: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """A row of `slots`."""

    grid: int
    sequence: int
    due: float
    state: str
    instance: str
    expires: float
    reason: str | None = None
    run: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """A row of `gaps`."""

    grid: int
    first: int
    last: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A row of `runs`."""

    id: str
    chain: str
    location: str
    trigger: str


@dataclass(frozen=True, slots=True)
class Span:
    """From when to when; Unix seconds."""

    since: float
    until: float


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """All that was recorded, and what the target saw."""

    grids: Sequence[Grid]
    slots: Sequence[Slot]
    gaps: Sequence[Gap]
    runs: Sequence[Run]
    now: float  # by the database's clock: no claim may have run out unswept by then
    sweep_seconds: float = 0.0  # how long after it ran out a claim may be left standing
    looks: Mapping[str, Sequence[float]] | None = None  # when the target was asked, by chain
    alive: Sequence[Span] = ()  # when at least one instance was there and could look
    patience_seconds: float = 0.0  # how long there may be between two looks at a chain meanwhile
    books: Mapping[str, Mapping[str, int]] | None = None  # of each instance at rest: expected, recorded, missed


def complaints(history: History) -> list[str]:
    """All that is wrong with a history; empty: nothing is."""
    return [said for rule in RULES for said in rule(history)]


# ── the rules ────────────────────────────────────────────────────────────────────────────────────────────────────────


def _each_slot_once(history: History) -> Iterator[str]:
    told = Counter((slot.grid, slot.sequence) for slot in history.slots)
    for gap in history.gaps:
        told.update((gap.grid, sequence) for sequence in range(gap.first, gap.last + 1))
    for (grid, sequence), count in told.items():
        if count > 1:
            yield f"slot {sequence} of grid {grid} is in the books {count} times"


def _none_unexplained(history: History) -> Iterator[str]:
    for grid in history.grids:
        told = {slot.sequence for slot in history.slots if slot.grid == grid.id}
        for gap in history.gaps:
            told.update(range(gap.first, gap.last + 1) if gap.grid == grid.id else ())
        due = range(grid.first, grid.accounted + 1)
        missing = len(due) - len(told) - grid.skipped - grid.pruned
        if missing:
            yield f"{missing} slots of {grid.chain} at {grid.location} are unexplained"
        if strangers := [sequence for sequence in told if sequence not in due]:
            yield f"slots {strangers} of {grid.chain} at {grid.location} were never due"


def _slots_are_whole(history: History) -> Iterator[str]:
    grids = {grid.id: grid for grid in history.grids}
    for slot in history.slots:
        name = f"slot {slot.sequence} of grid {slot.grid}"
        if (slot.state == "recorded") != (slot.run is not None):
            yield f"{name} is {slot.state} with run {slot.run}"
        if (slot.state == "missed") != (slot.reason is not None):
            yield f"{name} is {slot.state} with reason {slot.reason}"
        if slot.state == "taken" and slot.expires + history.sweep_seconds < history.now:
            yield f"{name} was taken by {slot.instance}, whose time is over, and nobody has said so"
        grid = grids[slot.grid]
        due = slot.sequence * grid.interval_seconds + phase(grid.chain, grid.interval_seconds)
        if abs(due - slot.due) > 0.001:
            yield f"{name} was due at {slot.due}, and its grid says {due}"


def _nobody_is_ahead(history: History) -> Iterator[str]:
    """Whoever takes a turn of the future takes it from everybody else."""
    for slot in history.slots:
        if slot.due > history.now + 1:
            yield f"slot {slot.sequence} of grid {slot.grid} was taken {slot.due - history.now:.1f} s before it was due"


def _a_run_has_its_slot(history: History) -> Iterator[str]:
    grids = {grid.id: (grid.chain, grid.location) for grid in history.grids}
    runs = {run.id: run for run in history.runs}
    of = Counter(slot.run for slot in history.slots if slot.run is not None)
    for run in history.runs:
        if run.trigger == "schedule" and of[run.id] != 1:
            yield f"run {run.id} has {of[run.id]} slots"
    for slot in history.slots:
        run = runs.get(slot.run or "")
        if slot.run is not None and run is None:
            yield f"slot {slot.sequence} of grid {slot.grid} has a run that is not there"
        elif run is not None and (run.chain, run.location) != grids[slot.grid]:
            yield f"slot {slot.sequence} of grid {slot.grid} has a run of {run.chain} at {run.location}"


def _somebody_looks(history: History) -> Iterator[str]:
    for chain, seconds in longest_blind(history).items():
        if seconds > history.patience_seconds:
            yield f"nobody looked at {chain} for {seconds:.2f} s, and somebody could have"


def _books_balance(history: History) -> Iterator[str]:
    for instance, books in (history.books or {}).items():
        if books["expected"] != books["recorded"] + books["missed"]:
            yield f"the counters of {instance} do not balance: {dict(books)}"


RULES = (
    _each_slot_once,
    _none_unexplained,
    _slots_are_whole,
    _nobody_is_ahead,
    _a_run_has_its_slot,
    _somebody_looks,
    _books_balance,
)


def longest_blind(history: History) -> Mapping[str, float]:
    """The longest time between two looks at each chain while somebody could look, in seconds."""
    looks = history.looks or {}
    return {chain: max((_blind(times, span) for span in history.alive), default=0.0) for chain, times in looks.items()}


def _blind(times: Sequence[float], span: Span) -> float:
    inside = [time for time in sorted(times) if span.since < time < span.until]
    return max(after - before for before, after in pairwise([span.since, *inside, span.until]))


# ── the rows ─────────────────────────────────────────────────────────────────────────────────────────────────────────


async def read(address: str) -> History:
    """What is recorded in the database at `address`, at one moment."""
    connection = await asyncpg.connect(address, timeout=10)
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            grids, slots, gaps, runs = [
                [kind(**row) for row in await connection.fetch(f"SELECT {', '.join(kind.__slots__)} FROM {table}")]  # noqa: S608 - our own words
                for kind, table in ((Grid, "grids"), (Slot, "slots"), (Gap, "gaps"), (Run, "runs"))
            ]
            now = await connection.fetchval("SELECT extract(epoch FROM clock_timestamp())::float8")
    finally:
        await connection.close()
    return History(grids=grids, slots=slots, gaps=gaps, runs=runs, now=now)
