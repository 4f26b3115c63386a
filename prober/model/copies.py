"""Copies: what may be told of our own copies of secrets, and of what came of fetching them; never a value."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Fetched(StrEnum):
    """What came of asking a source for a secret: the closed set behind the metrics' `outcome` label."""

    FETCHED = "fetched"
    AWAY = "away"  # it cannot be reached, is sealed, too busy, or answers too late
    REFUSED = "refused"  # it does not let us read it
    MISSING = "missing"  # there is none, or its version was disabled or deleted
    UNUSABLE = "unusable"  # what it gave cannot be used, or the reference cannot


@dataclass(frozen=True, slots=True, kw_only=True)
class Copy:
    """Our copy of one secret: which version it is, where its source knows versions, and how fresh it is."""

    name: str
    version: str = ""  # empty: its source knows none
    latest: str = ""  # of a pinned one: the newest version there is; empty: not pinned, or not known
    previous: tuple[str, ...] = ()  # those that still count, as long as the overlap goes on
    fetched: datetime | None = None  # when its source last gave it
    failing: Fetched | None = None  # why the last fetch gave nothing; None: it gave it

    @property
    def is_behind(self) -> bool:
        """Whether it is pinned to a version that is not the newest."""
        return bool(self.latest) and self.latest != self.version


@dataclass(frozen=True, slots=True)
class Fetch:
    """One time that a source was asked: for which secret, what came of it, and whether it gave another value."""

    copy: Copy
    outcome: Fetched
    why: str = ""  # what kept us, in words that quote no value
    is_rotated: bool = False
