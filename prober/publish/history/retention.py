"""Retention: what is too old, or takes too much room, is let go, a little at a time so that no run waits for it."""

from datetime import UTC, datetime
from typing import Any, cast

from sqlalchemy import Connection, Float, Row, Select, and_, bindparam, delete, func, or_, select, text, tuple_, update

from prober.judge.ledger import grid_at, slot_at
from prober.publish.history.run_rows import HALF_HOUR
from prober.publish.history.tables import gaps, grids, idempotency_keys, intents, notes, revisions, runs, slots, tallies

#: Runs, or orders, let go in one transaction, or grids that lose slots: some 10 ms of the one writer that SQLite has.
CHUNK = 50

#: Rows of little weight let go in one transaction.
_LIGHT = 500

#: Pages given back to the disk in one transaction, 4 KiB each.
_PAGES = 500

#: What a slot takes in PostgreSQL, indexes included; and an order with its key, without what a gate came to.
_SLOT_BYTES, _INTENT_BYTES = 160, 1200

_FOREVER = datetime.max.replace(tzinfo=UTC)


# ── by age ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def prune_runs(connection: Connection, before: datetime) -> int:
    """Let go of the oldest runs that ended `before` a moment; how many it were."""
    oldest = select(runs.c.id).where(runs.c.ended < before.timestamp()).order_by(runs.c.ended).limit(CHUNK)
    return int(connection.execute(delete(runs).where(runs.c.id.in_(oldest))).rowcount)


def prune_tallies(connection: Connection, before: datetime) -> int:
    """Let go of tallies of half hours that were over `before` a moment; how many it were."""
    key = list(tallies.primary_key)
    over = tallies.c.half_hour < int(before.timestamp() // HALF_HOUR)
    oldest = select(*key).where(over).order_by(tallies.c.half_hour).limit(_LIGHT)
    oldest = oldest.with_for_update(skip_locked=True)  # a run that comes late may be adding to some of them
    return int(connection.execute(delete(tallies).where(tuple_(*key).in_(oldest))).rowcount)


def prune_revisions(connection: Connection, before: datetime) -> int:
    """Let go of what was last seen `before` a moment; how many it were."""
    key = list(revisions.primary_key)
    oldest = select(*key).where(revisions.c.last_seen < before.timestamp()).limit(_LIGHT)
    return int(connection.execute(delete(revisions).where(tuple_(*key).in_(oldest))).rowcount)


def prune_notes(connection: Connection, before: datetime) -> int:
    """Let go of what nobody has renewed since `before` a moment, as of chains that are gone; how many it were."""
    key = list(notes.primary_key)
    oldest = select(*key).where(notes.c.noted < before.timestamp()).limit(_LIGHT)
    oldest = oldest.with_for_update(skip_locked=True)  # somebody may be renewing it right now
    return int(connection.execute(delete(notes).where(tuple_(*key).in_(oldest))).rowcount)


def prune_intents(connection: Connection, before: datetime) -> int:
    """Let go of what was asked for `before` a moment, and has ended, what gates came to included; how many it were.

    A key goes with what it stands for: it would be answered with what nobody knows of any more.
    """
    old = and_(intents.c.asked < before.timestamp(), intents.c.ended.is_not(None))
    oldest = select(intents.c.id).where(old).order_by(intents.c.asked).limit(CHUNK)
    gone = connection.execute(delete(intents).where(intents.c.id.in_(oldest)).returning(intents.c.id))
    ids = gone.scalars().all()
    if ids:
        connection.execute(delete(idempotency_keys).where(idempotency_keys.c.intent.in_(ids)))
    return len(ids)


def prune_keys(connection: Connection, before: datetime) -> int:
    """Let go of idempotency keys from `before` a moment; how many it were."""
    key = list(idempotency_keys.primary_key)
    oldest = select(*key).where(idempotency_keys.c.used < before.timestamp()).limit(_LIGHT)
    return int(connection.execute(delete(idempotency_keys).where(tuple_(*key).in_(oldest))).rowcount)


def prune_slots(connection: Connection, before: datetime) -> int:
    """Let go of the oldest slots and gaps of some grids that have old ones, and note how many it were; how many."""
    found = connection.execute(_WITH_OLD, {"before": before.timestamp()}).all()
    return sum(_prune_grid(connection, grid, before) for grid in found)


def _with_old() -> Select[Any]:
    """Grids of which something is older than `before`; for thousands that have nothing it looks at one row of each.

    Of each grid it finds, something goes, or it would be found for ever: a slot that the next one had followed by then,
    and a gap that was over a whole interval before, for its phase is not known here.
    """
    before = bindparam("before", type_=Float)
    since = select(slots.c.due).where(slots.c.grid == grids.c.id, slots.c.state != "taken").order_by(slots.c.sequence)
    last = select(gaps.c.last).where(gaps.c.grid == grids.c.id).order_by(gaps.c.first)
    has_slot = since.limit(1).scalar_subquery() + grids.c.interval_seconds <= before
    has_gap = (last.limit(1).scalar_subquery() + 2) * grids.c.interval_seconds <= before
    return select(grids).where(or_(has_slot, has_gap)).limit(CHUNK)


_WITH_OLD = _with_old()


def _prune_grid(connection: Connection, grid: Row[Any], before: datetime) -> int:
    until = slot_at(grid_at(grid.chain, grid.location, grid.interval_seconds), before).sequence
    gone = _prune_taken(connection, grid.id, until) + _prune_gaps(connection, grid.id, until)
    if gone:
        connection.execute(update(grids).where(grids.c.id == grid.id).values(pruned=grids.c.pruned + gone))
    return gone


def _prune_taken(connection: Connection, grid: int, until: int) -> int:
    """Slots that are not under way any more."""
    old = select(slots.c.sequence).where(slots.c.grid == grid, slots.c.sequence < until, slots.c.state != "taken")
    oldest = old.order_by(slots.c.sequence).limit(_LIGHT)
    gone = connection.execute(delete(slots).where(slots.c.grid == grid, slots.c.sequence.in_(oldest)))
    return int(gone.rowcount)


def _prune_gaps(connection: Connection, grid: int, until: int) -> int:
    """How many slots they held."""
    old = select(gaps.c.first).where(gaps.c.grid == grid, gaps.c.last < until)
    oldest = old.order_by(gaps.c.first).limit(_LIGHT)
    doomed = delete(gaps).where(gaps.c.grid == grid, gaps.c.first.in_(oldest))
    return sum(connection.execute(doomed.returning(gaps.c.last - gaps.c.first + 1)).scalars())


# ── by size ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def prune_oldest(connection: Connection) -> int:
    """Let go of the oldest orders and runs of any age, and of what was counted before those that are left; how many."""
    gone = prune_intents(connection, _first_left(connection)) or prune_runs(connection, _FOREVER)
    left = _first_left(connection)
    if gone and left < _FOREVER:
        prune_tallies(connection, left)
        prune_slots(connection, left)
    return gone


def _first_left(connection: Connection) -> datetime:
    """When the oldest run that is kept began at the earliest, or was asked for; far away where none is kept."""
    ended = connection.execute(select(func.min(runs.c.ended))).scalar_one()
    return _FOREVER if ended is None else datetime.fromtimestamp(ended - HALF_HOUR, UTC)


def live_bytes(connection: Connection) -> int:
    """How much room is in use, without what was let go and not given back yet.

    PostgreSQL tells how large a table is and not how much of that is free, and how many rows of it are dead only until
    it has vacuumed: so there it is what each run was reckoned to take when it was written.
    """
    if connection.dialect.name == "sqlite":
        return (_pragma(connection, "page_count") - _free_pages(connection)) * _pragma(connection, "page_size")
    count = grids.c.accounted - grids.c.first + 1 - grids.c.skipped - grids.c.pruned
    in_slots = connection.execute(select(func.sum(count))).scalar_one() or 0
    in_runs = connection.execute(select(func.sum(runs.c.bytes))).scalar_one() or 0
    told = func.coalesce(func.octet_length(intents.c.told), 0)
    in_intents = connection.execute(select(func.sum(told + _INTENT_BYTES))).scalar_one() or 0
    return int(in_runs) + int(in_slots) * _SLOT_BYTES + int(in_intents)


def give_back(connection: Connection) -> int:
    """Give some free pages back to the disk; how many it were. PostgreSQL uses them again and keeps them."""
    if connection.dialect.name != "sqlite" or not (free := _free_pages(connection)):
        return 0
    # the driver stops a statement that has no columns after its first step, which is one page; not so in a script
    script = f"PRAGMA incremental_vacuum({_PAGES});"
    if free <= _PAGES:
        script += "PRAGMA wal_checkpoint(PASSIVE);"  # only then is the file cut; passive: nobody is waited for
    cast("Any", connection.connection.driver_connection).executescript(script)
    return free - _free_pages(connection)


def _free_pages(connection: Connection) -> int:
    return _pragma(connection, "freelist_count")


def _pragma(connection: Connection, name: str) -> int:
    return int(connection.execute(text(f"PRAGMA {name}")).scalar_one())
