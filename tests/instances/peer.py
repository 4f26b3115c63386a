"""A small target that is always well and writes down when it was asked for what."""

import asyncio
import time
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

HOST = "127.0.0.1"
_BODY = b'{"status": "healthy"}'
_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s" % (
    len(_BODY),
    _BODY,
)


@dataclass(slots=True)
class Peer:
    """Who asked for which path, and when; Unix seconds."""

    port: int = 0
    looks: defaultdict[str, list[float]] = field(default_factory=lambda: defaultdict(list))

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One request."""
        try:
            async with asyncio.timeout(10):
                head = await reader.readuntil(b"\r\n\r\n")
                self.looks[head.split(b" ", 2)[1].decode().strip("/")].append(time.time())
                writer.write(_ANSWER)
                await writer.drain()
        except (OSError, TimeoutError, asyncio.IncompleteReadError):
            pass  # they went away
        finally:
            writer.close()


@asynccontextmanager
async def listening() -> AsyncIterator[Peer]:
    """A peer, on a free port."""
    peer = Peer()
    server = await asyncio.start_server(peer.answer, HOST, 0)
    peer.port = server.sockets[0].getsockname()[1]
    try:
        yield peer
    finally:
        server.close()
