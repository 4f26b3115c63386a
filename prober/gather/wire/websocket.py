"""WebSocketWire: one WebSocket, opened without detours and read within bounds, by whichever client is chosen.

Rule 1: no proxy, no redirect, no compression: bytes go to the address that was looked up, and nowhere else.
Rule 2: whatever the peer does, we read at most MOST_MESSAGES and MOST_BYTES, and nothing stays open after `open`.
Rule 3: a refused handshake and a close are facts and come back as values; what keeps us from seeing is Trouble.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException
from websockets.frames import Close

from prober.gather.clock import PhaseWatch
from prober.gather.evidence import Redact
from prober.gather.switch import Switch
from prober.gather.trouble import translate
from prober.gather.wire.http import chosen
from prober.gather.wire.resolve import endpoint, place, resolve
from prober.gather.wire.websocket_call import LARGEST_MESSAGE_BYTES, NO_STATUS, NORMAL, Call, Link
from prober.gather.wire.websocket_lean import open_lean
from prober.gather.wire.websocket_stock import open_stock
from prober.model.errors import ProberError
from prober.model.observation import CUT, Initiator
from prober.model.reach import NOT_BEYOND, Reach
from prober.model.trouble import Trouble, TroubleKind, Whose

MOST_MESSAGES = 200
MOST_BYTES = 1024 * 1024

_FAILURES = (OSError, EOFError, UnicodeError, WebSocketException, ProberError)

#: An open link to one of the addresses, at a port; raises what keeps us, the library's InvalidStatus for a refusal.
Open = Callable[[Call, Sequence[str], int, PhaseWatch], Awaitable[Link]]

#: What may stand between a probe and its WebSocket, by the same names as TRANSPORTS.
CLIENTS: Mapping[str, Open] = {"lean": open_lean, "stock": open_stock}


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
        """Blot what must not be shown out of every Trouble by `redact`; heed `reach` and `switch`.

        The client is that of CLIENTS which PROBER_TRANSPORT names.
        """
        self._client = chosen(CLIENTS)
        self._redact, self._reach, self._switch = redact, reach, switch or Switch()

    @asynccontextmanager
    async def open(self, call: Call, watch: PhaseWatch) -> "AsyncIterator[Socket | Refused | Trouble]":
        """An accepted socket, or the refusal, or what kept us; on the way out the connection is dropped, not closed.

        Raises HeldBack where, or as soon as, nothing may go there.
        """
        async with self._switch.passing(place(*endpoint(call.url))):
            opened = await self._opened(call, watch)
            if isinstance(opened, Refused | Trouble):
                yield opened
                return
            try:
                yield Socket(opened)
            finally:
                opened.drop()

    async def _opened(self, call: Call, watch: PhaseWatch) -> Link | Refused | Trouble:
        host, port = endpoint(call.url)
        try:
            call.check()
            async with asyncio.timeout(call.open_seconds):
                return await self._client(call, await resolve(host, port, watch, self._reach), port, watch)
        except InvalidStatus as error:
            return _refused(error)
        except _FAILURES as error:
            return translate(error, watch.current, self._redact, place(host, port))
        finally:
            watch.stop()  # of a phase that was cut short; `watch.current` keeps saying which


class Socket:
    """An accepted WebSocket, read within bounds."""

    status = 101

    def __init__(self, link: Link) -> None:
        """Speak over `link`, which is open."""
        self._link = link
        self._messages = self._bytes = 0
        self.ending: Ending | None = None
        self.is_overrun = False  # the peer sent more than we read

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers of the accepted handshake, by lower-case name."""
        return self._link.headers

    @property
    def subprotocol(self) -> str | None:
        """The subprotocol the peer chose."""
        return self._link.subprotocol

    @property
    def age_seconds(self) -> float:
        """How long ago what `receive` gave last had come, also where that was the end."""
        return self._link.age_seconds

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
            message = await self._link.receive()
        except ConnectionClosed as error:
            self.ending = _ending(error)
            return None
        self._messages, self._bytes = self._messages + 1, self._bytes + len(message)
        return message

    async def send(self, text: str) -> None:
        """Send one text message; into a closed socket nothing is sent, and `receive` will tell."""
        try:
            await self._link.send(text)
        except ConnectionClosed as error:
            self.ending = _ending(error)

    async def close(self) -> None:
        """Close with 1000, unless it is closed; afterwards `ending` says how it ended and who began it."""
        self.ending = _ending(await self._link.close())


def _refused(error: InvalidStatus) -> Refused:
    response = error.response
    body = bytes(response.body or b"").decode(errors="replace")
    headers = {name.lower(): value for name, value in response.headers.raw_items()}  # names may be repeated
    return Refused(status=response.status_code, headers=headers, body=body)


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
    return theirs.code not in (ours.code if ours else None, NORMAL, NO_STATUS)


def _too_large(what: str) -> Trouble:
    return Trouble(TroubleKind.TOO_LARGE, Whose.TARGET, f"the peer sent {what}")


#: The codes the library closes with when the peer breaks the protocol (RFC 6455 §7.4.1); we ourselves close with 1000.
_COMPLAINTS: Mapping[int, Trouble] = {
    1002: Trouble(TroubleKind.PROTOCOL, Whose.TARGET, "what the peer sent is not valid WebSocket"),
    1007: Trouble(TroubleKind.PROTOCOL, Whose.TARGET, "the peer sent text that is not UTF-8"),
    1009: _too_large(f"a message of more than {LARGEST_MESSAGE_BYTES // 1024} KiB"),
}
