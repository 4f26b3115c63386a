"""Parrots: hostile services that say back whatever they were sent, each in its own manner.

They do enough of what a service of the lab does for every step to be taken; what they say beside is what they heard.
"""

import asyncio
import base64
import hashlib
import html
import json
import re
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import quote

import jwt

from tests.gather.peers import raw_peer

_GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455 §1.3
_TEXT, _CLOSE = 1, 8  # RFC 6455 §5.2
_VALUE = re.compile(r"[^\s\"{}:,]{12,}")
_REMEMBERED = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Manner:
    """How a parrot says back what it heard."""

    name: str
    status: int = 200
    where: str = "json"  # json, key, page, text, headers, reason, redirect, facts
    write: Callable[[str], str] = str
    socket: str = "welcome"  # welcome, error, type, close, refuse, redirect, flood
    of_others: bool = False  # not what this request says, but what all others said before
    mints: bool = True


def _each(change: Callable[[str], str]) -> Callable[[str], str]:
    """Change each value by itself."""
    return lambda said: _VALUE.sub(lambda found: change(found[0]), said)


def _hashed(name: str) -> Callable[[str], str]:
    return _each(lambda value: hashlib.new(name, value.encode()).hexdigest())


def _base64(said: str) -> str:
    return base64.b64encode(said.encode()).decode()


def _escaped(said: str) -> str:
    return "".join(f"\\u{ord(letter):04x}" for letter in said)


MANNERS: Sequence[Manner] = (
    Manner(name="answers well and tells all"),
    Manner(name="refuses and tells all", status=401, socket="refuse"),
    Manner(name="forbids and tells all", status=403, socket="close"),
    Manner(name="breaks and tells all", status=500, socket="error"),
    Manner(name="tells in names of JSON", where="key", socket="type"),
    Manner(name="tells on a page", status=403, where="page", socket="refuse"),
    Manner(name="tells in plain text", status=503, where="text", socket="close"),
    Manner(name="tells in headers", where="headers"),
    Manner(name="refuses in headers", status=401, where="headers", socket="refuse"),
    Manner(name="tells in the status line", status=403, where="reason", socket="refuse"),
    Manner(name="sends elsewhere", status=302, where="redirect", socket="redirect"),
    Manner(name="sends elsewhere for good", status=308, where="redirect", socket="redirect"),
    Manner(name="tells as its version", where="facts"),
    Manner(name="shouts", status=401, write=str.upper, socket="refuse"),
    Manner(name="whispers", status=401, where="headers", write=str.lower, socket="close"),
    Manner(name="tells in base64", status=403, write=_base64, socket="close"),
    Manner(name="tells each value in base64", status=403, write=_each(_base64), socket="refuse"),
    Manner(name="tells each value in base64url", write=_each(lambda v: base64.urlsafe_b64encode(v.encode()).decode())),
    Manner(name="tells in hex", status=403, write=lambda said: said.encode().hex(), socket="refuse"),
    Manner(name="tells in percent", where="headers", write=lambda said: quote(said, safe="")),
    Manner(name="tells in escapes of JSON", status=401, where="text", write=_escaped, socket="refuse"),
    Manner(name="tells in escapes of HTML", status=403, where="page", write=html.escape, socket="refuse"),
    Manner(name="tells the first twenty letters", status=401, write=_each(lambda v: f"{v[:20]}…"), socket="close"),
    Manner(name="tells the last twenty letters", status=401, write=_each(lambda v: f"…{v[-20:]}"), socket="refuse"),
    Manner(name="tells from the middle", status=403, where="text", write=_each(lambda v: v[7:29]), socket="close"),
    Manner(name="tells in two halves", write=_each(lambda v: f"{v[: len(v) // 2]} {v[len(v) // 2 :]}"), socket="error"),
    Manner(name="tells SHA-1", status=403, write=_hashed("sha1"), socket="refuse"),
    Manner(name="tells SHA-256", status=403, write=_hashed("sha256"), socket="close"),
    Manner(name="tells SHA-512", status=401, write=_hashed("sha512"), socket="error"),
    Manner(
        name="tells half an MD5",
        status=403,
        write=_each(lambda v: hashlib.md5(v.encode(), usedforsecurity=False).hexdigest()[:16]),
    ),
    Manner(name="tells of others", of_others=True),
    Manner(name="tells of others and refuses", status=401, of_others=True, socket="refuse"),
    Manner(name="tells of others in base64", status=403, of_others=True, write=_each(_base64), socket="close"),
    Manner(name="mints nothing and tells all", status=200, mints=False),
    Manner(name="floods", where="text", socket="flood"),
)


@dataclass(slots=True)
class Parrot:
    """One hostile service, as auth and as backend; `heard` by the door that was knocked at."""

    key: str
    manner: Manner = MANNERS[0]
    elsewhere: str = ""
    heard: list[tuple[str, str]] = field(default_factory=list)

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Take one request and answer it."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        length = re.search(r"content-length: (\d+)", head, re.IGNORECASE)
        said = head + ((await reader.readexactly(int(length[1]))).decode() if length else "")
        path = head.split(" ", 2)[1].partition("?")[0]
        before = "\n".join(text for _, text in self.heard[-_REMEMBERED:])
        self.heard.append((path, said))
        told = self.manner.write(before if self.manner.of_others else said)
        if "upgrade: websocket" in head.lower():
            await self._socket(head, told, reader, writer)
        else:
            self._answer(path, told, writer)
        await writer.drain()

    # ── requests ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def _answer(self, path: str, told: str, writer: asyncio.StreamWriter) -> None:
        manner = self.manner
        document = self._document(path)
        is_spared = path.startswith("/health") or (path.startswith("/auth/e2e") and manner.mints)
        status = 200 if is_spared and manner.where != "redirect" else manner.status
        headers, reason, body = [], "X", json.dumps(document | {"heard": told, "error": {"message": told}})
        match manner.where:
            case "key":
                body = json.dumps(document | {told: told})
            case "page" if not is_spared:
                body = f"<html><title>{told}</title><body><!-- {told} --><p title='{told}'>{told}</p></body></html>"
            case "text" if not is_spared:
                body = told
            case "headers":
                line = _line(told)
                names = ("Server", "Via", "WWW-Authenticate", "X-Request-Id", "X-Service-Version", "X-Service-Revision")
                headers = [f"{name}: {line}" for name in (*names, "Set-Cookie", "Content-Type", "Retry-After")]
            case "reason":
                reason = _line(told)
            case "redirect":
                headers = [f"Location: {self.elsewhere}/there?{_line(told)[:1500]}"]
            case "facts":
                body = json.dumps(
                    document | {"version": told, "revision": told, "uptime_seconds": told, "status": told}
                )
        if path.endswith("/stream") and status == 200:
            body = f"data: {json.dumps({'type': 'stream_start', 'heard': told})}\n\n"
        content = body.encode()
        lines = [
            f"HTTP/1.1 {status} {reason[:1000]}",
            f"Content-Length: {len(content)}",
            "Connection: close",
            *headers,
            "",
            "",
        ]
        writer.write("\r\n".join(lines).encode("latin-1", errors="replace") + content)

    def _document(self, path: str) -> dict[str, object]:
        """What a healthy service says there."""
        if path.startswith("/auth/e2e"):
            claims = {"sub": "e2e-staging-e2e-user-001", "iat": 1, "exp": 1 << 34, "jti": str(len(self.heard))}
            return {"access_token": jwt.encode(claims, self.key, "HS256")} if self.manner.mints else {}
        if path.startswith("/health"):
            return {"status": "healthy", "revision": "backend-00096"}
        return {"valid": True, "user_id": "staging-e2e-user-001"}

    # ── sockets ──────────────────────────────────────────────────────────────────────────────────────────────────────

    async def _socket(self, head: str, told: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        how = self.manner.socket
        if how in {"refuse", "redirect"}:
            status = 403 if how == "refuse" else 307
            lines = [
                f"HTTP/1.1 {status} {_line(told)[:500]}",
                f"Content-Length: {len(told.encode())}",
                f"Server: {_line(told)}",
            ]
            lines += [f"Location: {self.elsewhere.replace('http:', 'ws:')}/ws", "Connection: close", "", ""]
            writer.write("\r\n".join(lines).encode("latin-1", errors="replace") + told.encode())
            return
        writer.write(_accepted(head, told))
        writer.write(b"".join(_frame(_TEXT, json.dumps(each).encode()) for each in self._frames(how, told)))
        await writer.drain()
        await asyncio.sleep(0.05)
        if how in {"close", "error"}:
            writer.write(_frame(_CLOSE, (1008).to_bytes(2, "big") + told.encode()[-120:]))
            return
        while (chunk := await reader.read(4096)) and chunk[0] & 0x0F != _CLOSE:
            writer.write(_frame(_TEXT, json.dumps({"type": "pong", "heard": told}).encode()))
        writer.write(_frame(_CLOSE, (1000).to_bytes(2, "big") + told.encode()[-120:]))

    def _frames(self, how: str, told: str) -> list[dict[str, object]]:
        if how == "error":
            return [{"type": "error", "error_code": told, "message": told, "data": {"error": told}}]
        welcome = {"type": "connection_established", "user_id": told, "heard": told}
        return [{"type": told[-60:]}, {told: told}, welcome, *([welcome] * (300 if how == "flood" else 0))]


def _line(told: str) -> str:
    """As it may stand in a header."""
    return re.sub(r"[\r\n\x00-\x1f]+", " ", told)[:4000]


def _accepted(head: str, told: str) -> bytes:
    key = re.search(r"sec-websocket-key: (\S+)", head, re.IGNORECASE)
    asked = re.search(r"sec-websocket-protocol: ([^,\r]+)", head, re.IGNORECASE)
    digest = hashlib.sha1((key[1] + _GUID).encode(), usedforsecurity=False).digest() if key else b""
    lines = ["HTTP/1.1 101 X", "Upgrade: websocket", "Connection: Upgrade", f"Server: {_line(told)[:2000]}"]
    lines += [f"Sec-WebSocket-Accept: {base64.b64encode(digest).decode()}"]
    lines += [f"Sec-WebSocket-Protocol: {asked[1]}"] if asked else []
    return "\r\n".join([*lines, "", ""]).encode("latin-1", errors="replace")


def _frame(opcode: int, payload: bytes) -> bytes:
    """One frame of a server (RFC 6455 §5.2)."""
    size = len(payload)
    length = (
        bytes([size])
        if size < 126
        else b"\x7e" + size.to_bytes(2, "big")
        if size < 1 << 16
        else b"\x7f" + size.to_bytes(8, "big")
    )
    return bytes([0x80 | opcode]) + length + payload


@asynccontextmanager
async def parrots(key: str) -> AsyncIterator[tuple[Parrot, Parrot, Parrot, dict[str, str]]]:
    """Auth, backend, and a stranger to whom both send elsewhere; and what a prober is told of them."""
    auth, backend, stranger = Parrot(key), Parrot(key), Parrot(key)
    async with raw_peer(auth) as at, raw_peer(backend) as behind, raw_peer(stranger) as far:
        auth.elsewhere = backend.elsewhere = f"http://127.0.0.1:{far}"
        environment = {
            "AUTH_URL": f"http://127.0.0.1:{at}",
            "BACKEND_URL": f"http://127.0.0.1:{behind}",
            "BACKEND_REVISION": "backend-00096",
            "LAB_DIALECT": "real",
            "LAB_MINT_PATH": "/auth/e2e/test-auth",
            "LAB_SECRET_METHOD": "proof",
            "LAB_AUTH_SECRET_PATH": "/internal/secret-proof",
            "LAB_BACKEND_SECRET_PATH": "/internal/secret-proof",
        }
        yield auth, backend, stranger, environment
