"""What benchmarks look at: both services in one process, cheap enough that the prober is what is measured.

Nothing of it is canned: signatures, times and the socket's handshake are checked. `/after/N` answers N ms after the
last byte of the request came. One connection is one `asyncio.Protocol`; it shares no line with the prober.

    python -m tests.benchmarks.target        # prints its port; the key comes from the environment
"""

import asyncio
import base64
import hashlib
import hmac
import json
import os
import struct
import sys
import time
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

HOST = "127.0.0.1"
KEY_NAME = "TARGET_KEY"

_HEAD = b"HTTP/1.1 %d X\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455 §1.3
_TEXT, _CLOSE = 0x81, 0x88
_BEARER = b"\r\nauthorization: bearer "
_KEY_HEADER, _LENGTH = b"\r\nsec-websocket-key: ", b"\r\ncontent-length: "

Answer = tuple[int, Mapping[str, Any]]


class Target(asyncio.Protocol):
    """One connection: requests one after the other, or a socket."""

    key = b""

    def __init__(self) -> None:
        """Begin with nothing heard."""
        self._heard, self._is_socket = b"", False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep it."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer each request or frame that is whole."""
        self._heard += data
        while self._frame() if self._is_socket else self._request():
            pass

    # ── HTTP ─────────────────────────────────────────────────────────────────────────────────────────────────────────

    def _request(self) -> bool:
        head, end, rest = self._heard.partition(b"\r\n\r\n")
        length = int(_header(head, _LENGTH) or b"0")
        if not end or len(rest) < length:
            return False
        body, self._heard = rest[:length], rest[length:]
        path = head.split(b" ", 2)[1]
        if path.startswith(b"/after/"):
            self._say_after(int(path[7:]) / 1000)
        elif path == b"/ws":
            self._upgrade(head)
        else:
            self._say(*_DOORS.get(path, _nowhere)(head, body))
        return True

    def _say_after(self, seconds: float) -> None:
        """Answer so much later, and tell how much later it really was: timers of a busy machine go off late."""
        loop = asyncio.get_running_loop()
        heard = loop.time()
        loop.call_later(seconds, lambda: self._say(200, {"took": loop.time() - heard}))

    def _say(self, status: int, told: Mapping[str, Any]) -> None:
        body = json.dumps(told).encode()
        self._transport.write(
            b"HTTP/1.1 %d X\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b"
            % (status, len(body), body)
        )

    # ── WebSocket ────────────────────────────────────────────────────────────────────────────────────────────────────

    def _upgrade(self, head: bytes) -> None:
        if not (user := _user(_header(head, _BEARER))):
            self._say(401, {"error": "no"})
            return
        accept = base64.b64encode(hashlib.sha1(_header(head, _KEY_HEADER) + _GUID, usedforsecurity=False).digest())
        self._is_socket = True
        self._transport.write(
            b"HTTP/1.1 101 X\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: %b\r\n\r\n" % accept
            + _framed(_TEXT, json.dumps({"type": "connection_established", "user_id": user}).encode())
        )

    def _frame(self) -> bool:
        heard = self._heard
        if len(heard) < 6:  # two bytes and the mask; what is longer than 125 nobody sends here
            return False
        end = 6 + (heard[1] & 0x7F)
        if len(heard) < end:
            return False
        payload = bytes(byte ^ heard[2 + at % 4] for at, byte in enumerate(heard[6:end]))
        self._heard = heard[end:]
        if heard[0] == _CLOSE:
            self._transport.write(_framed(_CLOSE, payload))
            self._transport.close()
        elif b'"ping"' in payload:
            self._transport.write(_framed(_TEXT, b'{"type":"pong"}'))
        else:
            self._transport.write(_framed(_TEXT, payload))
        return True


def _framed(first: int, payload: bytes) -> bytes:
    return struct.pack("!BB", first, len(payload)) + payload


def _header(head: bytes, name: bytes) -> bytes:
    at = head.lower().find(name)
    return head[at + len(name) :].split(b"\r\n", 1)[0] if at >= 0 else b""


def _user(token: bytes) -> str:
    """Whom a token names that is signed with the key and good now; empty: none."""
    signed, _, signature = token.rpartition(b".")
    mac = base64.urlsafe_b64encode(hmac.digest(Target.key, signed, "sha256")).rstrip(b"=")
    if not hmac.compare_digest(mac, signature):
        return ""
    claims = json.loads(base64.urlsafe_b64decode(signed.split(b".")[1] + b"=="))
    return str(claims["sub"]) if claims["iat"] <= time.time() < claims["exp"] else ""


def _healthy(_head: bytes, _body: bytes) -> Answer:
    return 200, {"status": "healthy"}


def _validated(_head: bytes, body: bytes) -> Answer:
    user = _user(json.loads(body)["token"].encode())
    return 200, {"valid": bool(user), "user_id": user}


def _messages(head: bytes, _body: bytes) -> Answer:
    user = _user(_header(head, _BEARER))
    return (200, {"messages": [], "user_id": user}) if user else (401, {"error": "no"})


def _hash(_head: bytes, _body: bytes) -> Answer:
    return 200, {"hash": hashlib.sha256(Target.key).hexdigest()}


def _nowhere(_head: bytes, _body: bytes) -> Answer:
    return 404, {"error": "nothing here"}


_DOORS: Mapping[bytes, Callable[[bytes, bytes], Answer]] = {
    b"/health": _healthy,
    b"/auth/validate": _validated,
    b"/api/chat/messages": _messages,
    b"/hash": _hash,
}


@asynccontextmanager
async def targets(key: str) -> AsyncIterator[int]:
    """A process of its own that answers; the port it listens on, at both ends of 127.0.0.1."""
    words = (sys.executable, "-m", "tests.benchmarks.target")
    process = await asyncio.create_subprocess_exec(*words, stdout=PIPE, env={**os.environ, KEY_NAME: key})
    assert process.stdout is not None
    try:
        yield int(await process.stdout.readline())
    finally:
        process.kill()
        await process.wait()


async def _serve() -> None:
    Target.key = os.environ[KEY_NAME].encode()
    server = await asyncio.get_running_loop().create_server(Target, HOST, 0, backlog=4096)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_serve())
