"""What is paused, as it is kept; and the file of our own that knows it when the store is away (paused_sql.py)."""

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

from prober.model.pause import Pause


def row_of(pause: Pause) -> dict[str, Any]:
    """As it is kept."""
    return {
        "service": pause.service,
        "reason": pause.reason,
        "caller": pause.by,
        "since": pause.since.timestamp(),
        "until": pause.until.timestamp() if pause.until else None,
        "places": json.dumps(sorted(pause.places)),
    }


def pause_of(row: Mapping[str, Any]) -> Pause:
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
            told = [(pause_of(row), bool(row.get("owed"))) for row in rows]
        except FileNotFoundError:
            return None
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(str(error)) from error
        known = {pause.service: pause for pause, is_owed in told if not is_owed}
        return known, {pause.service: pause for pause, is_owed in told if is_owed}

    def write(self, known: Iterable[Pause], owed: Iterable[Pause]) -> None:
        """In place of what it said; raises OSError, and then says what it did."""
        rows = [
            {**row_of(pause), "owed": is_owed} for some, is_owed in ((known, False), (owed, True)) for pause in some
        ]
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
