"""What is paused, as the store keeps it for all who share it."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, delete, select
from sqlalchemy.ext.asyncio import AsyncConnection

from prober.model.errors import StoreUnavailable
from prober.model.pause import Pause
from prober.publish.history.dialects import insert
from prober.publish.history.paused import pause_of, row_of
from prober.publish.history.tables import pauses

_NOT_READ = "what it says of pauses makes no sense"


@dataclass(frozen=True, slots=True)
class PausedBooks:
    """The store's; everything raises StoreUnavailable when it is away."""

    transact: Callable[[Callable[[AsyncConnection], Awaitable[Any]]], Awaitable[Any]]  # does work in one transaction
    read: Callable[[Select[Any]], Awaitable[Sequence[Any]]]
    is_shared: bool  # with other instances

    async def all(self) -> Sequence[Pause]:
        """Whatever was paused and not lifted, what has run out included."""
        rows = await self.read(select(pauses))
        try:
            return [pause_of(dict(zip(pauses.c.keys(), row, strict=True))) for row in rows]
        except (ValueError, TypeError) as error:
            raise StoreUnavailable(_NOT_READ) from error

    async def put(self, pause: Pause) -> None:
        """Write one down, in place of the one of that service."""

        async def write(connection: AsyncConnection) -> None:
            row = row_of(pause)
            fresh = insert(connection.dialect, pauses).values(**row)
            await connection.execute(fresh.on_conflict_do_update(index_elements=["service"], set_=row))

        await self.transact(write)

    async def lift(self, service: str) -> None:
        """That of a service is over."""

        async def write(connection: AsyncConnection) -> None:
            await connection.execute(delete(pauses).where(pauses.c.service == service))

        await self.transact(write)
