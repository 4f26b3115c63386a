"""What a store tells of weeks: bars, causes in time, revisions, coverage; plain values, read where no store is."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """What one step came to in one stretch of time."""

    step: str
    since: datetime
    until: datetime
    verdicts: Mapping[str, int]  # how often each
    p50_seconds: float | None  # None: it was never looked at
    p95_seconds: float | None
    longest_seconds: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CauseTime:
    """A cause was named by so many runs between two moments of the same half hour."""

    cause: str
    first: datetime
    last: datetime
    runs: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RevisionMark:
    """A service was seen to be of another revision than before, or for the first time."""

    location: str
    service: str
    revision: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """What became of the slots of one grid that were due since a moment."""

    chain: str
    location: str
    interval_seconds: float
    recorded: int
    missed: Mapping[str, int]  # by reason
    taken: int  # under way

    @property
    def expected(self) -> int:
        """How many were due and are decided."""
        return self.recorded + sum(self.missed.values())

    @property
    def ratio(self) -> float | None:
        """Recorded of expected; None when nothing was due."""
        return self.recorded / self.expected if self.expected else None
