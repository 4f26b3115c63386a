"""Slot rows: the turns of a batch that many chains took, or ended, are written together, in a transaction that is open.

Only what goes as it should: a slot that is new to the books of its grid, and one that ends as whoever took it says. All
else (books that are closed, what was written before, what somebody else has) is left to writing.py, one by one.
"""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from sqlalchemy import Connection, Row, bindparam, select, tuple_, update

from prober.model.slot import Grid, Missed
from prober.publish.history.dialects import plain
from prober.publish.history.entries import Due, Ended, Written
from prober.publish.history.tables import gaps, grids, slots

Key = tuple[str, str, float]
_One = TypeVar("_One", Due, Ended)

_KNOWN = (
    select(grids)
    .where(tuple_(grids.c.chain, grids.c.location, grids.c.interval_seconds).in_(bindparam("keys", expanding=True)))
    .order_by(grids.c.id)
    .with_for_update()
)
_ACCOUNTED = update(grids).where(grids.c.id == bindparam("of_grid")).values(accounted=bindparam("until"))
_TAKEN = (
    select(slots.c.grid, slots.c.sequence, slots.c.instance)
    .where(slots.c.state == "taken")
    .where(tuple_(slots.c.grid, slots.c.sequence).in_(bindparam("keys", expanding=True)))
    .with_for_update()
)
_END = (
    update(slots)
    .where(slots.c.grid == bindparam("of_grid"), slots.c.sequence == bindparam("number"))
    .values({name: bindparam(f"new_{name}") for name in ("state", "reason", "run", "late")})
)


def key_of(grid: Grid) -> Key:
    """What tells the books of a grid from those of another."""
    return grid.chain, grid.location, grid.interval_seconds


def take(connection: Connection, entries: Mapping[int, Due]) -> Mapping[int, Written]:
    """Slots of different grids that came due, by their places in the batch; what became of those that are new."""
    rows = _fitting(connection, entries, lambda row, due: not row.closed and due.slot.sequence > row.accounted)
    if not rows:
        return {}
    passed_over = {place: entries[place].slot.sequence - row.accounted - 1 for place, row in rows.items()}
    missed = [_gap(row, entries[place]) for place, row in rows.items() if passed_over[place]]
    if missed:
        connection.exec_driver_sql(plain(connection.dialect, gaps), missed)
    taken = [_slot(row, entries[place]) for place, row in rows.items()]
    connection.exec_driver_sql(plain(connection.dialect, slots), taken)
    until = [{"of_grid": row.id, "until": entries[place].slot.sequence} for place, row in rows.items()]
    connection.execute(_ACCOUNTED, until)
    return {place: Written(passed_over=slots) for place, slots in passed_over.items()}


def end(connection: Connection, entries: Mapping[int, Ended]) -> Mapping[int, Written]:
    """Slots of different grids that ended, by their places in the batch; those that were still who says so's."""
    rows = _fitting(connection, entries, lambda row, ended: ended.slot.sequence <= row.accounted)
    if not rows:
        return {}
    keys = {(row.id, entries[place].slot.sequence): place for place, row in rows.items()}
    found = connection.execute(_TAKEN, {"keys": list(keys)}).all()
    holders = {keys[row.grid, row.sequence]: row for row in found}
    ours = {place: row for place, row in holders.items() if row.instance == entries[place].instance}
    if ours:
        connection.execute(_END, [_ending(row, entries[place]) for place, row in ours.items()])
    return dict.fromkeys(ours, Written())


def _fitting(
    connection: Connection, entries: Mapping[int, _One], fits: Callable[[Row[Any], _One], bool]
) -> Mapping[int, Row[Any]]:
    """The rows of the entries' grids, those that they fit; locked in one order until the transaction ends."""
    places = {key_of(entry.slot.grid): place for place, entry in entries.items()}
    if not places:
        return {}
    found = connection.execute(_KNOWN, {"keys": list(places)}).all()
    rows = {places[row.chain, row.location, row.interval_seconds]: row for row in found}
    return {place: row for place, row in rows.items() if fits(row, entries[place])}


def _gap(row: Row[Any], entry: Due) -> tuple[Any, ...]:
    return row.id, row.accounted + 1, entry.slot.sequence - 1, str(entry.why)


def _slot(row: Row[Any], entry: Due) -> tuple[Any, ...]:
    slot, reason = entry.slot, str(entry.missed) if entry.missed else None
    state = "missed" if entry.missed else "taken"
    return row.id, slot.sequence, slot.due.timestamp(), state, reason, entry.instance, entry.expires, None, False


def _ending(row: Any, entry: Ended) -> Mapping[str, object]:  # noqa: ANN401 - a row
    at = {"of_grid": row.grid, "number": row.sequence}
    if entry.record is None:
        why = str(entry.missed or Missed.DIED_MID_RUN)
        return {**at, "new_state": "missed", "new_reason": why, "new_run": None, "new_late": False}
    return {**at, "new_state": "recorded", "new_reason": None, "new_run": entry.record.run_id, "new_late": entry.late}
