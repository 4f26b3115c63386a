"""The books of the slots, added up: whether every due slot of a grid ended exactly once, as SQL."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, and_, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from prober.publish.history.tables import gaps, grids, slots


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """What became of the slots of one grid, without those that have grown too old to be kept."""

    chain: str
    location: str
    interval_seconds: float
    expected: int
    recorded: int
    missed: Mapping[str, int]  # by reason
    taken: int  # under way, or their instance died and nobody has said so yet
    doubled: int  # slots that are in the books twice: must be 0

    @property
    def unexplained(self) -> int:
        """Slots that were due and of which nothing is known; must be 0. Negative: more than were due."""
        return self.expected - self.recorded - sum(self.missed.values()) - self.taken

    @property
    def balances(self) -> bool:
        """Whether each slot is there once."""
        return self.unexplained == 0 and self.doubled == 0


async def accounts(connection: AsyncConnection) -> Sequence[Account]:
    """The books of every grid."""
    return [await _account(connection, row) for row in await connection.execute(select(grids))]


async def _account(connection: AsyncConnection, grid: Row[Any]) -> Account:
    counted = select(slots.c.state, slots.c.reason, func.count()).where(slots.c.grid == grid.id)
    told = [tuple(row) for row in await connection.execute(counted.group_by(slots.c.state, slots.c.reason))]
    lost = select(gaps.c.reason, func.sum(gaps.c.last - gaps.c.first + 1)).where(gaps.c.grid == grid.id)
    missed: dict[str, int] = {}
    for reason, count in (
        *((reason, count) for state, reason, count in told if state == "missed"),
        *(tuple(row) for row in await connection.execute(lost.group_by(gaps.c.reason))),
    ):
        missed[reason] = missed.get(reason, 0) + int(count)
    return Account(
        chain=grid.chain,
        location=grid.location,
        interval_seconds=grid.interval_seconds,
        expected=grid.accounted - grid.first + 1 - grid.skipped - grid.pruned,
        recorded=sum(count for state, _, count in told if state == "recorded"),
        missed=missed,
        taken=sum(count for state, _, count in told if state == "taken"),
        doubled=await _doubled(connection, grid.id),
    )


async def _doubled(connection: AsyncConnection, grid: int) -> int:
    """Slots that lie in a gap, and gaps that overlap; the key of `slots` sees to the rest."""
    inside = and_(slots.c.grid == gaps.c.grid, slots.c.sequence.between(gaps.c.first, gaps.c.last))
    beside = select(func.count()).select_from(slots.join(gaps, inside)).where(slots.c.grid == grid)
    other = gaps.alias()
    overlap = and_(gaps.c.grid == other.c.grid, gaps.c.first < other.c.first, gaps.c.last >= other.c.first)
    twice = select(func.count()).select_from(gaps.join(other, overlap)).where(gaps.c.grid == grid)
    return int((await connection.execute(beside)).scalar_one() + (await connection.execute(twice)).scalar_one())
