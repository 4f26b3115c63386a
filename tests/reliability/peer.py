"""A healthy peer in a process of its own: answers every GET with 200 and tells when it was asked.

`python -m tests.reliability.peer` prints its port. Times are of the machine's own stopwatch, which all processes share.
"""

import asyncio
import json
import sys
import time
from asyncio import StreamReader, StreamWriter
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx

HOST = "127.0.0.1"

_KEPT = 100_000


async def _answer(asked: deque[float], reader: StreamReader, writer: StreamWriter) -> None:
    """One request, one answer; who goes away in between is no concern of ours."""
    try:
        words = (await reader.readuntil(b"\r\n\r\n")).split(maxsplit=2)
        if words[1] == b"/asked":
            body = json.dumps(list(asked)).encode()
        else:
            asked.append(time.monotonic())
            body = b"{}"
        writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        await writer.drain()
    except (ConnectionError, asyncio.IncompleteReadError):
        pass
    finally:
        writer.close()


async def _main() -> None:
    asked: deque[float] = deque(maxlen=_KEPT)
    server = await asyncio.start_server(lambda reader, writer: _answer(asked, reader, writer), HOST, 0)
    print(server.sockets[0].getsockname()[1], flush=True)  # noqa: T201 - whoever started it reads it
    await server.serve_forever()


@dataclass(frozen=True, slots=True)
class Peer:
    """Such a peer, as seen from outside."""

    url: str

    async def asked(self) -> list[float]:
        """When it was asked, in seconds of the machine's stopwatch."""
        async with httpx.AsyncClient(trust_env=False, verify=False, timeout=10) as client:  # noqa: S501 - it is http
            times: list[float] = (await client.get(f"{self.url}/asked")).json()
        return times


@asynccontextmanager
async def peer() -> AsyncIterator[Peer]:
    """A healthy peer, gone afterwards."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.reliability.peer", stdout=asyncio.subprocess.PIPE
    )
    try:
        if process.stdout is None:
            raise AssertionError
        async with asyncio.timeout(20):
            port = int(await process.stdout.readline())
        yield Peer(f"http://{HOST}:{port}")
    finally:
        process.kill()
        await process.wait()


if __name__ == "__main__":
    asyncio.run(_main())
