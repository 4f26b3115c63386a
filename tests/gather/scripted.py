"""Scripted peers: real servers that do one thing, right or wrong, and note what they were sent."""

import asyncio
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

import trustme

from prober.model.chain import Role, Service

PAST = datetime(2020, 1, 1, tzinfo=UTC)
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"


@dataclass
class Peer:
    """Where it listens, and the requests it has read."""

    host: str
    port: int
    requests: list[bytes] = field(default_factory=list)

    @property
    def url(self) -> str:
        """Its address without TLS."""
        return f"http://{self.place}"

    @property
    def place(self) -> str:
        """Its address as messages write it."""
        return f"{self.host}:{self.port}"

    def service(self, url: str = "", ca_file: str | None = None) -> Service:
        """The peer as a service that can be configured."""
        return Service(
            name="backend", role=Role.BACKEND, url=url or self.url, websocket_url=f"ws://{self.place}", ca_file=ca_file
        )


Script = Callable[[asyncio.StreamReader, asyncio.StreamWriter, Peer], Awaitable[None]]


@asynccontextmanager
async def peer(script: Script, host: str = "127.0.0.1", tls: ssl.SSLContext | None = None) -> AsyncIterator[Peer]:
    """A server that runs `script` for each connection, and is gone at the end."""
    tasks: list[asyncio.Task[None]] = []
    here = Peer(host, 0)

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Let the script have the connection, in a task that can be ended."""
        tasks.append(asyncio.create_task(_run(script, reader, writer, here)))

    server = await asyncio.start_server(accept, host, 0, ssl=tls)
    here.port = server.sockets[0].getsockname()[1]
    try:
        yield here
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _run(script: Script, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, here: Peer) -> None:
    """The script, until the one who asked has gone."""
    try:
        await script(reader, writer, here)
    except (OSError, asyncio.IncompleteReadError):
        pass  # the one who asked has gone, which many of our tests are about
    finally:
        writer.close()


async def heard(reader: asyncio.StreamReader) -> bytes:
    """One request, head and body."""
    head = await reader.readuntil(b"\r\n\r\n")
    lengths = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    return head + await reader.readexactly(int(lengths[0].split(b":")[1]) if lengths else 0)


def answers(*parts: bytes, pause: float = 0.0, then: Script | None = None) -> Script:
    """Read a request, send `parts` with `pause` seconds before each, do what comes `then`, and close."""

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, here: Peer) -> None:
        """Play the part."""
        here.requests.append(await heard(reader))
        for part in parts:
            await asyncio.sleep(pause)
            writer.write(part)
            await writer.drain()
        if then:
            await asyncio.sleep(pause)
            await then(reader, writer, here)

    return script


def http(body: bytes = b"", *headers: str, status: str = "200 OK") -> bytes:
    """A whole answer."""
    head = "\r\n".join([f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""])
    return head.encode() + body


async def silent(_reader: asyncio.StreamReader, _writer: asyncio.StreamWriter, _here: Peer) -> None:
    """Accept, and say nothing."""
    await asyncio.sleep(30)


async def hangs_up(_reader: asyncio.StreamReader, _writer: asyncio.StreamWriter, _here: Peer) -> None:
    """Accept, and close."""


async def resets(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter, _here: Peer) -> None:
    """Cut the connection with a reset instead of an end."""
    sock = writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


def floods(head: bytes, chunk: bytes) -> Script:
    """Answer with `head`, then with `chunk` for ever."""

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, _here: Peer) -> None:
        """Play the part."""
        await heard(reader)
        writer.write(head)
        while True:
            writer.write(chunk)
            await writer.drain()

    return script


def unused_port() -> int:
    """A port on which nobody listens."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def server_tls(authority: trustme.CA, *names: str, not_after: datetime | None = None) -> ssl.SSLContext:
    """What a server needs to be known by `names`."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    before = PAST if not_after else None
    authority.issue_cert(*names, not_before=before, not_after=not_after).configure_cert(context)
    return context
