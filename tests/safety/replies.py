"""Replies that nobody should send: made up by a seed, sent over real sockets, and each classified once, in time.

python -m tests.safety.replies --count 50000 --seed 1
"""

import argparse
import asyncio
import base64
import gzip
import hashlib
import json
import random
import resource
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from prober.gather.look import look
from prober.judge.verdict import judge
from prober.model.chain import HttpStep, MintStep, Request, RouteIssuer, Step, StreamStep, ValidateStep, WebSocketStep
from prober.model.trouble import Trouble, TroubleKind
from prober.model.verdict import Verdict
from prober.publish.document import step_document
from tests.gather.peers import LOCAL, USER, kit, raw_peer, service

#: What a look may take, and by how much it may miss that on a busy machine (promise R4).
DEADLINE_SECONDS, LATE_SECONDS = 0.6, 0.25

#: What all replies together may take of memory beyond what looking takes anyway (promise R5).
MOST_MEBIBYTES = 32

_LANES = 6
_WARM_UP = 400

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


# ── looking ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(slots=True)
class Findings:
    """What became of all looks."""

    looks: int = 0
    classes: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)  # each with the seed that brings it again
    slowest_seconds: float = 0.0
    mebibytes: float = 0.0  # more than before


def _steps(port: int) -> Sequence[Step]:
    target = service(port)
    request = Request(service=target, method="GET", path="/")
    route = RouteIssuer(name="route", identity=USER, request=request)
    given = {"service": target, "deadline_seconds": DEADLINE_SECONDS}
    return (
        HttpStep(name="http", request=request, token=LOCAL, **given),
        StreamStep(name="stream", request=request, token=LOCAL, **given),
        ValidateStep(name="validate", request=request, token=LOCAL, **given),
        MintStep(name="mint", token=route, **given),
        WebSocketStep(name="websocket", path="/ws", token=LOCAL, welcome={"type": "connection_established"}, **given),
    )


@dataclass(slots=True)
class Peer:
    """Answers the one look that is going with what a seed makes."""

    seed: int = 0
    is_socket: bool = False

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        rng, asked = random.Random(self.seed), await reader.readuntil(b"\r\n\r\n")
        key = next((line.partition(b":")[2].strip() for line in asked.split(b"\r\n") if _is_key(line)), b"")
        for chunk in (websocket if self.is_socket else http)(rng, key):
            if chunk is None:
                writer.transport.abort()
                return
            if isinstance(chunk, float):
                await asyncio.sleep(chunk)
            else:
                writer.write(chunk)
                await writer.drain()
        await asyncio.sleep(random.Random(self.seed).choice([0, 0, 0, 0.05]))


def _is_key(line: bytes) -> bool:
    return line.lower().startswith(b"sec-websocket-key:")


class Lag:
    """How late the loop has been in all: on a machine that is not ours alone, that much is not the look's."""

    seconds = 0.0

    async def watch(self) -> None:
        """For ever."""
        while True:
            began = time.monotonic()
            await asyncio.sleep(_TICK_SECONDS)
            self.seconds += max(0.0, time.monotonic() - began - 2 * _TICK_SECONDS)


_TICK_SECONDS = 0.01


async def examine(count: int, seed: int) -> Findings:
    """Have so many replies looked at, several at a time."""
    findings, numbers = Findings(), iter(range(count))
    asyncio.get_running_loop().set_exception_handler(lambda _loop, told: findings.wrong.append(f"unhandled: {told}"))
    lag = Lag()
    watching = asyncio.create_task(lag.watch())
    await _lane(iter(range(_WARM_UP if count > _WARM_UP else 0)), seed - 1, Findings(), lag)
    before = _resident()
    async with asyncio.TaskGroup() as group:
        for _ in range(_LANES):
            group.create_task(_lane(numbers, seed, findings, lag))
    watching.cancel()
    findings.mebibytes = _resident() - before
    return findings


async def _lane(numbers: Iterator[int], seed: int, findings: Findings, lag: Lag) -> None:
    peer = Peer()
    async with AsyncExitStack() as stack:
        port = await stack.enter_async_context(raw_peer(peer))
        steps = _steps(port)
        for number in numbers:
            step = steps[number % len(steps)]
            peer.seed, peer.is_socket = seed * 1_000_003 + number, isinstance(step, WebSocketStep)
            await _one(step, peer.seed, findings, lag)


async def _one(step: Step, seed: int, findings: Findings, lag: Lag) -> None:
    began, late = time.monotonic(), lag.seconds
    async with kit() as tools:
        observation = await look(step, tools)
    took = time.monotonic() - began - (lag.seconds - late)
    result = judge(step, observation)
    json.dumps(step_document(result)).encode()
    findings.looks += 1
    findings.slowest_seconds = max(findings.slowest_seconds, took)
    findings.classes[f"{step.kind} {result.verdict} {result.reason}"] += 1
    if isinstance(observation.seen, Trouble) and observation.seen.kind is TroubleKind.OWN_FAULT:
        findings.wrong.append(f"{step.kind}, seed {seed}: {observation.seen.detail}")
    if result.verdict is Verdict.BLIND:
        findings.wrong.append(f"{step.kind}, seed {seed}: booked on us: {result.detail}")
    if took > DEADLINE_SECONDS + LATE_SECONDS:
        findings.wrong.append(f"{step.kind}, seed {seed}: {took:.2f} s")


def _resident() -> float:
    """Memory in MiB, as it is now."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * resource.getpagesize() / 2**20


def report(findings: Findings) -> Mapping[str, object]:
    """What is printed."""
    return {
        "replies": findings.looks,
        "classes": len(findings.classes),
        "slowest look": f"{findings.slowest_seconds:.2f} s of {DEADLINE_SECONDS} s",
        "memory": f"{findings.mebibytes:+.1f} MiB of {MOST_MEBIBYTES}",
        "wrong": len(findings.wrong),
    }


async def _main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description="Have replies looked at that nobody should send.")
    parser.add_argument("--count", type=int, default=50_000)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args(arguments)
    findings = await examine(given.count, given.seed)
    lines = [f"{name:<16}{value}" for name, value in report(findings).items()]
    lines += [f"{count:>9} {name}" for name, count in findings.classes.most_common()]
    sys.stdout.write("\n".join([*lines, *findings.wrong[:20], ""]))
    return 1 if findings.wrong or findings.mebibytes > MOST_MEBIBYTES else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(_main(sys.argv[1:])))
