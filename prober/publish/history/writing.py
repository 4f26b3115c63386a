"""How each kind of entry is written, within a transaction that is open; writing one twice is writing it once."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Row, and_, or_, select, tuple_, update

from prober.model.slot import Grid, Missed
from prober.publish.history.dialects import insert
from prober.publish.history.entries import (
    Claimed,
    Closed,
    Dropped,
    Due,
    Ended,
    Entry,
    Kept,
    Noted,
    Opened,
    Swept,
    Written,
)
from prober.publish.history.record import Record
from prober.publish.history.run_rows import KeptRun, keep
from prober.publish.history.slot_rows import Key, end, key_of, take
from prober.publish.history.tables import gaps, grids, notes, slots

_NOT_OURS = Written(ours=False)


def write_entries(connection: Connection, entries: Sequence[Entry]) -> list[Written]:
    """Write all of `entries`; what became of each. The runs among them come last, and together."""
    _lock_grids(connection, entries)
    written: dict[int, Written] = {}
    for places in _apart(entries):
        written |= take(connection, {place: each for place in places if isinstance(each := entries[place], Due)})
        written |= end(connection, {place: each for place in places if isinstance(each := entries[place], Ended)})
        for place in [place for place in places if place not in written]:
            written[place] = _WRITERS[type(entries[place])](connection, entries[place])
    told = [written[place] for place in range(len(entries))]
    keep(connection, [run for entry, what in zip(entries, told, strict=True) for run in _runs(entry, what)])
    return told


def _apart(entries: Sequence[Entry]) -> Iterator[Sequence[int]]:
    """The places of `entries`, in their order, cut wherever two would concern the same grid, and around a sweep."""
    places: list[int] = []
    concerned: set[Key] = set()
    for place in _in_order(entries):
        grid, is_sweep = _grid(entries[place]), isinstance(entries[place], Swept)
        if is_sweep or (grid and key_of(grid) in concerned):
            yield places
            places, concerned = [], set()
        places.append(place)
        if grid:
            concerned.add(key_of(grid))
        if is_sweep:
            yield places
            places = []
    yield places


def _runs(entry: Entry, written: Written) -> Iterator[KeptRun]:
    match entry:
        case Kept():
            yield KeptRun(entry.record, entry.location)
        case Ended(record=Record() as record) if written.ours:
            yield KeptRun(record, entry.slot.grid.location, late=entry.late)


# ── grids ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _lock_grids(connection: Connection, entries: Sequence[Entry]) -> None:
    """Lock the grids of all `entries` in one order, or two instances that write several would wait for each other."""
    named = {grid for entry in entries if (grid := _grid(entry)) is not None}
    if len(named) > 1 and connection.dialect.name == "postgresql":  # SQLite has one writer
        key = tuple_(grids.c.chain, grids.c.location, grids.c.interval_seconds)
        keys = list(map(key_of, named))
        connection.execute(select(grids.c.id).where(key.in_(keys)).order_by(grids.c.id).with_for_update())


def _in_order(entries: Sequence[Entry]) -> Sequence[int]:
    """The places of `entries` as they are to be written: notes last and by name, which several instances write too."""
    return sorted(range(len(entries)), key=lambda place: getattr(entries[place], "name", ""))


def _grid(entry: Entry) -> Grid | None:
    match entry:
        case Opened() | Closed():
            return entry.grid
        case Due() | Ended():
            return entry.slot.grid
    return None


def _locked(connection: Connection, grid: Grid) -> Row[Any] | None:
    """The row of a grid, locked until the transaction ends."""
    found = select(grids).where(
        grids.c.chain == grid.chain,
        grids.c.location == grid.location,
        grids.c.interval_seconds == grid.interval_seconds,
    )
    return connection.execute(found.with_for_update()).one_or_none()


def _opened(connection: Connection, entry: Opened) -> Written:
    grid = entry.grid
    key = {"chain": grid.chain, "location": grid.location, "interval_seconds": grid.interval_seconds}
    fresh = insert(connection.dialect, grids).values(
        **key, first=entry.sequence, accounted=entry.sequence - 1, closed=False
    )
    connection.execute(fresh.on_conflict_do_nothing())
    known = _locked(connection, grid)
    if known is not None and known.closed:
        _reopen(connection, known, entry.sequence)
    return Written()


def _reopen(connection: Connection, row: Row[Any], sequence: int) -> None:
    """What was closed meanwhile had no slots."""
    skipped = max(0, sequence - 1 - row.accounted)
    change = {"closed": False, "skipped": row.skipped + skipped, "accounted": row.accounted + skipped}
    connection.execute(update(grids).where(grids.c.id == row.id).values(**change))


def _closed(connection: Connection, entry: Closed) -> Written:
    row = _locked(connection, entry.grid)
    if row is None or row.closed:
        return Written()
    passed_over = _account(connection, row, entry.sequence, entry.why)
    accounted = max(row.accounted, entry.sequence)
    connection.execute(update(grids).where(grids.c.id == row.id).values(closed=True, accounted=accounted))
    return Written(passed_over=passed_over)


def _account(connection: Connection, row: Row[Any], until: int, why: Missed) -> int:
    """Write down as missed what lies between the last slot in the books and `until`, included; how many that were."""
    count = until - row.accounted
    if count <= 0:
        return 0
    gap = {"grid": row.id, "first": row.accounted + 1, "last": until, "reason": str(why)}
    connection.execute(gaps.insert().values(**gap))
    return int(count)


# ── slots ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _due(connection: Connection, entry: Due) -> Written:
    slot = entry.slot
    row = _locked(connection, slot.grid)
    if row is None or row.closed:
        _opened(connection, Opened(grid=slot.grid, sequence=slot.sequence))
        row = _locked(connection, slot.grid)
    if row is None or slot.sequence <= row.accounted:
        return _NOT_OURS if row is None else _written_before(connection, row.id, entry)
    passed_over = _account(connection, row, slot.sequence - 1, entry.why)
    connection.execute(slots.insert().values(grid=row.id, **_slot(entry)))
    connection.execute(update(grids).where(grids.c.id == row.id).values(accounted=slot.sequence))
    return Written(passed_over=passed_over)


def _slot(entry: Due) -> Mapping[str, object]:
    return {
        "sequence": entry.slot.sequence,
        "due": entry.slot.due.timestamp(),
        "state": "missed" if entry.missed else "taken",
        "reason": str(entry.missed) if entry.missed else None,
        "instance": entry.instance,
        "expires": entry.expires,
    }


def _written_before(connection: Connection, grid: int, entry: Due) -> Written:
    """It may have been we who wrote this slot, and what was passed over before it, and did not hear of it."""
    at = and_(slots.c.grid == grid, slots.c.sequence == entry.slot.sequence)
    holder = connection.execute(select(slots.c.instance).where(at)).scalar_one_or_none()
    if holder != entry.instance:
        return _NOT_OURS
    before = select(gaps.c.last - gaps.c.first + 1).where(gaps.c.grid == grid, gaps.c.last == entry.slot.sequence - 1)
    return Written(passed_over=connection.execute(before).scalar_one_or_none() or 0)


def _ended(connection: Connection, entry: Ended) -> Written:
    row = _locked(connection, entry.slot.grid)
    if row is None or entry.slot.sequence > row.accounted:
        row = _taken_after_all(connection, entry)
    if row is None:
        return _NOT_OURS
    at = and_(slots.c.grid == row.id, slots.c.sequence == entry.slot.sequence, slots.c.instance == entry.instance)
    done = connection.execute(update(slots).where(at, slots.c.state == "taken").values(**_end(entry)))
    return Written(ours=bool(done.rowcount) or _is_ended_so(connection, at, entry))


def _taken_after_all(connection: Connection, entry: Ended) -> Row[Any] | None:
    """Books that know nothing of a slot yet, begun anew or never told of it, hear now that it was taken."""
    why = Missed.STORE_UNAVAILABLE
    _due(connection, Due(slot=entry.slot, instance=entry.instance, expires=0.0, why=why))
    return _locked(connection, entry.slot.grid)


def _end(entry: Ended) -> Mapping[str, object]:
    if entry.record is None:
        return {"state": "missed", "reason": str(entry.missed or Missed.DIED_MID_RUN)}
    return {"state": "recorded", "run": entry.record.run_id, "late": entry.late}


def _is_ended_so(connection: Connection, at: Any, entry: Ended) -> bool:  # noqa: ANN401 - a condition
    """Whether it was we who ended it like this, and did not hear of it."""
    found = connection.execute(select(slots.c.run, slots.c.reason).where(at)).one_or_none()
    wanted = (entry.record.run_id, None) if entry.record else (None, str(entry.missed))
    return found is not None and tuple(found) == wanted


def _swept(connection: Connection, entry: Swept) -> Written:
    here = select(grids.c.id).where(grids.c.location == entry.location)
    dead = and_(
        slots.c.state == "taken",
        slots.c.expires < entry.before,
        slots.c.instance != entry.instance,
        slots.c.grid.in_(here),
    )
    # What somebody is about to end right now is left to them, and to the next sweep.
    found = select(slots.c.grid, slots.c.sequence).where(dead).with_for_update(skip_locked=True)
    theirs = tuple_(slots.c.grid, slots.c.sequence).in_(found)
    given_up = update(slots).where(theirs).values(state="missed", reason=str(Missed.DIED_MID_RUN))
    gone = connection.execute(given_up.returning(slots.c.grid)).scalars().all()
    if not gone:
        return Written()
    names = connection.execute(select(grids.c.id, grids.c.chain).where(grids.c.id.in_(set(gone))))
    chains = {row.id: row.chain for row in names}
    return Written(died=Counter(chains[grid] for grid in gone))


# ── state ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _noted(connection: Connection, entry: Noted) -> Written:
    """One that waited may be older than what somebody else noted meanwhile."""
    note = {"text": entry.text, "noted": entry.at}
    fresh = insert(connection.dialect, notes).values(location=entry.location, name=entry.name, **note)
    is_older = notes.c.noted <= entry.at
    key = [notes.c.location, notes.c.name]
    connection.execute(fresh.on_conflict_do_update(index_elements=key, set_=note, where=is_older))
    return Written()


def _claimed(connection: Connection, entry: Claimed) -> Written:
    """A claim is a note of who has it, and since when."""
    note = {"text": entry.instance, "noted": entry.at}
    fresh = insert(connection.dialect, notes).values(location=entry.location, name=entry.name, **note)
    is_free = or_(notes.c.noted <= entry.at - entry.lasts_seconds, notes.c.text == entry.instance)
    key = [notes.c.location, notes.c.name]
    done = connection.execute(fresh.on_conflict_do_update(index_elements=key, set_=note, where=is_free))
    return Written(ours=bool(done.rowcount))


def _kept(_connection: Connection, _entry: Kept) -> Written:
    return Written()


def _dropped(_connection: Connection, _entry: Dropped) -> Written:
    return _NOT_OURS


_WRITERS: Mapping[type[Entry], Callable[[Connection, Any], Written]] = {
    Opened: _opened,
    Closed: _closed,
    Due: _due,
    Ended: _ended,
    Swept: _swept,
    Kept: _kept,
    Noted: _noted,
    Claimed: _claimed,
    Dropped: _dropped,
}
