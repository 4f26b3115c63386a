"""Retention: what is too old, or takes too much room, is let go, a little at a time so that no run waits for it."""

from datetime import datetime

from sqlalchemy import and_, delete, func, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from prober.publish.history.tables import gaps, grids, runs, slots

#: Runs, or slots, let go in one transaction: some 30 ms of the one writer that SQLite has.
CHUNK = 100

#: Pages given back to the disk in one transaction, 4 KiB each.
_PAGES = 500


async def prune_runs(connection: AsyncConnection, before: datetime | None) -> int:
    """Let go of the oldest runs, those that ended `before` a moment or, without one, whichever; how many it were."""
    oldest = select(runs.c.id).order_by(runs.c.ended).limit(CHUNK)
    oldest = oldest.where(runs.c.ended < before.timestamp()) if before else oldest
    return int((await connection.execute(delete(runs).where(runs.c.id.in_(oldest)))).rowcount)


async def prune_slots(connection: AsyncConnection, before: datetime) -> int:
    """Let go of the oldest slots and gaps of every grid, and note how many there were; how many it were."""
    gone = 0
    for grid in (await connection.execute(select(grids.c.id).with_for_update())).scalars().all():
        gone += await _prune_grid(connection, grid, before)
    return gone


async def _prune_grid(connection: AsyncConnection, grid: int, before: datetime) -> int:
    old = and_(slots.c.grid == grid, slots.c.due < before.timestamp(), slots.c.state != "taken")
    oldest = select(slots.c.sequence).where(old).order_by(slots.c.sequence).limit(CHUNK)
    doomed = (await connection.execute(oldest)).scalars().all()
    if not doomed:
        return 0
    await connection.execute(delete(slots).where(slots.c.grid == grid, slots.c.sequence.in_(doomed)))
    until = and_(gaps.c.grid == grid, gaps.c.last < doomed[-1])
    lost = (await connection.execute(select(func.sum(gaps.c.last - gaps.c.first + 1)).where(until))).scalar_one() or 0
    await connection.execute(delete(gaps).where(until))
    gone = len(doomed) + int(lost)
    await connection.execute(update(grids).where(grids.c.id == grid).values(pruned=grids.c.pruned + gone))
    return gone


async def live_bytes(connection: AsyncConnection) -> int:
    """How much room is in use, without what was let go and not given back yet."""
    if connection.dialect.name == "sqlite":
        pages, free, size = [
            (await connection.execute(text(f"PRAGMA {name}"))).scalar_one()
            for name in ("page_count", "freelist_count", "page_size")
        ]
        return int((pages - free) * size)
    used = text(
        "SELECT sum(pg_total_relation_size(relid) * (n_live_tup + 1.0) / (n_live_tup + n_dead_tup + 1))::bigint"
        " FROM pg_stat_user_tables"
    )
    return int((await connection.execute(used)).scalar_one() or 0)


async def give_back(connection: AsyncConnection) -> int:
    """Give some free pages back to the disk; PostgreSQL does so by itself."""
    if connection.dialect.name == "sqlite":
        await connection.execute(text(f"PRAGMA incremental_vacuum({_PAGES})"))
    return 0
