"""Every way of failing to see, in which phase, and whose fault it is."""

from dataclasses import dataclass
from enum import StrEnum


class Whose(StrEnum):
    """Whose fault a failure is; ours never counts against a target."""

    TARGET = "target"
    PROBER = "prober"


class Phase(StrEnum):
    """The parts of an exchange, in order; also the label values of `prober_step_phase_duration_seconds`."""

    RESOLVE = "resolve"
    CONNECT = "connect"
    TLS = "tls"
    REQUEST = "request"
    FIRST_BYTE = "first_byte"
    TRANSFER = "transfer"
    UPGRADE = "upgrade"
    WELCOME = "welcome"
    PONG = "pong"
    CLOSE = "close"


class TroubleKind(StrEnum):
    """The closed set of what can keep us from seeing."""

    DNS = "dns"
    CONNECTION_REFUSED = "connection_refused"
    UNREACHABLE = "unreachable"
    RESET = "reset"
    TLS = "tls"
    TIMEOUT = "timeout"
    PROTOCOL = "protocol"  # what came back is not HTTP or WebSocket
    TOO_LARGE = "too_large"  # more than we read
    NO_TOKEN = "no_token"  # the issuer gave none, so this step had nothing to send
    OWN_SECRET = "own_secret"  # our secret is missing or unusable
    OWN_FAULT = "own_fault"  # a bug or a limit of ours
    OWN_PAUSE = "own_pause"  # an operator has stopped what we send there


@dataclass(frozen=True, slots=True)
class Trouble:
    """We could not look: what kept us, in which phase, whose fault that is, and one redacted sentence."""

    kind: TroubleKind
    whose: Whose
    detail: str
    phase: Phase | None = None
