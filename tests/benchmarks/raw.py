"""The limit: the ten steps with as little Python as does them, `python -m tests.benchmarks.raw --turns 2000`.

One `asyncio.Protocol` a connection, requests joined from bytes, answers looked at for what they must hold, HMAC for the
tokens. No deadlines, no verdicts, no metrics, no log: what any prober in Python has to spend, and nothing else.
"""

import argparse
import asyncio
import base64
import hashlib
import hmac
import json
import sys
import time
from collections.abc import Callable, Sequence

from tests.benchmarks.target import HOST, targets
from tests.benchmarks.turns import KEY, Turns

_HEADER = base64.urlsafe_b64encode(b'{"alg":"HS256","typ":"JWT"}').rstrip(b"=")
_UPGRADE = b"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %b\r\n"
_MASK = b"\x00\x00\x00\x00"  # masks nothing, and is a mask


class _Asked(asyncio.Protocol):
    """One question: all that comes, until it is enough."""

    def __init__(self, question: bytes, is_enough: Callable[[bytes], bool]) -> None:
        self._question, self._is_enough, self.heard = question, is_enough, b""
        self.done = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        transport.write(self._question)

    def data_received(self, data: bytes) -> None:
        self.heard += data
        if self._is_enough(self.heard) and not self.done.done():
            self.done.set_result(self.heard)

    async def more(self, question: bytes, is_enough: Callable[[bytes], bool]) -> bytes:
        """One more question on the same line."""
        self.heard, self._is_enough, self.done = b"", is_enough, asyncio.get_running_loop().create_future()
        self.transport.write(question)
        return await self.done


def _token(key: bytes) -> bytes:
    now = int(time.time())
    claims = {"sub": "staging-e2e-user-001", "iat": now - 30, "exp": now + 300}
    signed = _HEADER + b"." + base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=")
    return signed + b"." + base64.urlsafe_b64encode(hmac.digest(key, signed, "sha256")).rstrip(b"=")


async def _ask(port: int, question: bytes, is_enough: Callable[[bytes], bool]) -> _Asked:
    _, asked = await asyncio.get_running_loop().create_connection(lambda: _Asked(question, is_enough), HOST, port)
    await asked.done
    return asked


async def _http(port: int, first: bytes, headers: bytes = b"", body: bytes = b"") -> bytes:
    question = b"%b HTTP/1.1\r\nHost: x\r\n%bContent-Length: %d\r\n\r\n%b" % (first, headers, len(body), body)
    asked = await _ask(port, question, lambda heard: heard.endswith(b"}"))
    asked.transport.close()
    return asked.heard


def _bearer(key: bytes) -> bytes:
    return b"Authorization: Bearer %b\r\n" % _token(key)


async def _socket(port: int, key: bytes) -> bool:
    head = (
        b"GET /ws HTTP/1.1\r\nHost: x\r\n" + _bearer(key) + _UPGRADE % base64.b64encode(b"sixteen letters!") + b"\r\n"
    )
    asked = await _ask(port, head, lambda heard: b"connection_established" in heard)
    ping = b'{"type":"ping"}'
    await asked.more(bytes((0x81, 0x80 | len(ping))) + _MASK + ping, lambda heard: b"pong" in heard)
    closed = await asked.more(b"\x88\x82" + _MASK + b"\x03\xe8", lambda heard: len(heard) >= 4)
    asked.transport.close()
    return closed[:4] == b"\x88\x02\x03\xe8"


async def _turn(port: int, key: bytes) -> bool:
    body = b'{"token":"%b"}' % _token(key)
    answers = [
        b"healthy" in await _http(port, b"GET /health"),
        b'"valid": true' in await _http(port, b"POST /auth/validate", body=body),
        b" 200 " in await _http(port, b"GET /api/chat/messages", _bearer(key)),
        b" 401 " in await _http(port, b"GET /api/chat/messages", _bearer(key[::-1])),
        await _socket(port, key),
        hashlib.sha256(key).hexdigest().encode() in await _http(port, b"GET /hash"),
    ]
    return all(answers)


async def measure(turns: int, at_once: int) -> Turns:
    """So many turns, so many at a time."""
    key, left, passed = KEY.encode(), iter(range(turns)), 0

    async def work(port: int) -> None:
        nonlocal passed
        for _ in left:
            is_good = await _turn(port, key)
            passed += is_good

    async with targets(KEY) as port:
        cpu, wall = time.process_time(), time.perf_counter()
        await asyncio.gather(*(work(port) for _ in range(at_once)))
        return Turns(turns, time.process_time() - cpu, time.perf_counter() - wall, passed)


def main(words: Sequence[str] | None = None) -> int:
    """Measure, and print."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.raw", description=__doc__)
    parser.add_argument("--turns", type=int, default=1000)
    parser.add_argument("--at-once", type=int, default=20)
    asked = parser.parse_args(words)
    found = asyncio.run(measure(asked.turns, asked.at_once))
    sys.stdout.write(f"{found.microseconds:.0f} µs CPU a turn, {found.passed} of {found.turns} passed\n")
    return int(found.passed != found.turns)


if __name__ == "__main__":
    sys.exit(main())
