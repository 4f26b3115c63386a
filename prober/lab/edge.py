"""The edge: one process before both services, as a load balancer is, and their platform's metadata server beside them.

What it does to a request is settings.
"""

import asyncio
import hmac
import json
import random
import socket
import struct
from asyncio import StreamReader, StreamWriter
from collections.abc import Awaitable, Callable, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from typing import Any, Self

from prober.lab import parent
from prober.lab.platform import Platform
from prober.lab.settings import EdgeAnswer, EdgeSettings, SideSettings

HEAD_BYTES = CHUNK_BYTES = 64 * 1024
CONTROL_BYTES = 1024 * 1024
PATIENCE_SECONDS = 30.0
LINGER_SECONDS = 1.0
RESET_AT_ONCE = struct.pack("ii", 1, 0)

TLS_HANDSHAKE = b"\x16"  # RFC 8446 §5.1
END_OF_HEAD = b"\r\n\r\n"
_FRAMING = (b"content-length", b"transfer-encoding")
PAGE = "<html><head><title>403 Forbidden</title></head><body><h1>Error: Forbidden</h1></body></html>"
REFUSED = EdgeAnswer(path="", status=403, content_type="text/html; charset=utf-8", body=PAGE)
UNAVAILABLE = EdgeAnswer(path="", status=503, body="Service Unavailable")
MALFORMED = EdgeAnswer(path="", status=400, body="Bad Request")
NOT_FOUND = EdgeAnswer(path="", status=404, content_type="application/json", body='{"detail":"Not Found"}')
DONE = EdgeAnswer(path="", status=200)

Pump = Callable[[StreamReader, StreamWriter], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Head:
    """The head of a request: its first line, and its header lines by lower-case name."""

    first: bytes
    lines: tuple[tuple[bytes, bytes], ...]

    @classmethod
    def parsed(cls, raw: bytes) -> Self:
        """The head in these bytes; raises ValueError if there is none."""
        first, *lines = raw.removesuffix(END_OF_HEAD).split(b"\r\n")
        _, _, _ = first.split(b" ")  # method, target, version
        return cls(first, tuple((line.partition(b":")[0].strip().lower(), line) for line in lines))

    @property
    def path(self) -> str:
        """What is asked for, without a query."""
        return self.first.split(b" ")[1].partition(b"?")[0].decode("latin-1")

    @property
    def query(self) -> str:
        """What follows the path."""
        return self.first.split(b" ")[1].partition(b"?")[2].decode("latin-1")

    @property
    def identity(self) -> str:
        """Who the caller says to be: in the platform's own header, or else where it is meant for the service."""
        shown = self.value(b"x-serverless-authorization") or self.value(b"authorization")
        return shown.decode("latin-1")

    @property
    def is_upgrade(self) -> bool:
        """Whether the connection is to become another one than HTTP."""
        return b"upgrade" in self.value(b"connection").lower()

    @property
    def has_body(self) -> bool:
        """Whether more follows that belongs to the request (RFC 9112 §6)."""
        return any(name in _FRAMING for name, _ in self.lines)

    def value(self, name: bytes) -> bytes:
        """What the header of this name says; nothing if there is none."""
        return next((line.partition(b":")[2].strip() for each, line in self.lines if each == name), b"")

    def forwarded(self, *, without: tuple[bytes, ...] = ()) -> bytes:
        """The bytes for the service: one request a connection, and some headers may be lost on the way."""
        dropped, added = without, []
        if not self.is_upgrade:
            dropped, added = (*without, b"connection", b"keep-alive"), [b"Connection: close"]
        kept = [line for name, line in self.lines if name not in dropped]
        return b"\r\n".join((self.first, *kept, *added)) + END_OF_HEAD


class Unanswered(ConnectionResetError):
    """The service reset a connection before it said anything."""


class Side:
    """The edge before one service."""

    def __init__(self, settings: SideSettings, platform: Platform) -> None:
        """Do as these settings say; the platform says who is let through."""
        self._settings, self._platform = settings, platform
        self._random = random.Random(settings.noise_seed)

    async def take(self, head: Head, reader: StreamReader, writer: StreamWriter) -> None:
        """See one request or upgrade through, from its head to its end."""
        await asyncio.sleep(
            self._random.uniform(self._settings.latency_min_seconds, self._settings.latency_max_seconds)
        )
        kept_out = self._platform.refusal(head.identity, head.path, self._settings)
        own = kept_out or self._own_answer(head.path)
        if head.path.startswith(self._settings.reset_paths):
            _reset(writer)
        elif own:
            _say(own, writer)
        else:
            await self._pass_on(head, reader, writer)

    def _own_answer(self, path: str) -> EdgeAnswer | None:
        """What is said to a request for this path before the service hears of it."""
        if path.startswith(self._settings.refused_paths):
            return REFUSED
        return next((answer for answer in self._settings.answers if path.startswith(answer.path)), None)

    async def _pass_on(self, head: Head, reader: StreamReader, writer: StreamWriter) -> None:
        """Let the service answer. A question without a body is asked once more where the line was reset unanswered.

        An instance that goes while we knock resets those whom it has not let in yet; another may stand beside it.
        """
        try:
            await self._ask(head, reader, writer)
        except Unanswered:
            if head.has_body:
                raise
            await self._ask(head, reader, writer)

    async def _ask(self, head: Head, reader: StreamReader, writer: StreamWriter) -> None:
        """One try, by a connection of its own; raises Unanswered where it is reset before it is answered."""
        upstream = await self._reach()
        if upstream is None:
            _say(UNAVAILABLE, writer)
            return
        with closing(upstream[1]):
            stripped = head.is_upgrade and self._settings.strip_upgrade_authorization
            upstream[1].write(head.forwarded(without=(b"authorization",) if stripped else ()))
            there = asyncio.create_task(_pump(reader, upstream[1]))
            try:
                writer.write(await _answer_head(upstream[0]))
                await self._way_back(head.path)(upstream[0], writer)
            finally:
                there.cancel()
                await asyncio.wait([there])  # who reads from the client next must find it free

    async def _reach(self) -> tuple[StreamReader, StreamWriter] | None:
        """The service, if there is one. It is tried twice: an instance may go in the moment in which we knock."""
        for _ in range(2):
            with suppress(OSError):
                return await asyncio.open_connection(parent.HOST, self._settings.upstream_port, limit=CHUNK_BYTES)
        return None

    def _way_back(self, path: str) -> Pump:
        cut = path.startswith(self._settings.cut_paths)
        return partial(_pump_some, body_bytes=self._settings.cut_after_bytes) if cut else _pump


class Edge:
    """Both sides, and the lab's control over them."""

    def __init__(self, settings: Mapping[str, Any], control_key: str) -> None:
        """Begin with these settings; obey whoever shows the control key."""
        self._control_key = control_key
        self._visits: set[asyncio.Task[None]] = set()
        self._platform = Platform()
        self.change(settings)

    def change(self, document: Mapping[str, Any]) -> None:
        """Go on with other settings; connections that are open go on as they began."""
        settings = EdgeSettings.from_document(document)
        sides = {"auth": settings.auth, "backend": settings.backend}
        self._sides = {name: Side(side, self._platform) for name, side in sides.items()}

    def welcome(self, side: str, reader: StreamReader, writer: StreamWriter) -> None:
        """Let a client in; the loop itself would forget the task while it waits."""
        visit = asyncio.create_task(self._visit(side, reader, writer))
        self._visits.add(visit)
        visit.add_done_callback(self._visits.discard)

    async def _visit(self, side: str, reader: StreamReader, writer: StreamWriter) -> None:
        """One connection of a client, whatever becomes of it."""
        with closing(writer), suppress(OSError, EOFError):
            try:
                head = Head.parsed(await asyncio.wait_for(_read_head(reader), PATIENCE_SECONDS))
            except (ValueError, asyncio.LimitOverrunError):
                _say(MALFORMED, writer)
            else:
                await self._take(side, head, reader, writer)
            await _linger(reader, writer)

    async def _take(self, side: str, head: Head, reader: StreamReader, writer: StreamWriter) -> None:
        if head.path == parent.CONTROL_PATH:
            _say(await self._control(head, reader), writer)
        elif side == "metadata":
            _say(self._platform.metadata(head.path, head.query, head.value(b"metadata-flavor").decode()), writer)
        else:
            await self._sides[side].take(head, reader, writer)

    async def _control(self, head: Head, reader: StreamReader) -> EdgeAnswer:
        if not hmac.compare_digest(head.value(b"authorization"), f"Bearer {self._control_key}".encode()):
            return NOT_FOUND
        size = min(int(head.value(b"content-length")), CONTROL_BYTES)
        self.change(json.loads(await reader.readexactly(size)))
        return DONE


async def _read_head(reader: StreamReader) -> bytes:
    """All up to the empty line; raises ValueError for a first byte that is a TLS record's, which never comes to one."""
    first = await reader.readexactly(1)
    if first == TLS_HANDSHAKE:
        raise ValueError(first)
    return first + await reader.readuntil(END_OF_HEAD[1:])


async def _answer_head(source: StreamReader) -> bytes:
    """An answer up to its empty line; what there is of it where it ends before, nothing where it is too long."""
    try:
        return await source.readuntil(END_OF_HEAD)
    except asyncio.IncompleteReadError as cut:
        return cut.partial
    except asyncio.LimitOverrunError:
        return b""
    except ConnectionResetError as reset:
        raise Unanswered from reset


async def _pump(source: StreamReader, sink: StreamWriter) -> None:
    """Pass bytes on until the source ends, then say so; a source that is cut cuts the sink."""
    try:
        while chunk := await source.read(CHUNK_BYTES):
            sink.write(chunk)
            await sink.drain()
        sink.write_eof()
    except OSError:
        sink.transport.abort()


async def _pump_some(source: StreamReader, sink: StreamWriter, body_bytes: int) -> None:
    """Pass so many bytes of an answer's body on, and then nothing more."""
    while body_bytes > 0 and (chunk := await source.read(min(body_bytes, CHUNK_BYTES))):
        sink.write(chunk)
        await sink.drain()
        body_bytes -= len(chunk)


def _say(answer: EdgeAnswer, writer: StreamWriter) -> None:
    """An answer of the edge's own, in the dress of Google's front end."""
    body = answer.body.encode()
    fields = {
        "Content-Type": answer.content_type,
        "Content-Length": str(len(body)),
        "Server": "Google Frontend",
        "Connection": "close",
        **answer.headers,
    }
    lines = (
        f"HTTP/1.1 {answer.status} {_phrase(answer.status)}",
        *(f"{name}: {text}" for name, text in fields.items()),
    )
    writer.write("\r\n".join(lines).encode() + END_OF_HEAD + body)


def _phrase(status: int) -> str:
    return HTTPStatus(status).phrase if status in set(HTTPStatus) else "Unknown"


def _reset(writer: StreamWriter) -> None:
    """Close so that the other side is told that the connection was reset."""
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_AT_ONCE)
    writer.transport.abort()


async def _linger(reader: StreamReader, writer: StreamWriter) -> None:
    """Say that this was all, and wait until the client has gone: to close on what it still sends would be a reset."""
    if writer.is_closing():
        return
    if writer.can_write_eof():
        writer.write_eof()
    async with asyncio.timeout(LINGER_SECONDS):
        while await reader.read(CHUNK_BYTES):
            continue


async def _serve(edge: Edge, ports: list[int]) -> None:
    for side, port in zip(("auth", "backend", "metadata"), ports, strict=True):
        await asyncio.start_server(partial(edge.welcome, side), sock=parent.bound(port), limit=HEAD_BYTES)
    parent.say_ready(ports[0])
    await parent.gone()


if __name__ == "__main__":
    letter = parent.letter()
    asyncio.run(_serve(Edge(letter["settings"], letter["control_key"]), letter["ports"]))
