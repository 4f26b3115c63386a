"""Run rows: how the runs of a batch are written, in a transaction that is open: a statement a table, however many.

Tables and rows are written in one order, or two instances that write at once could wait for each other.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, Dialect, Executable, Table, and_, bindparam, case, func, select, update

from prober.publish.history.dialects import DIALECTS, NOW, insert, plain
from prober.publish.history.record import Record
from prober.publish.history.speeds import speed
from prober.publish.history.tables import causes, revisions, runs, steps, tallies

#: Tallies are of half hours since the Unix epoch.
HALF_HOUR = 1800

#: What a run takes in PostgreSQL beside its document, indexes included; and each of its steps with its tallies.
_RUN_BYTES, _STEP_BYTES = 1200, 320


@dataclass(frozen=True, slots=True)
class KeptRun:
    """A run that is to be kept."""

    record: Record
    location: str
    late: bool = False  # written down when the store had been away


def keep(connection: Connection, wanted: Sequence[KeptRun]) -> None:
    """Write runs with all that hangs on them; those that are there already stay as they are."""
    if not wanted:
        return
    fresh = _new(connection, wanted)
    records = [each.record for each in fresh]
    _all(connection, plain, steps, (row for record in records for row in _steps(record)))
    _all(connection, _adding, tallies, _tallies(records))
    _all(connection, plain, causes, (row for record in records for row in _causes(record)))
    for (location, service), stretches in sorted(_stretches(fresh).items()):
        for stretch in stretches:
            _see(connection, {"location": location, "service": service, **stretch})


def _new(connection: Connection, wanted: Sequence[KeptRun]) -> Sequence[KeptRun]:
    """Write the runs alone; those that were not there."""
    by_id = {each.record.run_id: each for each in wanted}
    found = connection.execute(_runs(connection.dialect), [_run(each) for each in by_id.values()])
    fresh = set(found.scalars())
    return [each for run_id, each in by_id.items() if run_id in fresh]


@lru_cache(DIALECTS)
def _runs(dialect: Dialect) -> Executable:
    fresh: Executable = insert(dialect, runs).values(written=NOW[dialect.name]).on_conflict_do_nothing()
    return fresh.returning(runs.c.id)  # type: ignore[attr-defined, no-any-return] # of an INSERT it is known


def _run(wanted: KeptRun) -> Mapping[str, object]:
    record = wanted.record
    return {
        "id": record.run_id,
        "chain": record.chain,
        "location": wanted.location,
        "trigger": record.trigger,
        "verdict": record.verdict,
        "began": record.began,
        "ended": record.ended,
        "revision": record.revision,
        "sample": record.sample,
        "late": wanted.late,
        "recall": record.recall,
        "document": record.document,
        "bytes": _RUN_BYTES + len(record.recall) + len(record.document) + _STEP_BYTES * len(record.steps),
    }


# ── rows, each a value a column, as the driver takes them ────────────────────────────────────────────────────────────

_Row = tuple[Any, ...]


def _all(
    connection: Connection, statement: Callable[[Dialect, Table], str], table: Table, rows: Iterable[_Row]
) -> None:
    """Past SQLAlchemy's handling of parameters: for a dozen rows a run that takes longer than the database does."""
    if several := list(rows):
        connection.exec_driver_sql(statement(connection.dialect, table), several)


@lru_cache(DIALECTS)
def _adding(dialect: Dialect, table: Table) -> str:
    """Looks that are added to those of the same key."""
    fresh = insert(dialect, table)
    longer = case((fresh.excluded.longest_seconds > table.c.longest_seconds, fresh.excluded.longest_seconds))
    change = {
        "looks": table.c.looks + fresh.excluded.looks,
        "longest_seconds": func.coalesce(longer, table.c.longest_seconds),
    }
    adding = fresh.on_conflict_do_update(index_elements=list(table.primary_key), set_=change)
    return str(adding.compile(dialect=dialect))


def _steps(record: Record) -> Iterable[_Row]:
    for place, row in enumerate(record.steps):
        what = row.step, row.service, row.verdict, row.reason
        yield record.run_id, place, record.chain, *what, row.began, row.duration_seconds


def _causes(record: Record) -> Iterable[_Row]:
    for name, confidence in record.causes:
        yield record.run_id, name, record.chain, confidence, record.ended


def _tallies(records: Iterable[Record]) -> Iterable[_Row]:
    """In one order of their keys, each once."""
    looks: dict[_Row, int] = {}
    longest: dict[_Row, float | None] = {}
    for record in records:
        for row in record.steps:
            seconds = row.duration_seconds
            key = record.chain, int(row.began // HALF_HOUR), row.step, row.verdict, speed(seconds)
            looks[key] = looks.get(key, 0) + 1
            longest[key] = seconds if seconds is None else max(seconds, longest.get(key) or 0.0)
    return ((*key, looks[key], longest[key]) for key in sorted(looks))


# ── revisions ────────────────────────────────────────────────────────────────────────────────────────────────────────


def _stretches(kept: Iterable[KeptRun]) -> Mapping[tuple[str, str], list[dict[str, object]]]:
    """From when until when which revision was seen, in turn, by location and service."""
    found: dict[tuple[str, str], list[dict[str, object]]] = {}
    for each in kept:
        for service, revision in each.record.revisions.items():
            stretches, at = found.setdefault((each.location, service), []), each.record.ended
            if not stretches or stretches[-1]["revision"] != revision:
                stretches.append({"revision": revision, "first_seen": at})
            stretches[-1]["last_seen"] = at
    return found


_MINE = and_(
    revisions.c.location == bindparam("of_location"),
    revisions.c.service == bindparam("of_service"),
)
_LAST = select(func.max(revisions.c.first_seen)).where(_MINE).scalar_subquery()
_GOES_ON = (
    update(revisions)
    .where(_MINE, revisions.c.first_seen == _LAST, revisions.c.revision == bindparam("of_revision"))
    .values(last_seen=bindparam("at"))
)


def _see(connection: Connection, stretch: Mapping[str, object]) -> None:
    """The revision that was seen last goes on, or another one begins."""
    known = {f"of_{name}": stretch[name] for name in ("location", "service", "revision")}
    if not connection.execute(_GOES_ON, {**known, "at": stretch["last_seen"]}).rowcount:
        connection.execute(insert(connection.dialect, revisions).on_conflict_do_nothing(), stretch)
