"""Peers: small services on loopback whose temper is known; they mint and verify with PyJWT, and with no line of ours.

One real server each speaks HTTP and WebSocket: `GET /mint`, `GET /messages`, and a socket at `/socket`.
"""

import json
import logging
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import jwt
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from prober.model.selftest import Temper

_HOST = "127.0.0.1"
_SECONDS = 2.0
_LIFETIME_SECONDS = 60
_POLICY_VIOLATION = 1008

#: What a server of websockets says of each exchange is no news here.
_QUIET = logging.getLogger("prober.selftest.peers")
_QUIET.setLevel(logging.CRITICAL)


@dataclass(frozen=True, slots=True)
class Peer:
    """One service: its temper, the key it verifies with, and whom it mints for."""

    temper: Temper
    key: str
    subject: str

    def welcomes(self, headers: Mapping[str, str]) -> bool:
        """Whether it lets in who comes with these headers."""
        return _TEMPERS[self.temper](headers.get("Authorization", ""), self.key)

    def answer(self, connection: ServerConnection, request: Request) -> Response | None:
        """The answer to a plain request; None for a handshake, which is let through to be refused inside."""
        if request.path == "/mint":
            return self._mint(connection)
        if request.path == "/messages":
            status = HTTPStatus.OK if self.welcomes(request.headers) else HTTPStatus.UNAUTHORIZED
            return connection.respond(status, "{}")
        return None

    def _mint(self, connection: ServerConnection) -> Response:
        if self.temper is Temper.REFUSING:
            return connection.respond(HTTPStatus.SERVICE_UNAVAILABLE, "{}")
        now = int(time.time())
        claims = {"sub": self.subject, "iat": now - 1, "exp": now + _LIFETIME_SECONDS}
        token = jwt.encode(claims, self.key, algorithm="HS256")
        return connection.respond(HTTPStatus.OK, json.dumps({"access_token": token}))

    async def talk(self, connection: ServerConnection) -> None:
        """Welcome and answer pings, or refuse as some backends do: accepted first, closed a moment later."""
        if connection.request is None or not self.welcomes(connection.request.headers):
            await connection.close(_POLICY_VIOLATION)
            return
        try:
            await connection.send(json.dumps({"type": "welcome", "user_id": self.subject}))
            async for _ping in connection:
                await connection.send(json.dumps({"type": "pong"}))
        except ConnectionClosed:
            return


def _is_good(authorization: str, key: str) -> bool:
    token = authorization.removeprefix("Bearer ")
    try:
        claims: dict[str, Any] = jwt.decode(token, key, algorithms=["HS256"], options={"require": ["exp", "sub"]})
    except jwt.PyJWTError:
        return False
    return bool(claims)


_TEMPERS: Mapping[Temper, Callable[[str, str], bool]] = {
    Temper.CAREFUL: _is_good,
    Temper.REFUSING: lambda _authorization, _key: False,
    Temper.OPEN: lambda _authorization, _key: True,
}


@asynccontextmanager
async def serving(peer: Peer) -> AsyncIterator[int]:
    """The peer on a free port of loopback; raises OSError when there is none."""
    async with serve(
        peer.talk,
        _HOST,
        0,
        process_request=peer.answer,
        compression=None,
        open_timeout=_SECONDS,
        close_timeout=_SECONDS,
        ping_interval=None,
        max_size=4096,
        logger=_QUIET,
    ) as server:
        yield next(iter(server.sockets)).getsockname()[1]
