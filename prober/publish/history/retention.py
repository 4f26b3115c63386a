"""Retention: what is too old, or takes too much room, is let go, a little at a time so that no run waits for it."""

from datetime import UTC, datetime
from typing import Any, cast

from sqlalchemy import Row, and_, delete, func, select, text, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from prober.judge.ledger import grid_at, slot_at
from prober.publish.history.run_rows import HALF_HOUR
from prober.publish.history.tables import gaps, grids, idempotency_keys, intents, notes, revisions, runs, slots, tallies

#: Runs, or orders, let go in one transaction: some 10 ms of the one writer that SQLite has.
CHUNK = 50

#: Rows of little weight let go in one transaction.
_LIGHT = 500

#: Pages given back to the disk in one transaction, 4 KiB each.
_PAGES = 500

#: What a slot takes in PostgreSQL, indexes included; and an order with its key, without what a gate came to.
_SLOT_BYTES, _INTENT_BYTES = 160, 1200

_FOREVER = datetime.max.replace(tzinfo=UTC)


# ── by age ───────────────────────────────────────────────────────────────────────────────────────────────────────────


async def prune_runs(connection: AsyncConnection, before: datetime) -> int:
    """Let go of the oldest runs that ended `before` a moment; how many it were."""
    oldest = select(runs.c.id).where(runs.c.ended < before.timestamp()).order_by(runs.c.ended).limit(CHUNK)
    return int((await connection.execute(delete(runs).where(runs.c.id.in_(oldest)))).rowcount)


async def prune_tallies(connection: AsyncConnection, before: datetime) -> int:
    """Let go of tallies of half hours that were over `before` a moment; how many it were."""
    key = list(tallies.primary_key)
    over = tallies.c.half_hour < int(before.timestamp() // HALF_HOUR)
    oldest = select(*key).where(over).order_by(tallies.c.half_hour).limit(_LIGHT)
    oldest = oldest.with_for_update(skip_locked=True)  # a run that comes late may be adding to some of them
    return int((await connection.execute(delete(tallies).where(tuple_(*key).in_(oldest)))).rowcount)


async def prune_revisions(connection: AsyncConnection, before: datetime) -> int:
    """Let go of what was last seen `before` a moment; how many it were."""
    key = list(revisions.primary_key)
    oldest = select(*key).where(revisions.c.last_seen < before.timestamp()).limit(_LIGHT)
    return int((await connection.execute(delete(revisions).where(tuple_(*key).in_(oldest)))).rowcount)


async def prune_notes(connection: AsyncConnection, before: datetime) -> int:
    """Let go of what nobody has renewed since `before` a moment, as of chains that are gone; how many it were."""
    key = list(notes.primary_key)
    oldest = select(*key).where(notes.c.noted < before.timestamp()).limit(_LIGHT)
    oldest = oldest.with_for_update(skip_locked=True)  # somebody may be renewing it right now
    return int((await connection.execute(delete(notes).where(tuple_(*key).in_(oldest)))).rowcount)


async def prune_intents(connection: AsyncConnection, before: datetime) -> int:
    """Let go of what was asked for `before` a moment, and has ended, what gates came to included; how many it were.

    A key goes with what it stands for: it would be answered with what nobody knows of any more.
    """
    old = and_(intents.c.asked < before.timestamp(), intents.c.ended.is_not(None))
    oldest = select(intents.c.id).where(old).order_by(intents.c.asked).limit(CHUNK)
    gone = await connection.execute(delete(intents).where(intents.c.id.in_(oldest)).returning(intents.c.id))
    ids = gone.scalars().all()
    if ids:
        await connection.execute(delete(idempotency_keys).where(idempotency_keys.c.intent.in_(ids)))
    return len(ids)


async def prune_keys(connection: AsyncConnection, before: datetime) -> int:
    """Let go of idempotency keys from `before` a moment; how many it were."""
    key = list(idempotency_keys.primary_key)
    oldest = select(*key).where(idempotency_keys.c.used < before.timestamp()).limit(_LIGHT)
    return int((await connection.execute(delete(idempotency_keys).where(tuple_(*key).in_(oldest)))).rowcount)


async def prune_slots(connection: AsyncConnection, before: datetime) -> int:
    """Let go of the oldest slots and gaps of every grid, and note how many there were; how many it were."""
    every = (await connection.execute(select(grids).order_by(grids.c.id))).all()
    return sum([await _prune_grid(connection, grid, before) for grid in every])


async def _prune_grid(connection: AsyncConnection, grid: Row[Any], before: datetime) -> int:
    until = slot_at(grid_at(grid.chain, grid.location, grid.interval_seconds), before).sequence
    gone = await _prune_taken(connection, grid.id, until) + await _prune_gaps(connection, grid.id, until)
    if gone:
        await connection.execute(update(grids).where(grids.c.id == grid.id).values(pruned=grids.c.pruned + gone))
    return gone


async def _prune_taken(connection: AsyncConnection, grid: int, until: int) -> int:
    """Slots that are not under way any more."""
    old = select(slots.c.sequence).where(slots.c.grid == grid, slots.c.sequence < until, slots.c.state != "taken")
    oldest = old.order_by(slots.c.sequence).limit(_LIGHT)
    gone = await connection.execute(delete(slots).where(slots.c.grid == grid, slots.c.sequence.in_(oldest)))
    return int(gone.rowcount)


async def _prune_gaps(connection: AsyncConnection, grid: int, until: int) -> int:
    """How many slots they held."""
    old = select(gaps.c.first).where(gaps.c.grid == grid, gaps.c.last < until)
    oldest = old.order_by(gaps.c.first).limit(_LIGHT)
    doomed = delete(gaps).where(gaps.c.grid == grid, gaps.c.first.in_(oldest))
    return sum((await connection.execute(doomed.returning(gaps.c.last - gaps.c.first + 1))).scalars())


# ── by size ──────────────────────────────────────────────────────────────────────────────────────────────────────────


async def prune_oldest(connection: AsyncConnection) -> int:
    """Let go of the oldest orders and runs of any age, and of what was counted before those that are left; how many."""
    gone = await prune_intents(connection, await _first_left(connection)) or await prune_runs(connection, _FOREVER)
    left = await _first_left(connection)
    if gone and left < _FOREVER:
        await prune_tallies(connection, left)
        await prune_slots(connection, left)
    return gone


async def _first_left(connection: AsyncConnection) -> datetime:
    """When the oldest run that is kept began at the earliest, or was asked for; far away where none is kept."""
    ended = (await connection.execute(select(func.min(runs.c.ended)))).scalar_one()
    return _FOREVER if ended is None else datetime.fromtimestamp(ended - HALF_HOUR, UTC)


async def live_bytes(connection: AsyncConnection) -> int:
    """How much room is in use, without what was let go and not given back yet.

    PostgreSQL tells how large a table is and not how much of that is free, and how many rows of it are dead only until
    it has vacuumed: so there it is what each run was reckoned to take when it was written.
    """
    if connection.dialect.name == "sqlite":
        return (await _pragma(connection, "page_count") - await _free_pages(connection)) * await _pragma(
            connection, "page_size"
        )
    count = grids.c.accounted - grids.c.first + 1 - grids.c.skipped - grids.c.pruned
    in_slots = (await connection.execute(select(func.sum(count)))).scalar_one() or 0
    in_runs = (await connection.execute(select(func.sum(runs.c.bytes)))).scalar_one() or 0
    told = func.coalesce(func.octet_length(intents.c.told), 0)
    in_intents = (await connection.execute(select(func.sum(told + _INTENT_BYTES)))).scalar_one() or 0
    return int(in_runs) + int(in_slots) * _SLOT_BYTES + int(in_intents)


async def give_back(connection: AsyncConnection) -> int:
    """Give some free pages back to the disk; how many it were. PostgreSQL uses them again and keeps them."""
    if connection.dialect.name != "sqlite" or not (free := await _free_pages(connection)):
        return 0
    # the driver stops a statement that has no columns after its first step, which is one page; not so in a script
    script = f"PRAGMA incremental_vacuum({_PAGES});"
    if free <= _PAGES:
        script += "PRAGMA wal_checkpoint(PASSIVE);"  # only then is the file cut; passive: nobody is waited for
    raw = await connection.get_raw_connection()
    await cast("Any", raw.driver_connection).executescript(script)
    return free - await _free_pages(connection)


async def _free_pages(connection: AsyncConnection) -> int:
    return await _pragma(connection, "freelist_count")


async def _pragma(connection: AsyncConnection, name: str) -> int:
    return int((await connection.execute(text(f"PRAGMA {name}"))).scalar_one())
