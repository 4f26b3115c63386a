"""Views: what the page asks of the past: bars, causes in time, revisions, coverage; each one query or two."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from math import ceil
from typing import Any

from sqlalchemy import Label, Row, Select, and_, case, func, literal_column, select
from sqlalchemy.ext.asyncio import AsyncConnection

from prober.judge.ledger import grid_at, slot_at
from prober.publish.history.speeds import quantiles, speed
from prober.publish.history.tables import causes, gaps, grids, revisions, runs, slots, steps, tallies
from prober.publish.history.writing import HALF_HOUR

#: Up to here narrow bars are counted from the steps themselves; beyond, bars are of half hours.
_NARROW = timedelta(hours=2)

#: A run ends within this time of its steps' beginnings.
_LONGEST_RUN_SECONDS = 3600.0

#: More than a page can show.
_MOST_MARKS = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """What one step came to in one stretch of time."""

    step: str
    since: datetime
    until: datetime
    verdicts: Mapping[str, int]  # how often each
    p50_seconds: float | None  # None: it was never looked at
    p95_seconds: float | None
    longest_seconds: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CauseTime:
    """A cause was named by so many runs between two moments of the same half hour."""

    cause: str
    first: datetime
    last: datetime
    runs: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RevisionMark:
    """A service was seen to be of another revision than before, or for the first time."""

    location: str
    service: str
    revision: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """What became of the slots of one grid that were due since a moment."""

    chain: str
    location: str
    interval_seconds: float
    recorded: int
    missed: Mapping[str, int]  # by reason
    taken: int  # under way

    @property
    def expected(self) -> int:
        """How many were due and are decided."""
        return self.recorded + sum(self.missed.values())

    @property
    def ratio(self) -> float | None:
        """Recorded of expected; None when nothing was due."""
        return self.recorded / self.expected if self.expected else None


# ── bars ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretches:
    """Time cut into pieces of equal length, in Unix seconds."""

    first: float
    width: float
    by_half_hours: bool

    @classmethod
    def of(cls, since: datetime, until: datetime, buckets: int) -> "Stretches":
        """As many as asked for; over more than a few hours they begin and end on half hours, which makes them fewer."""
        start, width = since.timestamp(), (until - since).total_seconds() / buckets
        if width < HALF_HOUR and until - since <= _NARROW:
            return cls(first=start, width=width, by_half_hours=False)
        return cls(
            first=start // HALF_HOUR * HALF_HOUR, width=ceil(width / HALF_HOUR) * float(HALF_HOUR), by_half_hours=True
        )

    def number(self, at: float) -> int:
        """Which one a moment lies in."""
        return int((at - self.first) // self.width)

    def begin(self, number: int) -> datetime:
        """When one begins."""
        return datetime.fromtimestamp(self.first + number * self.width, UTC)


@dataclass(slots=True)
class _Heap:
    """Looks of one bar."""

    verdicts: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))
    speeds: defaultdict[int, int] = field(default_factory=lambda: defaultdict(int))
    longest: float | None = None

    def add(self, verdict: str, speed: int, looks: int, longest: float | None) -> None:
        self.verdicts[verdict] += looks
        self.speeds[speed] += looks
        if longest is not None and (self.longest is None or longest > self.longest):
            self.longest = longest


def bar_rows(chain: str, since: datetime, until: datetime, stretches: Stretches) -> Select[Any]:
    """The statement that tells step, number of the stretch or its moment, verdict, speed, looks, longest."""
    return (_of_tallies if stretches.by_half_hours else _of_steps)(chain, since, until, stretches)


def _of_tallies(chain: str, since: datetime, until: datetime, stretches: Stretches) -> Select[Any]:
    begin, end = (int(at.timestamp() // HALF_HOUR) for at in (since, until))
    half_hours = int(stretches.width // HALF_HOUR)
    # written out: PostgreSQL takes a bound number in SELECT and in GROUP BY for two
    number: Label[int] = literal_column(f"(tallies.half_hour - {begin}) / {half_hours}").label("number")
    return (
        select(
            tallies.c.step,
            number,
            tallies.c.verdict,
            tallies.c.speed,
            func.sum(tallies.c.looks).label("looks"),
            func.max(tallies.c.longest_seconds).label("longest"),
        )
        .where(tallies.c.chain == chain, tallies.c.half_hour.between(begin, end))
        .group_by(number, tallies.c.step, tallies.c.verdict, tallies.c.speed)  # in the order of the key: half the time
    )


def _of_steps(chain: str, since: datetime, until: datetime, _stretches: Stretches) -> Select[Any]:
    begin, end = since.timestamp(), until.timestamp()
    return (
        select(steps.c.step, steps.c.began, steps.c.verdict, steps.c.duration_seconds)
        .join_from(runs, steps, steps.c.run == runs.c.id)
        .where(runs.c.chain == chain, runs.c.ended.between(begin, end + _LONGEST_RUN_SECONDS))
        .where(steps.c.began >= begin, steps.c.began < end)
    )


def bars_of(rows: Iterable[Row[Any]], stretches: Stretches) -> Sequence[Bar]:
    """The bars, by step and time."""
    heaps: defaultdict[tuple[str, int], _Heap] = defaultdict(_Heap)
    for row in rows:
        if stretches.by_half_hours:
            step, number, verdict, fast, looks, longest = tuple(row)
            heaps[step, number].add(verdict, fast, looks, longest)
        else:
            step, began, verdict, seconds = tuple(row)
            heaps[step, stretches.number(began)].add(verdict, speed(seconds), 1, seconds)
    edges = {number: (stretches.begin(number), stretches.begin(number + 1)) for _, number in heaps}
    return [_bar(step, *edges[number], heaps[step, number]) for step, number in sorted(heaps)]


def _bar(step: str, since: datetime, until: datetime, heap: _Heap) -> Bar:
    p50, p95 = quantiles((0.5, 0.95), heap.speeds, heap.longest)
    return Bar(
        step=step,
        since=since,
        until=until,
        verdicts=dict(heap.verdicts),
        p50_seconds=p50,
        p95_seconds=p95,
        longest_seconds=heap.longest,
    )


# ── causes and revisions ─────────────────────────────────────────────────────────────────────────────────────────────


def cause_rows(chain: str, since: datetime) -> Select[Any]:
    """The statement that tells cause, first, last, runs, by half hours."""
    half_hour = func.floor(causes.c.ended / literal_column(str(HALF_HOUR)))
    first, last = func.min(causes.c.ended).label("first"), func.max(causes.c.ended).label("last")
    return (
        select(causes.c.cause, first, last, func.count().label("runs"))
        .where(causes.c.chain == chain, causes.c.ended >= since.timestamp())
        .group_by(causes.c.cause, half_hour)
        .order_by(first, causes.c.cause)
    )


def cause_times_of(rows: Iterable[Row[Any]]) -> Sequence[CauseTime]:
    """When which cause was named, oldest first."""
    return [CauseTime(cause=row.cause, first=_at(row.first), last=_at(row.last), runs=row.runs) for row in rows]


def revision_rows(since: datetime) -> Select[Any]:
    """The statement that tells what began since then, the newest first."""
    began = revisions.c.first_seen
    return select(revisions).where(began >= since.timestamp()).order_by(began.desc()).limit(_MOST_MARKS)


def revision_marks_of(rows: Sequence[Row[Any]]) -> Sequence[RevisionMark]:
    """The changes of revision, oldest first."""
    return [
        RevisionMark(location=row.location, service=row.service, revision=row.revision, at=_at(row.first_seen))
        for row in reversed(rows)
    ]


def _at(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


# ── coverage ─────────────────────────────────────────────────────────────────────────────────────────────────────────


async def coverage(connection: AsyncConnection, chain: str, since: datetime) -> Sequence[Coverage]:
    """What became of the slots of every grid of `chain` that were due since a moment."""
    found = (await connection.execute(select(grids).where(grids.c.chain == chain).order_by(grids.c.id))).all()
    return [await _covered(connection, row, since) for row in found]


async def _covered(connection: AsyncConnection, grid: Row[Any], since: datetime) -> Coverage:
    begin = slot_at(grid_at(grid.chain, grid.location, grid.interval_seconds), since).sequence + 1
    state = select(slots.c.state, slots.c.reason, func.count().label("slots"))
    state = state.where(slots.c.grid == grid.id, slots.c.sequence >= begin).group_by(slots.c.state, slots.c.reason)
    first = case((gaps.c.first < begin, begin), else_=gaps.c.first)
    lost = select(gaps.c.reason, func.sum(gaps.c.last - first + 1).label("slots"))
    lost = lost.where(and_(gaps.c.grid == grid.id, gaps.c.last >= begin)).group_by(gaps.c.reason)
    states = (await connection.execute(state)).all()
    missed: Counter[str] = Counter({row.reason: row.slots for row in states if row.state == "missed"})
    missed.update({row.reason: int(row.slots) for row in await connection.execute(lost)})
    return Coverage(
        chain=grid.chain,
        location=grid.location,
        interval_seconds=grid.interval_seconds,
        recorded=sum(row.slots for row in states if row.state == "recorded"),
        missed=dict(missed),
        taken=sum(row.slots for row in states if row.state == "taken"),
    )
