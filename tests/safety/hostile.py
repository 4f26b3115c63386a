"""What nobody should answer, made up by a seed, and a peer that answers so: `python -m tests.safety.hostile`.

The peer is a process of its own, so that what it holds is not counted as the memory of those who look at it. It prints
its port; the path of a request names the seed, `/17` of an answer over HTTP and `/ws/17` of a WebSocket.
"""

import asyncio
import base64
import gzip
import hashlib
import json
import random
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import TypeVar

from tests.gather.peers import USER

Rng = random.Random
Chunk = bytes | float | None  # to send; seconds to wait; cut the connection


# ── HTTP ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


_STATUSES = (204, 304, 101, 100, 0, 99, 600, 999, 1000, -1)

Value = TypeVar("Value")


def _mostly(rng: Rng, usual: Value, others: Sequence[Value]) -> Value:
    """As usual four times of five: what is wrong in every place at once is refused at the first."""
    return usual if rng.randrange(5) else rng.choice(others)


def _head(rng: Rng) -> bytes:
    version = rng.choice([b"HTTP/1.1"] * 12 + [b"HTTP/1.0", b"HTTP/2", b"HTTP/9.9", b"http/1.1", b"ICY", b"\xff", b""])
    status = rng.choice(
        [200] * 6 + [401, 403, 404, 500, 503, 204, 304, 101, 100, 0, 99, 600, 999, 1000, -1, rng.randrange(1000)]
    )
    reason = rng.choice([b"OK", b"", b"\xf0\x9f\x92\xa9", b"x" * rng.randrange(9000), b"a\rb", b"<script>"])
    return version + b" " + f"{status:03d}".encode() + b" " + reason + b"\r\n"


def _headers(rng: Rng, body: bytes) -> bytes:
    lines = [_mostly(rng, _HEADERS[0], _HEADERS)(rng) for _ in range(rng.randrange(4))]
    length = _mostly(rng, _LENGTHS[0], _LENGTHS)(len(body))
    return b"".join([*lines, *([length] if length else [])]) + b"\r\n"


_HEADERS: Sequence[Callable[[Rng], bytes]] = (
    lambda _rng: b"Content-Type: application/json\r\n",
    lambda _rng: b"Content-Type: text/html; charset=utf-7\r\n",
    lambda rng: b"X-%d: " % rng.randrange(9) + rng.randbytes(rng.randrange(60)) + b"\r\n",
    lambda rng: b"Set-Cookie: " + b"c" * rng.randrange(5000) + b"\r\n",
    lambda rng: b"X-Many: 1\r\n" * rng.randrange(300),
    lambda _rng: b" folded: line\r\n",
    lambda _rng: b"No colon at all\r\n",
    lambda _rng: b"Bad\x00Name: v\r\n",
    lambda _rng: b"Location: http://169.254.169.254/latest\r\n",
    lambda _rng: b"Content-Encoding: gzip\r\n",
    lambda _rng: b"Content-Encoding: br, zstd\r\n",
    lambda _rng: b"Transfer-Encoding: chunked\r\n",
    lambda _rng: b"Transfer-Encoding: gzip, chunked\r\nContent-Length: 3\r\n",
    lambda _rng: b"Date: yesterday, or so\r\n",
    lambda _rng: b"Retry-After: -1e308\r\n",
    lambda _rng: b"Connection: keep-alive\r\n",
    lambda _rng: b"X-Service-Version: " + "\u202etxt".encode() + b"\r\n",
    lambda rng: b"X-Huge: " + b"h" * rng.choice([100, 70_000, 300_000]) + b"\r\n",
)

_LENGTHS: Sequence[Callable[[int], bytes]] = (
    lambda length: b"Content-Length: %d\r\n" % length,
    lambda _length: b"",
    lambda length: b"Content-Length: %d\r\nContent-Length: %d\r\n" % (length, length + 1),
    lambda length: b"Content-Length: %d\r\n" % (length + 50),
    lambda length: b"Content-Length: %d\r\n" % max(0, length - 5),
    lambda _length: b"Content-Length: -1\r\n",
    lambda _length: b"Content-Length: 99999999999999999999999\r\n",
    lambda _length: b"Content-Length: 0x10\r\n",
    lambda _length: b"Transfer-Encoding: chunked\r\n",
)


def _body(rng: Rng) -> bytes:
    return rng.choice(_BODIES)(rng)


def _json(value: object) -> bytes:
    return json.dumps(value).encode()


_BOMB = gzip.compress(b"0" * 4_000_000)

_BODIES: Sequence[Callable[[Rng], bytes]] = (
    lambda _rng: b"",
    lambda _rng: _json({"status": "healthy", "valid": True, "user_id": USER.subject, "access_token": "a.b.c"}),
    lambda _rng: _json({"valid": "true", "access_token": 17, "status": None, "error": {"deep": []}}),
    lambda rng: b"[" * rng.choice([50, 5_000, 100_000]),
    lambda rng: b'{"a":' * rng.choice([50, 5_000]) + b"1",
    lambda _rng: b'{"valid":true,"valid":false,"valid":NaN}',
    lambda _rng: b'{"access_token":1e308,"n":1e999,"i":' + b"9" * 5_000 + b"}",
    lambda _rng: b'{"access_token":"\\ud800","error":"\\u0000"}',
    lambda _rng: b'\xef\xbb\xbf{"valid":true}',
    lambda rng: rng.randbytes(rng.randrange(3000)),
    lambda _rng: b"<html><script>alert(1)</script><title>403 Forbidden</title>",
    lambda _rng: _json({"error": "<img src=x onerror=alert(1)>", "message": "\u202e \x1b[31m \x07", "detail": "\x00"}),
    lambda _rng: _BOMB,
    lambda rng: b"x" * rng.choice([300, 70_000, 300_000, 1_000_000]),
    lambda _rng: b"data: stream_start\n\n",
    lambda rng: b"data: " + b"e" * rng.randrange(200_000),
    lambda _rng: b"event: x\rid: \x00\rdata:\r\r" * 50,
    lambda _rng: b"5\r\nhello\r\n0\r\n\r\n",
    lambda _rng: b"FFFFFFFFFFFFFFFF\r\nhello\r\n",
    lambda _rng: b"-5\r\nhello\r\n0\r\nTrailer: x\r\n\r\n",
    lambda _rng: b"5;ext=" + b"e" * 20_000 + b"\r\nhello\r\n",
    lambda _rng: _json({"access_token": "t" * 100_000}),
    lambda _rng: _json({"access_token": "bad\r\nX-Injected: 1"}),
    lambda _rng: _json({"access_token": ["not", "a", "string"]}),
)


def http(rng: Rng, _key: bytes) -> Iterator[Chunk]:
    """An answer to one request, or what is none."""
    body = _body(rng)
    first = rng.choice([b""] * 9 + [b"HTTP/1.1 100 Continue\r\n\r\n" * rng.randrange(1, 200)])
    whole = first + _head(rng) + _headers(rng, body) + body
    yield from _in_pieces(rng, whole)


def _in_pieces(rng: Rng, whole: bytes) -> Iterator[Chunk]:
    """At once, in a few pieces, drop by drop, cut off, or never to the end."""
    manner = rng.randrange(24)
    if manner == 0:
        yield from (part for each in whole[:200] for part in (bytes([each]), 0.02))
    elif manner == 1:
        yield whole[: rng.randrange(len(whole) + 1)]
        yield None
    elif manner == 2:
        yield whole[: rng.randrange(len(whole) + 1)]
        yield 5.0
    else:
        cut = rng.randrange(len(whole) + 1)
        yield whole[:cut]
        yield whole[cut:]


# ── WebSocket ────────────────────────────────────────────────────────────────────────────────────────────────────────

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455 §1.3


def websocket(rng: Rng, key: bytes) -> Iterator[Chunk]:
    """A handshake, mostly a good one, and then frames, mostly bad ones."""
    if rng.randrange(6) == 0:
        yield from http(rng, key)
        return
    accept = base64.b64encode(hashlib.sha1(key + _GUID).digest())  # noqa: S324 - as RFC 6455 has it
    accept = accept if rng.randrange(15) else rng.randbytes(10)
    extra = rng.choice([b"", b"", b"", b"Sec-WebSocket-Protocol: nobody-asked\r\n", b"Sec-WebSocket-Extensions: x\r\n"])
    yield (
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: " + accept + b"\r\n" + extra + b"\r\n"
    )
    yield from _in_pieces(rng, b"".join(_frame(rng) for _ in range(rng.choice([0, 1, 2, 3, 20, 400]))))


def _frame(rng: Rng) -> bytes:
    payload, opcode = rng.choice(_PAYLOADS[:3] * 5 + _PAYLOADS)(rng)
    first = opcode | rng.choice([0x80] * 30 + [0x00, 0xC0, 0xF0])
    masked = 0x80 if rng.randrange(60) == 0 else 0
    return bytes([first]) + _length(rng, len(payload), masked) + (rng.randbytes(4) if masked else b"") + payload


def _length(rng: Rng, length: int, masked: int) -> bytes:
    """As it is, in the shortest form, in a longer one, or a lie."""
    if rng.randrange(90) == 0:
        return bytes([masked | 127]) + rng.choice([b"\xff" * 8, (2**40).to_bytes(8, "big"), b"\x00" * 8])
    if length < 126:
        return bytes([masked | length])
    if length < 2**16:
        return bytes([masked | 126]) + length.to_bytes(2, "big")
    return bytes([masked | 127]) + length.to_bytes(8, "big")


def _close(code: int, reason: bytes) -> bytes:
    return code.to_bytes(2, "big") + reason


_TEXT, _BINARY, _CLOSE, _PING, _PONG = 0x1, 0x2, 0x8, 0x9, 0xA

_WELCOME = {"type": "connection_established", "user_id": USER.subject}

_PAYLOADS: Sequence[Callable[[Rng], tuple[bytes, int]]] = (
    lambda _rng: (_json(_WELCOME), _TEXT),
    lambda _rng: (_json({**_WELCOME, "user_id": ["somebody", "else"]}), _TEXT),
    lambda _rng: (_json({"type": "pong"}), _TEXT),
    lambda _rng: (_json({"type": "error", "code": 17, "message": "<script>\x1b[2J"}), _TEXT),
    lambda _rng: (_json({"type": "auth_error", "error_code": {"a": "b"}}), _TEXT),
    lambda rng: (b"[" * rng.choice([10, 60_000]), _TEXT),
    lambda _rng: (b"\xff\xfe\xfd", _TEXT),
    lambda rng: (rng.randbytes(rng.randrange(300)), _BINARY),
    lambda rng: (b"x" * rng.choice([10, 70_000, 300_000]), _TEXT),
    lambda rng: (rng.randbytes(rng.randrange(130)), _PING),
    lambda rng: (rng.randbytes(rng.randrange(20)), _PONG),
    lambda rng: (b"?", rng.randrange(16)),
    lambda rng: (
        _close(rng.choice([0, 1, 999, 1000, 1005, 1006, 1008, 1011, 1015, 2999, 3000, 4401, 5000, 65535]), b"why"),
        _CLOSE,
    ),
    lambda _rng: (_close(1008, b"\xff\xff"), _CLOSE),
    lambda _rng: (_close(1008, b"r" * 123), _CLOSE),
    lambda _rng: (b"\x03", _CLOSE),
    lambda _rng: (b"", _CLOSE),
)


# ── the peer ─────────────────────────────────────────────────────────────────────────────────────────────────────────

_HOST = "127.0.0.1"


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError, asyncio.IncompleteReadError):  # whoever looks may go away
        await _send(await reader.readuntil(b"\r\n\r\n"), writer)
    writer.transport.abort() if writer.is_closing() else writer.close()


async def _send(asked: bytes, writer: asyncio.StreamWriter) -> None:
    folder, _, number = asked.split(b" ", 2)[1].rpartition(b"/")
    rng = random.Random(int(number))
    key = next((line.partition(b":")[2].strip() for line in asked.split(b"\r\n") if _is_key(line)), b"")
    for chunk in (websocket if folder else http)(rng, key):
        if chunk is None:
            writer.transport.abort()
            return
        if isinstance(chunk, float):
            await asyncio.sleep(chunk)
        else:
            writer.write(chunk)
            await writer.drain()
    await asyncio.sleep(random.Random(int(number)).choice([0, 0, 0, 0.05]))


def _is_key(line: bytes) -> bool:
    return line.lower().startswith(b"sec-websocket-key:")


@asynccontextmanager
async def hostile() -> AsyncIterator[int]:
    """The port of such a peer, in a process of its own."""
    here = str(Path(__file__).parents[2])
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.safety.hostile"), stdout=asyncio.subprocess.PIPE, cwd=here
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(20):
            port = int(await process.stdout.readline())
        yield port
    finally:
        process.kill()
        await process.wait()


async def _main() -> None:
    server = await asyncio.start_server(_answer, _HOST, 0)
    print(server.sockets[0].getsockname()[1], flush=True)  # noqa: T201 - whoever started it waits for it
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_main())
