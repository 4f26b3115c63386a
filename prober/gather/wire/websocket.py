"""WebSocketWire: one WebSocket, opened without detours and read within bounds; the only module that meets websockets.

Rule 1: no proxy, no redirect, no compression: bytes go to the address that was looked up, and nowhere else.
Rule 2: whatever the peer does, we read at most MOST_MESSAGES and MOST_BYTES, and nothing stays open after `open`.
Rule 3: a refused handshake and a close are facts and come back as values; what keeps us from seeing is Trouble.
"""

import asyncio
import logging
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException
from websockets.frames import Close
from websockets.typing import Subprotocol

from prober.gather.clock import PhaseWatch
from prober.gather.evidence import Redact
from prober.gather.switch import Switch
from prober.gather.trouble import translate
from prober.gather.wire import dial
from prober.gather.wire.http import USER_AGENT
from prober.gather.wire.resolve import endpoint, place, resolve
from prober.gather.wire.tls import tls_context
from prober.model.errors import ProberError
from prober.model.observation import CUT, Initiator
from prober.model.reach import NOT_BEYOND, Reach
from prober.model.trouble import Phase, Trouble, TroubleKind, Whose

LARGEST_MESSAGE_BYTES = 256 * 1024
MOST_MESSAGES = 200
MOST_BYTES = 1024 * 1024

_QUEUED_FRAMES = 16
_FAILURES = (OSError, EOFError, UnicodeError, WebSocketException, ProberError)
_NORMAL, _NO_STATUS = 1000, 1005  # RFC 6455 §7.4.1

#: The library logs headers and frames, tokens among them, wherever somebody sets its logger to DEBUG: not ours.
_MUTE = logging.getLogger("prober.websocket.mute")
_MUTE.disabled = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One WebSocket to be opened."""

    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    subprotocols: tuple[str, ...] = ()
    ca_file: str | None = None  # None: the operating system's trust store
    open_seconds: float = 5.0
    close_seconds: float = 0.25  # how long the peer has to answer our close, and to hang up after its own


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """The handshake was answered with something else than 101; not redacted."""

    status: int
    headers: Mapping[str, str]  # lower-case names
    body: str


@dataclass(frozen=True, slots=True)
class Ending:
    """How a WebSocket ended, told from the close frames; 1006 when there was none. The reason is not redacted."""

    code: int
    reason: str
    initiator: Initiator


class WebSocketWire:
    """Opens WebSockets, each on a connection of its own."""

    def __init__(self, redact: Redact, reach: Reach = NOT_BEYOND, switch: Switch | None = None) -> None:
        """Blot what must not be shown out of every Trouble by `redact`; heed `reach` and `switch`."""
        self._redact, self._reach, self._switch = redact, reach, switch or Switch()

    @asynccontextmanager
    async def open(self, call: Call, watch: PhaseWatch) -> "AsyncIterator[Socket | Refused | Trouble]":
        """An accepted socket, or the refusal, or what kept us; on the way out the connection is dropped, not closed.

        Raises HeldBack where, or as soon as, nothing may go there.
        """
        async with self._switch.passing(place(*endpoint(call.url))):
            opened = await self._opened(call, watch)
            if not isinstance(opened, ClientConnection):
                yield opened
                return
            try:
                yield Socket(opened)
            finally:
                opened.transport.abort()  # does nothing after a close

    async def _opened(self, call: Call, watch: PhaseWatch) -> ClientConnection | Refused | Trouble:
        host, port = endpoint(call.url)
        try:
            return await _connected(call, host, port, watch, self._reach)
        except InvalidStatus as error:
            return _refused(error)
        except _FAILURES as error:
            return translate(error, watch.current, self._redact, place(host, port))
        finally:
            watch.stop()  # of a phase that was cut short; `watch.current` keeps saying which


class Socket:
    """An accepted WebSocket, read within bounds."""

    status = 101

    def __init__(self, connection: ClientConnection) -> None:
        """Speak over `connection`, which is open."""
        self._connection = connection
        self._messages = self._bytes = 0
        self.ending: Ending | None = None
        self.is_overrun = False  # the peer sent more than we read

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers of the accepted handshake, by lower-case name."""
        response = self._connection.response
        return _headers(response.headers) if response else {}

    @property
    def subprotocol(self) -> str | None:
        """The subprotocol the peer chose."""
        return self._connection.subprotocol

    @property
    def complaint(self) -> Trouble | None:
        """What the peer sent that is no WebSocket, or more than we read; None when it kept to the protocol."""
        if self.is_overrun:
            return _too_large(f"more than {MOST_MESSAGES} messages or {MOST_BYTES // 1024} KiB")
        if self.ending is not None and self.ending.initiator is Initiator.CLIENT:
            return _COMPLAINTS.get(self.ending.code)
        return None

    async def receive(self) -> str | bytes | None:
        """The next message; None once the socket is closed, or the peer sent more than we read."""
        self.is_overrun = self._messages >= MOST_MESSAGES or self._bytes >= MOST_BYTES
        if self.is_overrun:
            return None
        try:
            message = await self._connection.recv()
        except ConnectionClosed as error:
            self.ending = _ending(error)
            return None
        self._messages, self._bytes = self._messages + 1, self._bytes + len(message)
        return message

    async def send(self, text: str) -> None:
        """Send one text message; into a closed socket nothing is sent, and `receive` will tell."""
        try:
            await self._connection.send(text)
        except ConnectionClosed as error:
            self.ending = _ending(error)

    async def close(self) -> None:
        """Close with 1000, unless it is closed; afterwards `ending` says how it ended and who began it."""
        await self._connection.close(_NORMAL)
        self.ending = _ending(self._connection.protocol.close_exc)


class _Direct(connect):
    """`connect` that follows no redirect (its answer is the finding) and tells the phases apart."""

    watch: PhaseWatch

    async def open_tcp_connection(self) -> ClientConnection:
        """TLS, on the TCP connection that was handed over; what comes next is the upgrade."""
        if self.ws_uri.secure:
            self.watch.enter(Phase.TLS)
        connection = await super().open_tcp_connection()
        self.watch.enter(Phase.UPGRADE)
        return connection

    def process_redirect(self, exc: Exception) -> Exception:
        """The answer itself: credentials follow nobody to another host."""
        return exc


class _Impatient(ClientConnection):
    """A connection that hangs up by itself when the peer, after the close frames, does not (RFC 6455 §7.1.1)."""

    def data_received(self, data: bytes) -> None:
        """Read as usual; once only the peer's hanging up is missing, wait for it no longer than for a close."""
        super().data_received(data)
        if self.protocol.close_expected():
            self.loop.call_later(self.close_timeout or 0, self.transport.abort)


async def _connected(call: Call, host: str, port: int, watch: PhaseWatch, reach: Reach) -> ClientConnection:
    _check_headers(call.headers)
    async with asyncio.timeout(call.open_seconds):
        sock, _ = await dial.connect(await resolve(host, port, watch, reach), port, watch)
        try:
            opening = _Direct(call.url, sock=sock, **_options(call))
            opening.watch = watch
            connection = await opening
        except BaseException:
            sock.close()  # what cuts us short before the library took the socket over must not leave it open
            raise
    watch.leave()
    return connection


def _options(call: Call) -> dict[str, Any]:
    return {
        "additional_headers": dict(call.headers),
        "close_timeout": call.close_seconds,
        "compression": None,  # a few bytes would become many
        "create_connection": _Impatient,
        "logger": _MUTE,
        "max_queue": _QUEUED_FRAMES,
        "max_size": LARGEST_MESSAGE_BYTES,
        "open_timeout": None,  # one timeout rules name, connection, TLS and upgrade together
        "ping_interval": None,  # the probe pings as the service's own clients do
        "proxy": None,
        "subprotocols": [Subprotocol(name) for name in call.subprotocols] or None,
        "user_agent_header": USER_AGENT,
    } | ({"ssl": tls_context(call.ca_file)} if call.url.startswith("wss:") else {})


#: The library checks neither; a target must not be able to write headers of ours by way of the token it gave us.
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110 §5.1
_VALUE = re.compile(r"[\t\x20-\x7e]*")  # RFC 9110 §5.5


def _check_headers(headers: Mapping[str, str]) -> None:
    for name, value in headers.items():
        if not _NAME.fullmatch(name) or not _VALUE.fullmatch(value):
            message = f"the header {name!r} holds a character that no header may hold"
            raise ProberError(message)


def _refused(error: InvalidStatus) -> Refused:
    response = error.response
    body = bytes(response.body or b"").decode(errors="replace")
    return Refused(status=response.status_code, headers=_headers(response.headers), body=body)


def _headers(headers: Any) -> Mapping[str, str]:  # noqa: ANN401 - the library's multi-dict; it raises on a repeated name
    return {name.lower(): value for name, value in headers.raw_items()}


def _ending(error: ConnectionClosed) -> Ending:
    """How it ended; not from the library's `close_code`, which says 1006 when it was we who closed with 1009."""
    theirs, ours = error.rcvd, error.sent
    if theirs is not None and (error.rcvd_then_sent is not False or _is_own_reason(theirs, ours)):
        return Ending(theirs.code, theirs.reason, Initiator.SERVER)
    if ours is not None:
        return Ending(ours.code, ours.reason, Initiator.CLIENT)
    return Ending(CUT, "", Initiator.NONE)


def _is_own_reason(theirs: Close, ours: Close | None) -> bool:
    """Whether the two closes crossed: an answer to ours repeats its code (RFC 6455 §5.5.1), or says nothing."""
    return theirs.code not in (ours.code if ours else None, _NORMAL, _NO_STATUS)


def _too_large(what: str) -> Trouble:
    return Trouble(TroubleKind.TOO_LARGE, Whose.TARGET, f"the peer sent {what}")


#: The codes the library closes with when the peer breaks the protocol (RFC 6455 §7.4.1); we ourselves close with 1000.
_COMPLAINTS: Mapping[int, Trouble] = {
    1002: Trouble(TroubleKind.PROTOCOL, Whose.TARGET, "what the peer sent is not valid WebSocket"),
    1007: Trouble(TroubleKind.PROTOCOL, Whose.TARGET, "the peer sent text that is not UTF-8"),
    1009: _too_large(f"a message of more than {LARGEST_MESSAGE_BYTES // 1024} KiB"),
}
