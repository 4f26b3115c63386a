"""What was seen, without an opinion: one value per kind of look, or the Trouble that kept us from looking.

Rule 1: every text in here has been redacted by the probe that made it. Rule 2: nothing in here says good or bad.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from prober.model.platform import Configuration
from prober.model.token import TokenTraits
from prober.model.trouble import Phase, Trouble

Json = Any  # a parsed JSON value; conditions look into it by JMESPath


class Stage(StrEnum):
    """How far a WebSocket got; joins «403 in the handshake» and «1008 after accept», one refusal in two styles."""

    HANDSHAKE = "handshake"  # refused, or failed, before accept
    POST_ACCEPT = "post_accept"  # accepted, then closed or errored before a welcome
    WELCOMED = "welcomed"


class Initiator(StrEnum):
    """Who sent the first close frame; `none` when there was none (1006 is never on the wire, RFC 6455 §7.4.1)."""

    SERVER = "server"
    CLIENT = "client"
    NONE = "none"


#: The close code that is never on the wire: the connection ended without a close frame (RFC 6455 §7.4.1).
CUT = 1006


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpSeen:
    """One HTTP answer. `json` is the parsed body when it is JSON, else None; `body` at most 2 KiB, redacted."""

    status: int
    headers: Mapping[str, str]  # lower-case names, allow-listed
    body: str
    body_bytes: int  # how long it really was, as far as we read
    json: Json = None
    first_event: str | None = None  # streamed answers: the first `data:` line, redacted


@dataclass(frozen=True, slots=True, kw_only=True)
class WebSocketSeen:
    """One WebSocket from handshake to close. Frames by their `type`, in order, at most 32."""

    stage: Stage
    status: int  # of the handshake: 101 when accepted
    body: str = ""  # of a refused handshake
    headers: Mapping[str, str] = field(default_factory=dict)
    subprotocol: str | None = None
    frames: tuple[str, ...] = ()
    identity: str | None = None  # the user the welcome names
    error_code: str | None = None  # of the error frame before a close
    error_message: str | None = None
    ponged: bool | None = None  # None: no ping was due, or the socket ended first
    other_answer: str | None = (
        None  # what came after the ping and may well be the pong of another service than we think
    )
    close_code: int | None = None  # None: never closed within the deadline; 1006: cut
    close_reason: str = ""
    initiator: Initiator = Initiator.NONE

    @property
    def ended_by_peer(self) -> bool:
        """The other side closed it, or it was cut; not we, and not still open."""
        return self.initiator is Initiator.SERVER or self.close_code == CUT


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenSeen:
    """A token was minted: its shape, and the exchange when a route made it."""

    traits: TokenTraits
    answer: HttpSeen | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TcpSeen:
    """A TCP connection was made."""

    address: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateSeen:
    """A TLS handshake was made, and this is the certificate's end."""

    not_after: datetime
    subject: str
    protocol: str


class Match(StrEnum):
    """What a comparison of two secrets told; only this is ever kept."""

    EQUAL = "equal"
    EQUAL_AFTER_STRIP = "equal_after_strip"  # the famous trailing newline
    DIFFERENT = "different"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Two parties' copies of one secret, compared; `why` says what kept us from knowing."""

    secret: str
    left: str
    right: str
    match: Match
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretsSeen:
    """Every pair of parties of one secret, and which parties answered and which turned us away (401, 403)."""

    pairs: tuple[Pair, ...]
    answered: tuple[str, ...] = ()
    turned_away_by: tuple[str, ...] = ()
    versions: Mapping[str, str] = field(default_factory=dict)  # by party: which version of ours its copy is, if named


@dataclass(frozen=True, slots=True, kw_only=True)
class PlatformSeen:
    """How services are configured, and of which nothing could be learned, with why."""

    configurations: tuple[Configuration, ...] = ()
    unread: Mapping[str, str] = field(default_factory=dict)


Seen = HttpSeen | WebSocketSeen | TokenSeen | TcpSeen | CertificateSeen | SecretsSeen | PlatformSeen


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """What a step sends, as it was put together: `{token}`, `{secret:NAME}` and `{random}` stay placeholders."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: str | None = None
    subprotocols: tuple[str, ...] = ()  # WebSockets: those we offer
    message: str | None = None  # WebSockets: what we say once we are welcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """One look of one step: what was seen or what kept us, when it began, how long it and each phase took."""

    seen: Seen | Trouble
    began: datetime
    duration_seconds: float
    phases: Mapping[Phase, float] = field(default_factory=dict)
    token: TokenTraits | None = None  # the shape of the token that was sent
    sent: Sent | None = None  # None: nothing that one could send again by hand
    attempts: int = 1
    stalled_seconds: float = 0.0  # how long we ourselves stood still meanwhile
    clock_set_seconds: float = 0.0  # by how much our wall clock was set since the run began
    versions: Mapping[str, str] = field(default_factory=dict)  # of the secrets it took, by name, where they have names
    left_behind: Mapping[str, str] = field(default_factory=dict)  # by secret: the version of before, which let us in

    @property
    def latency_seconds(self) -> float:
        """How long others kept us: the phases together, stamped at the socket; without phases the whole look.

        What lies between the phases is ours: minting, waiting for our own turn of the loop, a socket's grace.
        """
        return sum(self.phases.values()) if self.phases else self.duration_seconds
