"""Caller: who may ask something of us over HTTP, and what."""

from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from enum import StrEnum

from prober.model.secret import Secret


class Scope(StrEnum):
    """What a caller may do."""

    READ = "read"  # see reports and what holds now, where that is not open to everybody
    RUN = "run"  # have a chain run, or a deploy judged
    ADMIN = "admin"  # have the config taken up anew


#: Who bears the one token that `trigger.secret` names is called so.
THE_TRIGGER = "trigger"


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """One who bears a token."""

    name: str
    secret: str  # the name of the secret that holds the token
    scopes: AbstractSet[Scope]

    def may(self, scope: Scope) -> bool:
        """Whether this one may do it; who may do anything may look at what it came to."""
        return scope in self.scopes or scope is Scope.READ


@dataclass(frozen=True, slots=True)
class Bearer:
    """A caller, with the token that shows who it is."""

    caller: Caller
    token: Secret


@dataclass(frozen=True, slots=True, kw_only=True)
class Admission:
    """Who may ask something of us over HTTP, and how often each."""

    callers: tuple[Caller, ...] = ()
    per_minute: int = 6
    burst: int = 3  # so many at once, after a time of silence
    reads_are_open: bool = True  # else only who bears a token may read reports
