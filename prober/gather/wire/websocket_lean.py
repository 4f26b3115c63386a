"""LeanLink: a WebSocket over a line of ours, by the core of websockets that knows the protocol and no socket.

Nothing reads in the background: who waits for a message reads the line, and bytes that nobody waits for stay in the
kernel, with the time at which they came. Before we speak we read what is there, so a close that came first is first.
"""

import asyncio
import time
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

from websockets.client import ClientProtocol
from websockets.exceptions import ConnectionClosed
from websockets.frames import CloseCode, Frame, Opcode
from websockets.http11 import Response
from websockets.protocol import State
from websockets.typing import Subprotocol
from websockets.uri import parse_uri

from prober.gather.clock import PhaseWatch
from prober.gather.wire.dial import dial
from prober.gather.wire.http import USER_AGENT
from prober.gather.wire.line import Line
from prober.gather.wire.tls import tls_context
from prober.gather.wire.websocket_call import LARGEST_MESSAGE_BYTES, MOST_HELD, MUTE, NORMAL, Call
from prober.model.trouble import Phase

#: Of one message; empty ones would have no end, and no size.
_MOST_FRAGMENTS = 4096

#: Read while we wait for nothing but the peer's hanging up.
_MOST_LAST_BYTES = 1024 * 1024

#: Reads of what is there before we speak: whoever floods us is not heard out.
_MOST_GLANCES = 16

_BEGINS = (Opcode.TEXT, Opcode.BINARY)


async def open_lean(call: Call, addresses: Sequence[str], port: int, watch: PhaseWatch) -> "LeanLink":
    """A link to the first address that connects; raises as dial does, and what the library says of a handshake."""
    line = await dial(addresses, watch, partial(_line, port, watch))
    try:
        link = LeanLink(line, call)
        if call.url.startswith("wss:"):
            watch.enter(Phase.TLS)
            await line.secure(tls_context(call.ca_file), link.host)
            watch.leave(line.age_seconds)
        watch.enter(Phase.UPGRADE)
        await link.upgrade(call.headers)
    except BaseException:
        line.close()
        raise
    watch.leave(ago=link.age_seconds)
    return link


async def _line(port: int, watch: PhaseWatch, address: str, _: asyncio.Timeout) -> Line:
    watch.enter(Phase.CONNECT)
    line = await Line.to(address, port)
    watch.leave(line.connected_ago)
    return line


@dataclass(frozen=True, slots=True)
class _Message:
    data: bytes
    is_text: bool
    came: float  # by time.monotonic


class LeanLink:
    """One WebSocket; one of us reads it at a time."""

    def __init__(self, line: Line, call: Call) -> None:
        """Speak over `line`, which is connected."""
        uri = parse_uri(call.url)
        self.host = uri.host
        self._line, self._close_seconds = line, call.close_seconds
        self._loop = asyncio.get_running_loop()
        self._protocol = ClientProtocol(
            uri,
            subprotocols=[Subprotocol(name) for name in call.subprotocols] or None,
            max_size=LARGEST_MESSAGE_BYTES,
            logger=MUTE,
        )
        self._response: Response | None = None
        self._pieces: list[Frame] = []  # of a message that has not ended
        self._held: deque[_Message] = deque()
        self._came = self._came_last = time.monotonic()  # of what was given out, and of what was read
        self._close_by: float | None = None  # when we hang up, once only the peer's hanging up is missing

    @property
    def headers(self) -> Mapping[str, str]:
        """Those of the accepted handshake, by lower-case name."""
        return {name.lower(): value for name, value in self._response.headers.raw_items()} if self._response else {}

    @property
    def subprotocol(self) -> str | None:
        """The subprotocol the peer chose."""
        return self._protocol.subprotocol

    @property
    def age_seconds(self) -> float:
        """How long ago what was received last, or the end, had come."""
        return time.monotonic() - self._came

    async def upgrade(self, headers: Mapping[str, str]) -> None:
        """Shake hands; raises InvalidHandshake, or OSError."""
        request = self._protocol.connect()
        request.headers.update(headers)
        request.headers.setdefault("User-Agent", USER_AGENT)
        self._protocol.send_request(request)
        await self._say()
        while self._response is None and self._protocol.handshake_exc is None:
            self._hear(await self._line.receive())
        self._came = self._came_last
        if self._protocol.handshake_exc is not None:
            raise self._protocol.handshake_exc

    async def receive(self) -> str | bytes:
        """The next message; raises ConnectionClosed once there is none."""
        while not self._held:
            await self._check_open()
            self._hear(await self._read())
            await self._say()
        message = self._held.popleft()
        self._came = message.came
        try:
            return message.data.decode() if message.is_text else message.data
        except UnicodeDecodeError as error:
            self._held.clear()
            self._fail(CloseCode.INVALID_DATA, f"{error.reason} at position {error.start}")
            raise await self._end() from error

    async def send(self, text: str) -> None:
        """Send one text message; raises ConnectionClosed where the peer has closed."""
        await self._catch_up()
        await self._check_open()
        self._protocol.send_text(text.encode())
        await self._say()

    async def close(self) -> ConnectionClosed:
        """Close with 1000, unless it is closed, and give what says how it was."""
        await self._catch_up()
        if self._protocol.state is State.OPEN:
            self._protocol.send_close(NORMAL)
            self._note_close()
        return await self._end()

    def drop(self) -> None:
        """Hang up."""
        self._line.close()

    async def _check_open(self) -> None:
        if self._protocol.state is not State.OPEN:
            self._came = self._came_last
            raise await self._end()

    async def _catch_up(self) -> None:
        """Read what is there: we were not asked to, but the peer has said it."""
        for _ in range(_MOST_GLANCES):
            if self._protocol.state is not State.OPEN or len(self._held) > MOST_HELD:
                break
            data = self._glance()
            if data is None:
                break
            self._hear(data)
        await self._say()

    async def _end(self) -> ConnectionClosed:
        """How it was closed, once the peer has hung up or has had its time; what is held stays to be received."""
        with suppress(TimeoutError):
            async with asyncio.timeout_at(self._close_by):
                await self._hear_out()
        self._line.close()
        self._protocol.receive_eof()
        return self._protocol.close_exc

    async def _hear_out(self) -> None:
        """What the peer says from now on is for nobody."""
        await self._say()
        left = _MOST_LAST_BYTES
        while left > 0 and self._protocol.state is not State.CLOSED:
            data = await self._read()
            left -= len(data)
            self._feed(data)

    def _hear(self, data: bytes) -> None:
        """Take in what was read, or that the peer hung up."""
        self._came_last = time.monotonic() - self._line.age_seconds
        self._feed(data)
        for event in self._protocol.events_received():
            if isinstance(event, Response):
                self._response = event
            elif isinstance(event, Frame):
                self._piece_together(event)

    def _feed(self, data: bytes) -> None:
        if data:
            self._protocol.receive_data(data)
        else:
            self._protocol.receive_eof()
        self._note_close()

    def _piece_together(self, frame: Frame) -> None:
        if frame.opcode not in _BEGINS and frame.opcode is not Opcode.CONT:
            return
        if len(self._pieces) >= _MOST_FRAGMENTS:
            self._fail(CloseCode.MESSAGE_TOO_BIG, "too many fragments")
            return
        self._pieces.append(frame)
        if frame.fin:
            pieces, self._pieces = self._pieces, []
            data = b"".join(piece.data for piece in pieces)
            self._held.append(_Message(data, pieces[0].opcode is Opcode.TEXT, self._came_last))

    def _fail(self, code: CloseCode, why: str) -> None:
        """Close because of what the peer sent, unless the end has begun already."""
        if self._protocol.state is State.OPEN:
            self._protocol.fail(code, why)
            self._note_close()

    def _note_close(self) -> None:
        """Once the close frames are said, or ours is, the rest has an end."""
        if self._close_by is None and self._protocol.close_expected():
            self._close_by = self._loop.time() + self._close_seconds

    async def _say(self) -> None:
        """What the protocol has to say; where the peer has hung up, reading will tell what it said before."""
        if data := b"".join(self._protocol.data_to_send()):
            with suppress(OSError):
                await self._line.send(data)

    async def _read(self) -> bytes:
        try:
            return await self._line.receive()
        except OSError:  # a cut is an end without a close
            return b""

    def _glance(self) -> bytes | None:
        try:
            return self._line.glance()
        except OSError:
            return b""
