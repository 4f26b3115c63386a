"""uvicorn inside our own event loop: one process, our signals, our logs."""

import asyncio
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from starlette.types import ASGIApp
from uvicorn import Config, Server

from prober.publish.web.connection import Connection

_KEEP_ALIVE_SECONDS = 4
_LAST_WORDS_SECONDS = 5


async def serve(app: ASGIApp, host: str, port: int, on_ready: Callable[[str], None], stop: asyncio.Event) -> None:
    """Answer at `host:port` until `stop` is set; port 0 takes a free one, `on_ready` is told the true address.

    Raises OSError when the address cannot be had.
    """
    listener = _listen(host, port)
    try:
        await _Server(_config(app), lambda: on_ready(_url(host, listener)), stop).serve(sockets=[listener])
    finally:
        listener.close()


def _listen(host: str, port: int) -> socket.socket:
    """Bound by us, not by uvicorn, which would end the process where the address is taken."""
    family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
    except OSError:
        listener.close()
        raise
    listener.settimeout(0)
    return listener


def _url(host: str, listener: socket.socket) -> str:
    shown = f"[{host}]" if ":" in host else host
    return f"http://{shown}:{listener.getsockname()[1]}"


def _config(app: ASGIApp) -> Config:
    return Config(
        app,
        http=Connection,
        ws="none",  # we serve none
        lifespan="off",
        loop="none",  # the caller's is running
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=_LAST_WORDS_SECONDS,
    )


class _Server(Server):
    """Leaves signals to the program and ends when it is told to."""

    def __init__(self, config: Config, on_ready: Callable[[], None], stop: asyncio.Event) -> None:
        super().__init__(config)
        self._on_ready = on_ready
        self._stop = stop

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Uvicorn would take SIGTERM for itself and raise it again at the end; nothing after it would run."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._on_ready()

    async def on_tick(self, counter: int) -> bool:
        """Asked ten times a second."""
        return await super().on_tick(counter) or self._stop.is_set()
