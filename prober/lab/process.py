"""A service as a process of its own: settings in by stdin, `ready PORT` out, and an end when stdin closes."""

import asyncio
import json
import os
import socket
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import uvicorn
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, ExceptionHandler

from prober.lab.front import Front
from prober.lab.service import Service, detail

V = TypeVar("V", bound=Service[Any])

HOST = "127.0.0.1"
CRASH_LOOK_SECONDS = 0.1
CRASH_CODE = 70


class Server(uvicorn.Server):
    """A server that says on stdout when it listens, and on which port."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, then say so."""
        await super().startup(sockets)
        sys.stdout.write(f"ready {self.config.port}\n")
        sys.stdout.flush()


def run(make: Callable[[Mapping[str, Any]], V], application: Callable[[V], ASGIApp]) -> None:
    """Serve until stdin closes, so that no service outlives whoever started it."""
    letter = json.loads(sys.stdin.buffer.readline())
    service = make(letter["settings"])
    front = Front(application(service), service, letter["control_key"])
    asyncio.run(_serve(front, service, letter["port"]))


async def _serve(app: ASGIApp, service: Service[Any], port: int) -> None:
    server = Server(
        uvicorn.Config(
            app,
            host=HOST,
            port=port,
            ws="websockets-sansio",
            lifespan="off",
            timeout_graceful_shutdown=1,
            # The crashes here are on purpose; their tracebacks would only fill the terminal of whoever looks on.
            log_level="critical",
            access_log=False,
            server_header=False,
            date_header=False,
        )
    )
    watches = [asyncio.create_task(watch) for watch in (_end_with_stdin(server), _crash_in_time(service))]
    await server.serve(sockets=[_socket(port)])
    for watch in watches:
        watch.cancel()


def _socket(port: int) -> socket.socket:
    """A socket on a port that the starting process holds too, so that nobody takes it while we are down.

    asyncio sends without delay only on sockets that say they are TCP; else small answers wait 40 ms for an ACK.
    """
    taken = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    taken.bind((HOST, port))
    return taken


async def _end_with_stdin(server: uvicorn.Server) -> None:
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while await reader.read(1024):
        continue
    server.should_exit = True


async def _crash_in_time(service: Service[Any]) -> None:
    """Die without a word when the settings say that it is time."""
    while True:
        await asyncio.sleep(CRASH_LOOK_SECONDS)
        if 0 < service.settings.crash_after_seconds < time.monotonic() - service.applied:
            os._exit(CRASH_CODE)


async def _as_detail(_: Request, trouble: Exception) -> Response:
    assert isinstance(trouble, HTTPException)  # noqa: S101 - registered for nothing else
    return detail(trouble.status_code, trouble.detail)


async def _as_crash(_: Request, __: Exception) -> Response:
    return JSONResponse({"error": "Internal server error"}, 500)


ANSWERS_TO_EXCEPTIONS: dict[Any, ExceptionHandler] = {HTTPException: _as_detail, Exception: _as_crash}
