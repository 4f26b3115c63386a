"""One due turn of one chain, and how it ended: recorded, or missed with a reason from a closed set."""

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum


class Missed(StrEnum):
    """Why a due turn was not taken, or its result is not counted."""

    OVERRUN = "overrun"  # the turn before was still running
    LIMIT = "limit"  # as many runs as we allow ourselves were under way
    BUDGET = "budget"  # the target had had its share of our requests
    STALLED = "stalled"  # we were suspended, or the event loop stood still
    CLOCK_STEP = "clock_step"  # the wall clock jumped ahead over it
    PROCESS_DOWN = "process_down"  # nobody was running
    DIED_MID_RUN = "died_mid_run"  # whoever had taken it did not live to end it
    SHUTDOWN = "shutdown"  # we were asked to end
    RELOAD = "reload"  # a reload ended it
    PAUSED = "paused"  # an operator has stopped what the chain sends
    MAINTENANCE = "maintenance"
    STORE_UNAVAILABLE = "store_unavailable"  # the store was away for longer than we could keep results
    CLAIMED_ELSEWHERE = "claimed_elsewhere"  # another instance took it


@dataclass(frozen=True, slots=True)
class Grid:
    """The slots of one chain as seen from one place: one every `interval_seconds` since the Unix epoch, `phase` later.

    Another interval is another grid: its slots have other numbers.
    """

    chain: str
    location: str
    interval_seconds: float
    phase_seconds: float

    def due(self, sequence: int) -> datetime:
        """When slot number `sequence` is due."""
        return datetime.fromtimestamp(sequence * self.interval_seconds + self.phase_seconds, UTC)


@dataclass(frozen=True, slots=True)
class Slot:
    """Turn number `sequence` of a grid."""

    grid: Grid
    sequence: int

    @property
    def due(self) -> datetime:
        """When it was due."""
        return self.grid.due(self.sequence)
