"""What stands between the prober and one service of the lab: passes on, or does what a bad network or host does.

A manner is one way of misbehaving. It is given a connection when it comes in (`at_once`), or once the head of a request
for one of `paths` was read; all else is passed on, byte for byte.
"""

import asyncio
import base64
import gzip
import hashlib
import random
import socket
import ssl
import struct
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, closing, suppress
from dataclasses import dataclass, field

HOST = "127.0.0.1"

_HEAD_BYTES = _CHUNK_BYTES = 64 * 1024
_END_OF_HEAD = b"\r\n\r\n"
_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455 §1.3
_FOR_EVER_SECONDS = 600.0


@dataclass(frozen=True, slots=True)
class Visit:
    """One connection; `head` is empty where nothing of it was read yet."""

    front: "Front"
    reader: StreamReader
    writer: StreamWriter
    head: bytes = b""

    @property
    def path(self) -> str:
        """What is asked for."""
        return self.head.split(b" ", 2)[1].decode("latin-1") if self.head.count(b" ") > 1 else ""

    async def send(self, data: bytes) -> None:
        """So much, and wait until most of it has gone."""
        self.writer.write(data)
        await self.writer.drain()

    def reset(self) -> None:
        """Cut it, as a reset."""
        if sock := self.writer.get_extra_info("socket"):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()

    def accept_key(self) -> bytes:
        """What a WebSocket's handshake wants to hear (RFC 6455 §4.2.2)."""
        lines = [line.partition(b":") for line in self.head.split(b"\r\n")]
        key = next((value.strip() for name, _, value in lines if name.lower() == b"sec-websocket-key"), b"")
        return base64.b64encode(hashlib.sha1(key + _GUID).digest())  # noqa: S324 - as RFC 6455 has it


Manner = Callable[[Visit], Awaitable[None]]


@dataclass(slots=True)
class Front:
    """A port of our own before a service; what was asked of it, and how it behaves now."""

    upstream: int
    port: int = 0
    at_once: Manner | None = None
    manner: Manner | None = None
    paths: tuple[str, ...] = ("/",)
    tls: ssl.SSLContext | None = None
    secret: str = ""  # of the one who stands there, for manners that show one
    asked: list[str] = field(default_factory=list)
    _server: asyncio.Server | None = None
    _visits: set[asyncio.Task[None]] = field(default_factory=set)

    @property
    def url(self) -> str:
        """Where it is."""
        return f"{'https' if self.tls else 'http'}://{HOST}:{self.port}"

    async def open(self) -> None:
        """Listen, on the port that it had before."""
        self._server = await asyncio.start_server(
            self._welcome,
            HOST,
            self.port,
            ssl=self.tls,
            limit=_HEAD_BYTES,
            ssl_handshake_timeout=5 if self.tls else None,
        )
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """Listen no more; who is there is cut."""
        if self._server is not None:
            self._server.close()
        for visit in self._visits:
            visit.cancel()
        await asyncio.gather(*self._visits, return_exceptions=True)

    @asynccontextmanager
    async def closed(self) -> AsyncIterator[None]:
        """Nobody listens meanwhile: the kernel refuses whoever knocks."""
        await self.close()
        yield
        await self.open()

    @asynccontextmanager
    async def with_tls(self, context: ssl.SSLContext | None) -> AsyncIterator[None]:
        """Another certificate, or none, meanwhile."""
        before = self.tls
        await self.reopen(context)
        yield
        await self.reopen(before)

    async def reopen(self, context: ssl.SSLContext | None) -> None:
        """On the same port, with this from now on."""
        await self.close()
        self.tls = context
        await self.open()

    @asynccontextmanager
    async def behaving(self, manner: Manner, *paths: str) -> AsyncIterator[None]:
        """This manner for requests of these paths meanwhile."""
        before = self.manner, self.paths
        self.manner, self.paths = manner, paths or ("/",)
        yield
        self.manner, self.paths = before

    @asynccontextmanager
    async def at_first(self, manner: Manner) -> AsyncIterator[None]:
        """This manner for whoever connects meanwhile."""
        self.at_once = manner
        yield
        self.at_once = None

    def _welcome(self, reader: StreamReader, writer: StreamWriter) -> None:
        visit = asyncio.create_task(self._visit(reader, writer))
        self._visits.add(visit)
        visit.add_done_callback(self._visits.discard)

    async def _visit(self, reader: StreamReader, writer: StreamWriter) -> None:
        with closing(writer), suppress(OSError, EOFError, asyncio.LimitOverrunError):
            if self.at_once:
                await self.at_once(Visit(self, reader, writer))
                return
            visit = Visit(self, reader, writer, await reader.readuntil(_END_OF_HEAD))
            self.asked.append(visit.path)
            hostile = self.manner if self.manner and visit.path.startswith(self.paths) else None
            await (hostile or passes)(visit)


async def passes(visit: Visit) -> None:
    """Byte for byte, both ways."""
    there, back = await asyncio.open_connection(HOST, visit.front.upstream)
    with closing(back):
        back.write(visit.head)
        forth = asyncio.create_task(_pump(visit.reader, back))
        try:
            await _pump(there, visit.writer)
        finally:
            forth.cancel()
            await asyncio.wait([forth])


async def _pump(source: StreamReader, sink: StreamWriter, most: int | None = None) -> None:
    """Until the source ends, or so many bytes have passed."""
    with suppress(OSError):
        while chunk := await source.read(min(most or _CHUNK_BYTES, _CHUNK_BYTES)):
            sink.write(chunk)
            await sink.drain()
            if most is not None and (most := most - len(chunk)) <= 0:
                return
        if sink.can_write_eof():
            sink.write_eof()


# ── connections ──────────────────────────────────────────────────────────────────────────────────────────────────────


async def silent(_visit: Visit) -> None:
    """Accepts, and says nothing."""
    await asyncio.sleep(_FOR_EVER_SECONDS)


async def resets(visit: Visit) -> None:
    """Accepts, and cuts."""
    visit.reset()


def drops(share: float, chance: random.Random) -> Manner:
    """Some connections are cut, by chance."""

    async def manner(visit: Visit) -> None:
        if chance.random() < share:
            visit.reset()
            return
        await _late_head(visit)

    return manner


def slows(seconds: float) -> Manner:
    """Everything takes longer by so much."""

    async def manner(visit: Visit) -> None:
        await asyncio.sleep(seconds)
        await _late_head(visit)

    return manner


async def _late_head(visit: Visit) -> None:
    """As a front does that looks at no connection when it comes in."""
    head = await visit.reader.readuntil(_END_OF_HEAD)
    await passes(Visit(visit.front, visit.reader, visit.writer, head))


async def half_open(visit: Visit) -> None:
    """The request arrives, and of the answer comes a little; then packets vanish, and nobody hangs up."""
    there, back = await asyncio.open_connection(HOST, visit.front.upstream)
    with closing(back):
        back.write(visit.head)
        await _pump(there, visit.writer, most=20)
        await asyncio.sleep(_FOR_EVER_SECONDS)


# ── answers that nobody should give ──────────────────────────────────────────────────────────────────────────────────


def answers(status: str, body: bytes = b"", *lines: str) -> Manner:
    """A whole answer."""
    head = "\r\n".join([f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close", *lines, "", ""])

    async def manner(visit: Visit) -> None:
        await visit.send(head.encode() + body)

    return manner


async def drips(visit: Visit) -> None:
    """A body that comes a byte at a time, without end."""
    await visit.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    for _ in range(100_000):
        await visit.send(b" ")
        await asyncio.sleep(0.05)


async def endless(visit: Visit) -> None:
    """A body that comes as fast as it is read, without end."""
    await visit.send(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n")
    while True:
        await visit.send(b" " * _CHUNK_BYTES)


#: 64 MiB of nothing in 64 KiB.
BOMB = gzip.compress(bytes(64 * 1024 * 1024), 9)

bombs = answers("200 OK", BOMB, "Content-Type: application/json", "Content-Encoding: gzip")

#: 300 kB of headers, one of them 70 kB long.
fat_headers = answers(
    "200 OK", b'{"status":"healthy"}', *(f"X-Fat-{n}: {'h' * 1000}" for n in range(230)), f"X-Fattest: {'h' * 70_000}"
)


# ── WebSockets that nobody should open ───────────────────────────────────────────────────────────────────────────────


def _handshake(visit: Visit) -> bytes:
    lines = [b"HTTP/1.1 101 Switching Protocols", b"Upgrade: websocket", b"Connection: Upgrade"]
    lines += [b"Sec-WebSocket-Accept: " + visit.accept_key()]
    lines += [b"Sec-WebSocket-Protocol: jwt-auth"] if b"jwt-auth" in visit.head else []
    return b"\r\n".join([*lines, b"", b""])


async def floods(visit: Visit) -> None:
    """Messages, as fast as they are read, without end."""
    frame = b"\x81\x7e" + (1000).to_bytes(2, "big") + b"x" * 1000
    await visit.send(_handshake(visit))
    while True:
        await visit.send(frame * 60)


async def sends_64_mib(visit: Visit) -> None:
    """One message, and all of it is sent to whoever reads it."""
    await visit.send(_handshake(visit) + b"\x81\x7f" + (64 * 1024 * 1024).to_bytes(8, "big"))
    for _ in range(1024):
        await visit.send(b"x" * _CHUNK_BYTES)


async def cuts_socket(visit: Visit) -> None:
    """The service accepts, and the line is cut: no close frame (1006, RFC 6455 §7.1.5)."""
    there, back = await asyncio.open_connection(HOST, visit.front.upstream)
    with closing(back):
        back.write(visit.head)
        await visit.send(await there.readuntil(_END_OF_HEAD))
        visit.writer.transport.abort()


def holds_socket(seconds: float, is_open: asyncio.Event) -> Manner:
    """The service accepts, and is a while about its welcome."""

    async def manner(visit: Visit) -> None:
        there, back = await asyncio.open_connection(HOST, visit.front.upstream)
        with closing(back):
            back.write(visit.head)
            await visit.send(await there.readuntil(_END_OF_HEAD))
            is_open.set()
            await asyncio.sleep(seconds)
            forth = asyncio.create_task(_pump(visit.reader, back))
            await _pump(there, visit.writer)
            forth.cancel()
            await asyncio.wait([forth])

    return manner
