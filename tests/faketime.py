"""A wall clock that a test sets for one process, by libfaketime; stopwatches go on as they are."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

_LIBRARY = next(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"), None)  # Debian's package faketime


@dataclass(frozen=True, slots=True)
class WallClock:
    """What a process takes for the time, written in a file that it reads once a second: more often slows it down."""

    file: Path

    @property
    def environment(self) -> Mapping[str, str]:
        """The variables of a process that goes by it; none where libfaketime is not installed."""
        if _LIBRARY is None:
            return {}
        self.file.touch()
        return {
            "LD_PRELOAD": str(_LIBRARY),
            "FAKETIME_TIMESTAMP_FILE": str(self.file),
            "FAKETIME_CACHE_DURATION": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            # Else it spoils every wait of the interpreter's own lock, and what one sees is a process that stands still.
            "FAKETIME_FORCE_MONOTONIC_FIX": "0",
        }

    def set(self, seconds: float) -> None:
        """It is wrong by so much from now on."""
        self._write(f"{seconds:+.0f}s")

    def stop(self) -> None:
        """It stands still from now on, for a process whose zone is UTC."""
        self._write(f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S}")

    def _write(self, what: str) -> None:
        """In one piece: it may be read at any moment."""
        if _LIBRARY is None:
            message = "not installed: libfaketime.so.1 (package faketime)"
            raise RuntimeError(message)
        draft = self.file.with_name(f"{self.file.name}.new")
        draft.write_text(f"{what}\n", encoding="utf-8")
        draft.replace(self.file)


def installed_or_skip() -> None:
    """Skip where it is missing; fail where it is required, for there nobody reads what was skipped."""
    if _LIBRARY is None:
        message = "not installed: libfaketime.so.1 (package faketime)"
        (pytest.fail if os.environ.get("PROBER_REQUIRE_FAKETIME") == "1" else pytest.skip)(message)
