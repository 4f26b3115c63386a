"""Views: what the page asks of the past: bars, causes in time, revisions, coverage; each one query or two."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import groupby
from math import ceil
from operator import itemgetter
from typing import Any

from sqlalchemy import Label, Row, Select, and_, case, func, literal_column, select
from sqlalchemy.ext.asyncio import AsyncConnection

from prober.judge.ledger import grid_at, slot_at
from prober.publish.history.bars import Bar, CauseTime, Coverage, RevisionMark
from prober.publish.history.run_rows import HALF_HOUR
from prober.publish.history.speeds import quantiles, speed
from prober.publish.history.tables import causes, gaps, grids, revisions, runs, slots, steps, tallies

#: Up to here narrow bars are counted from the steps themselves; beyond, bars are of half hours.
_NARROW = timedelta(hours=2)

#: A run ends within this time of its steps' beginnings.
_LONGEST_RUN_SECONDS = 3600.0

#: More than a page can show.
_MOST_MARKS = 500


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

    def begin(self, number: int) -> datetime:
        """When one begins."""
        return datetime.fromtimestamp(self.first + number * self.width, UTC)


def bar_rows(chain: str, since: datetime, until: datetime, stretches: Stretches) -> Select[Any]:
    """The statement that tells number of the stretch, step, verdict, looks, longest and the speed of all of them.

    Of steps themselves each is one look.
    """
    return (_of_tallies if stretches.by_half_hours else _of_steps)(chain, since, until, stretches)


def _of_tallies(chain: str, since: datetime, until: datetime, stretches: Stretches) -> Select[Any]:
    begin, end = (int(at.timestamp() // HALF_HOUR) for at in (since, until))
    half_hours = int(stretches.width // HALF_HOUR)
    # written out: PostgreSQL takes a bound number in SELECT and in GROUP BY for two
    number: Label[int] = literal_column(f"(tallies.half_hour - {begin}) / {half_hours}").label("number")
    key = (number, tallies.c.step, tallies.c.verdict, tallies.c.speed)  # in this order it takes half the time
    return (
        select(
            number,
            tallies.c.step,
            tallies.c.verdict,
            func.sum(tallies.c.looks).label("looks"),
            func.max(tallies.c.longest_seconds).label("longest"),
            tallies.c.speed,
        )
        .where(tallies.c.chain == chain, tallies.c.half_hour.between(begin, end))
        .group_by(*key)
    )


def _of_steps(chain: str, since: datetime, until: datetime, stretches: Stretches) -> Select[Any]:
    begin, end = since.timestamp(), until.timestamp()
    number = func.floor((steps.c.began - stretches.first) / stretches.width).label("number")
    look: Label[int] = literal_column("1").label("looks")
    return (
        select(number, steps.c.step, steps.c.verdict, look, steps.c.duration_seconds.label("longest"))
        .join_from(runs, steps, steps.c.run == runs.c.id)
        .where(runs.c.chain == chain, runs.c.ended.between(begin, end + _LONGEST_RUN_SECONDS))
        .where(steps.c.began >= begin, steps.c.began < end)
    )


def run_at_row(chain: str, step: str, since: datetime, until: datetime) -> Select[Any]:
    """The statement that tells which run to show of a bar."""
    begin, end = since.timestamp(), until.timestamp()
    failed = case((steps.c.verdict == "fail", 0), else_=1)
    return (
        select(steps.c.run)
        .join_from(runs, steps, steps.c.run == runs.c.id)
        .where(runs.c.chain == chain, runs.c.ended.between(begin, end + _LONGEST_RUN_SECONDS))
        .where(steps.c.step == step, steps.c.began >= begin, steps.c.began < end)
        .order_by(failed, steps.c.began.desc())
        .limit(1)
    )


def bars_of(rows: Iterable[Sequence[Any]], stretches: Stretches) -> Sequence[Bar]:
    """The bars, by time and step."""
    bars: list[Bar] = []
    in_order = sorted(map(tuple, rows), key=itemgetter(0, 1))  # by the database it takes longer: it knows of languages
    for number, of_stretch in groupby(in_order, itemgetter(0)):
        since, until = stretches.begin(number), stretches.begin(number + 1)
        bars += [_bar(step, since, until, of_step) for step, of_step in groupby(of_stretch, itemgetter(1))]
    return bars


def _bar(step: str, since: datetime, until: datetime, rows: Iterable[Sequence[Any]]) -> Bar:
    verdicts: dict[str, int] = {}
    speeds: dict[int, int] = {}
    longest = None
    for _, _, verdict, looks, seconds, *fast in rows:
        each = fast[0] if fast else speed(seconds)
        verdicts[verdict] = verdicts.get(verdict, 0) + looks
        speeds[each] = speeds.get(each, 0) + looks
        if seconds is not None and (longest is None or seconds > longest):
            longest = seconds
    p50, p95 = quantiles((0.5, 0.95), speeds, longest)
    return Bar(
        step=step,
        since=since,
        until=until,
        verdicts=verdicts,
        p50_seconds=p50,
        p95_seconds=p95,
        longest_seconds=longest,
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
