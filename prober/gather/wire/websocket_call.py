"""Call: one WebSocket to be opened, and what holds for it whoever opens it: bounds, checks, silence of the library."""

import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from websockets.exceptions import ConnectionClosed

from prober.model.errors import ProberError

LARGEST_MESSAGE_BYTES = 256 * 1024

#: As many frames or messages are held for whoever does not ask for them; then we stop reading.
MOST_HELD = 16

#: RFC 6455 §7.4.1.
NORMAL, NO_STATUS = 1000, 1005

#: The library logs headers and frames, tokens among them, wherever somebody sets its logger to DEBUG: not ours. Nobody
#: else can find this one: `logging.config` makes every logger speak again that it knows and is not told of.
MUTE = logging.Logger("prober.websocket.mute")  # noqa: LOG001 - that is the point
MUTE.disabled = True

#: The library checks neither; a target must not be able to write headers of ours by way of the token it gave us.
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110 §5.1
_VALUE = re.compile(r"[\t\x20-\x7e]*")  # RFC 9110 §5.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One WebSocket to be opened."""

    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    subprotocols: tuple[str, ...] = ()
    ca_file: str | None = None  # None: the operating system's trust store
    open_seconds: float = 5.0
    close_seconds: float = 0.25  # how long the peer has to answer our close, and to hang up after its own

    def check(self) -> None:
        """Raise ProberError for what would not be the header that it is meant to be; no value is quoted."""
        for name, value in self.headers.items():
            if not _NAME.fullmatch(name) or not _VALUE.fullmatch(value):
                message = f"the header {name!r} holds a character that no header may hold"
                raise ProberError(message)
        if not all(map(_NAME.fullmatch, self.subprotocols)):
            message = "a subprotocol holds a character that none may hold"
            raise ProberError(message)


class Link(Protocol):
    """An open WebSocket, as either client holds it."""

    @property
    def headers(self) -> Mapping[str, str]:
        """Those of the accepted handshake, by lower-case name."""
        ...

    @property
    def subprotocol(self) -> str | None:
        """The subprotocol the peer chose."""
        ...

    @property
    def age_seconds(self) -> float:
        """How long ago what was received last, or the end, had come; 0 where nobody can tell."""
        ...

    async def receive(self) -> str | bytes:
        """The next message; raises ConnectionClosed once there is none."""
        ...

    async def send(self, text: str) -> None:
        """Send one text message; raises ConnectionClosed where the peer has closed."""
        ...

    async def close(self) -> ConnectionClosed:
        """Close with 1000, unless it is closed, and give what says how it was."""
        ...

    def drop(self) -> None:
        """Hang up, without a word; after a close nothing is left to do."""
        ...
