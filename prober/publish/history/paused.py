"""What is paused, as it is kept: in the store, for all who share it, and in a file of our own for when that is away."""

import json
import os
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

from sqlalchemy import Select, delete, select
from sqlalchemy.ext.asyncio import AsyncConnection

from prober.model.errors import StoreUnavailable
from prober.model.pause import Pause
from prober.publish.history.dialects import insert
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
            return [_pause(dict(zip(pauses.c.keys(), row, strict=True))) for row in rows]
        except (ValueError, TypeError) as error:
            raise StoreUnavailable(_NOT_READ) from error

    async def put(self, pause: Pause) -> None:
        """Write one down, in place of the one of that service."""

        async def write(connection: AsyncConnection) -> None:
            row = _row(pause)
            fresh = insert(connection.dialect, pauses).values(**row)
            await connection.execute(fresh.on_conflict_do_update(index_elements=["service"], set_=row))

        await self.transact(write)

    async def lift(self, service: str) -> None:
        """That of a service is over."""

        async def write(connection: AsyncConnection) -> None:
            await connection.execute(delete(pauses).where(pauses.c.service == service))

        await self.transact(write)


def _row(pause: Pause) -> dict[str, Any]:
    return {
        "service": pause.service,
        "reason": pause.reason,
        "caller": pause.by,
        "since": pause.since.timestamp(),
        "until": pause.until.timestamp() if pause.until else None,
        "places": json.dumps(sorted(pause.places)),
    }


def _pause(row: Mapping[str, Any]) -> Pause:
    """Raises ValueError, KeyError, TypeError or AttributeError for what is none."""
    until = row.get("until")
    return Pause(
        service=str(row["service"]),
        reason=str(row.get("reason", "")),
        by=str(row.get("caller", "")),
        since=datetime.fromtimestamp(row.get("since", 0.0), UTC),
        until=datetime.fromtimestamp(until, UTC) if until is not None else None,
        places=frozenset(json.loads(row.get("places", "[]"))),
    )


# ── the file ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class PausedFile:
    """What was paused when we last knew; it is on the disk once `write` returns."""

    path: Path

    def read(self) -> tuple[Mapping[str, Pause], Mapping[str, Pause]] | None:
        """By service, the pauses that the store had, and those it had not; None where no file was ever written.

        Raises ValueError, or OSError, where there is one and nobody can tell what it says.
        """
        try:
            rows = json.loads(self.path.read_text(encoding="utf-8"))["pauses"]
            told = [(_pause(row), bool(row.get("owed"))) for row in rows]
        except FileNotFoundError:
            return None
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(str(error)) from error
        known = {pause.service: pause for pause, is_owed in told if not is_owed}
        return known, {pause.service: pause for pause, is_owed in told if is_owed}

    def write(self, known: Iterable[Pause], owed: Iterable[Pause]) -> None:
        """In place of what it said; raises OSError, and then says what it did."""
        rows = [{**_row(pause), "owed": is_owed} for some, is_owed in ((known, False), (owed, True)) for pause in some]
        draft = self.path.with_name(f"{self.path.name}.{uuid4().hex[:8]}")
        try:
            with draft.open("w", encoding="utf-8") as file:
                json.dump({"pauses": rows}, file, indent=2)
                file.flush()
                os.fsync(file.fileno())
            draft.replace(self.path)
        except OSError:
            draft.unlink(missing_ok=True)
            raise
        _keep_names(self.path.parent)


def _keep_names(folder: Path) -> None:
    """A file that took another's place has done so on the disk too."""
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
