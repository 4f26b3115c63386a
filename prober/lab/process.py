"""A service as a process of its own: settings in by stdin, `ready PORT` out, and an end when stdin closes."""

import asyncio
import os
import socket
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, TypeVar

import uvicorn
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, ExceptionHandler

from prober.lab import parent
from prober.lab.front import Front
from prober.lab.service import Service, detail

V = TypeVar("V", bound=Service[Any])

CRASH_LOOK_SECONDS = 0.1
CRASH_CODE = 70
LAST_GUESTS_SECONDS = 0.1
LONGEST_VISIT_SECONDS = 1.0

# Longer than any client here keeps a line. Where both let go after the same time, one may ask while the other hangs up.
KEEP_ALIVE_SECONDS = 60


class Server(uvicorn.Server):
    """A server that says on stdout when it listens, and on which port."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, then say so."""
        await super().startup(sockets)
        parent.say_ready(self.config.port)


def run(make: Callable[[Mapping[str, Any]], V], application: Callable[[V], ASGIApp]) -> None:
    """Serve until stdin closes, so that no service outlives whoever started it."""
    letter = parent.letter()
    service = make(letter["settings"])
    front = Front(application(service), service, letter["control_key"])
    asyncio.run(_serve(front, service, letter["ports"][0]))


async def _serve(app: ASGIApp, service: Service[Any], port: int) -> None:
    server = Server(
        uvicorn.Config(
            app,
            host=parent.HOST,
            port=port,
            ws="websockets-sansio",
            lifespan="off",
            timeout_graceful_shutdown=1,
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
            # The crashes here are on purpose; their tracebacks would only fill the terminal of whoever looks on.
            log_level="critical",
            access_log=False,
            server_header=False,
            date_header=False,
        )
    )
    watches = [asyncio.create_task(watch) for watch in (_end_with_stdin(server), _crash_in_time(service))]
    await server.serve(sockets=[parent.bound(port)])
    for watch in watches:
        watch.cancel()


async def _end_with_stdin(server: uvicorn.Server) -> None:
    """Accept no more, see to those who were just let in and may not have said yet what they want, then go."""
    await parent.gone()
    for listening in getattr(server, "servers", ()):  # a server that has not begun has none
        listening.close()
    await asyncio.sleep(LAST_GUESTS_SECONDS)
    with suppress(TimeoutError):
        async with asyncio.timeout(LONGEST_VISIT_SECONDS):
            while server.server_state.connections:  # noqa: ASYNC110 - uvicorn sets no event
                await asyncio.sleep(LAST_GUESTS_SECONDS)
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
