"""One due turn of one chain, and how it ended: recorded, or missed with a reason from a closed set."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Missed(StrEnum):
    """Why a due turn was not taken."""

    OVERRUN = "overrun"  # the turn before was still running
    STALLED = "stalled"  # the scheduler skipped over it: suspended, or a clock step
    SHUTDOWN = "shutdown"
    DIED_MID_RUN = "died_mid_run"  # a bug of ours ended it


@dataclass(frozen=True, slots=True)
class Slot:
    """Turn number `sequence` of a chain since the Unix epoch, due at `due`."""

    chain: str
    sequence: int
    due: datetime
