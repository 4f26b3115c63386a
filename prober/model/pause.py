"""Pause: an operator's word that nothing is to be sent to a service, in force until somebody takes it back."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

#: In place of a service's name: all of them, those of configs to come too.
EVERYTHING = "*"

#: Who holds back where it is not known what operators have said.
OURSELVES = "prober"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """What is paused, by whom and why."""

    service: str  # its name, or EVERYTHING
    reason: str
    by: str  # the caller's name in the config
    since: datetime
    until: datetime | None = None  # it ends by itself; None: when somebody lifts it
    places: frozenset[str] = frozenset()  # the service's hosts and ports so far: another name for it lifts nothing

    def holds(self, at: datetime) -> bool:
        """Whether it is in force at a moment."""
        return self.until is None or at < self.until

    def __str__(self) -> str:
        what = "everything" if self.service == EVERYTHING else self.service
        ends = f", until {_moment(self.until)}" if self.until else ""
        return f"{what} is paused since {_moment(self.since)} by {self.by}{ends}: {self.reason}"

    @property
    def remedy(self) -> str:
        """How it is lifted."""
        if self.by == OURSELVES:
            return "it ends by itself as soon as the store can be read"
        return f"lift it: prober resume {'--all' if self.service == EVERYTHING else self.service}"


def _moment(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stopped:
    """All that is paused now, and what follows for the services and chains of the config."""

    pauses: tuple[Pause, ...] = ()
    services: Mapping[str, Pause] = field(default_factory=dict)
    chains: Mapping[str, Pause] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pulled:
    """A pause that is in force here, and what of it is not as it should be."""

    pause: Pause
    unwritten_because: str = ""  # empty: the store has it, where a restart and other instances find it
    lingers: bool = False  # what was cut off has not ended yet
