"""Targets of every mood in a process of their own: `python -m tests.reliability.moods` prints their ports as JSON."""

import asyncio
import json
import logging
import random
import socket
from http import HTTPStatus

import jwt
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from tests.safety.hostile import http, websocket

HOST = "127.0.0.1"

#: With which good tokens are signed.
KEY = "Zk3-v9Qp_7Lw2Xs8Rt5Yb1Nc6Mf4Hd0Jg"

_POLICY_VIOLATION = 1008

#: One of a closed set of seeds: what is hostile is other each time, and comes again.
_SEEDS = 100


def _asked(connection: ServerConnection, request: Request, *, is_well: bool) -> Response | None:
    """The answer to a plain request; handshakes are let through."""
    if request.path == "/ws":
        return None
    shown = request.headers.get("Authorization", "").removeprefix("Bearer ")
    known = HTTPStatus.OK if _is_good(shown) else HTTPStatus.UNAUTHORIZED
    return connection.respond(known if is_well else HTTPStatus.INTERNAL_SERVER_ERROR, "{}")


def _is_good(token: str) -> bool:
    try:
        jwt.decode(token, KEY, algorithms=["HS256"])
    except jwt.InvalidTokenError:
        return False
    return True


async def _welcome(socket_: ServerConnection) -> None:
    try:
        await socket_.send('{"type": "connection_established"}')
        async for _ in socket_:
            await socket_.send('{"type": "pong"}')
    except ConnectionClosed:
        pass


async def _refuse(socket_: ServerConnection) -> None:
    await socket_.close(_POLICY_VIOLATION, "not you")


async def _harm(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """What nobody should answer, at once."""
    try:
        asked = await reader.readuntil(b"\r\n\r\n")
        rng = random.Random(random.randrange(_SEEDS))
        lines = [line for line in asked.split(b"\r\n") if line.lower().startswith(b"sec-websocket-key:")]
        for chunk in websocket(rng, lines[0].partition(b":")[2].strip()) if lines else http(rng, b""):
            if chunk is None or isinstance(chunk, float):
                break
            writer.write(chunk)
            await writer.drain()
    except (ConnectionError, asyncio.IncompleteReadError):
        pass
    finally:
        writer.transport.abort()


async def _say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        await reader.read()
    except ConnectionError:
        pass
    finally:
        writer.close()


def _nobody() -> int:
    with socket.socket() as free:
        free.bind((HOST, 0))
        port: int = free.getsockname()[1]
        return port


async def _main() -> None:
    logging.getLogger("websockets").setLevel(logging.CRITICAL)
    given = {
        "logger": logging.getLogger("websockets"),
        "compression": None,
        "ping_interval": None,
        "server_header": None,
    }
    async with (
        serve(_welcome, HOST, 0, process_request=lambda c, r: _asked(c, r, is_well=True), **given) as well,
        serve(_refuse, HOST, 0, process_request=lambda c, r: _asked(c, r, is_well=False), **given) as failing,
        await asyncio.start_server(_harm, HOST, 0) as hostile,
        await asyncio.start_server(_say_nothing, HOST, 0) as silent,
    ):
        servers = {"well": well, "failing": failing, "silent": silent, "hostile": hostile}
        ports = {kind: next(iter(each.sockets)).getsockname()[1] for kind, each in servers.items()}
        print(json.dumps({**ports, "gone": _nobody()}), flush=True)  # noqa: T201 - whoever started it reads it
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_main())
