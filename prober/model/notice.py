"""Notice, what people are told when an alert fires or is over; Letter, one notice on its way to one receiver."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from prober.model.alarm import Severity
from prober.model.diagnosis import Confidence


class Kind(StrEnum):
    """What became of an alert."""

    FIRING = "firing"
    RESOLVED = "resolved"
    LOST = "lost"  # its chain was blind or away for so long that nobody knows
    SAMPLE = "sample"  # nothing fired: somebody asks whether notices arrive


class Delivery(StrEnum):
    """How one try to hand over a letter ended."""

    TAKEN = "taken"
    FAILED = "failed"  # it will be tried again
    GIVEN_UP = "given_up"  # it was tried for days, or its receiver is no longer configured


@dataclass(frozen=True, slots=True, kw_only=True)
class Receiver:
    """Whoever is told: a service that apprise knows, and what of all this they want to hear."""

    name: str
    url: str  # a reference (`env:NAME`, `file:PATH`): the address holds tokens
    chains: tuple[str, ...] = ()  # empty: all
    severities: tuple[Severity, ...] = (Severity.PAGE, Severity.TICKET)  # who wants pages wants what is critical too

    @property
    def secret(self) -> str:
        """The name under which the keyring holds the address; no secret of `secrets:` can be called so."""
        return f"notify:{self.name}"

    def wants(self, notice: "Notice") -> bool:
        """Whether this receiver is to be told."""
        severity = Severity.PAGE if notice.severity is Severity.CRITICAL else notice.severity
        return severity in self.severities and (not self.chains or notice.chain in self.chains)


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspect:
    """A cause as a notice tells it."""

    name: str
    title: str  # a sentence without a full stop
    confidence: Confidence
    remedy: tuple[str, ...] = ()
    ours: bool = False  # the prober's own fault


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """An alert of one chain began or ended."""

    environment: str
    chain: str
    alert: str
    severity: Severity
    episode: str  # the same for the beginning and the end of one firing, in every instance that saw it
    kind: Kind
    since: datetime | None  # when it began to fire; None where a restart has forgotten that
    until: datetime | None = None  # when it was over; None while it fires
    suspects: tuple[Suspect, ...] = ()
    text: str = ""  # what was seen, in a sentence
    link: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """One notice for one receiver, and how often it was tried."""

    to: str
    notice: Notice
    posted: datetime
    tries: int = 0

    @property
    def thread(self) -> str:
        """What letters have in common that must arrive in the order they were posted in."""
        return f"{self.to}/{self.notice.chain}/{self.notice.alert}/{self.notice.episode}"

    @property
    def key(self) -> str:
        """What makes two letters the same letter."""
        return f"{self.thread}/{self.notice.kind}"
