"""Real peers on port 0 to be looked at, good and bad, and a kit to look with."""

import asyncio
import contextlib
import json
import socket
from datetime import UTC, datetime

import uvicorn
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route
from websockets.asyncio.server import serve

from prober.gather.clock import PhaseWatch, SystemClock
from prober.gather.kit import Kit
from prober.gather.platforms.credentials import Credentials
from prober.gather.secrets import Keyring
from prober.gather.switch import Switch
from prober.gather.tokens import Mints
from prober.gather.wire.http import HttpWire
from prober.gather.wire.websocket import WebSocketWire
from prober.model.chain import Identity, LocalIssuer, Request, Role, Service
from prober.model.reach import Reach, networks

SECRET = "Zk3-v9Qp_7Lw2Xs8Rt5Yb1Nc6Mf4Hd0Jg"
SUBJECT = "staging-e2e-user-001"
USER = Identity(name="user", subject=SUBJECT, email=f"{SUBJECT}@staging.example")
LOCAL = LocalIssuer(name="local", identity=USER, secret="jwt")
NOON = datetime(2026, 9, 8, 12, 0, tzinfo=UTC)


class StillClock:
    """A clock that stands at noon."""

    def now(self):
        """Noon."""
        return NOON

    def seconds(self):
        """Nothing passes."""
        return 0.0


def keyring(**values):
    """A keyring that holds `jwt`, and what is given beside it."""
    held = {"jwt": SECRET, **values}
    return Keyring({name: f"env:{name.upper()}" for name in held}, {name.upper(): held[name] for name in held})


@contextlib.asynccontextmanager
async def kit(clock=None, reach=(), metadata="", **secrets):
    """A kit with real wires, which lead to the networks of `reach` too; `metadata` is where that server is."""
    within = Reach(tuple(network for each in reach for network in networks(each)))
    clock, keys = clock or SystemClock(), keyring(**secrets)
    switch = Switch()
    http = HttpWire(keys.redactor(), reach=within, switch=switch)
    sockets = WebSocketWire(keys.redactor(), within, switch)
    mints = Mints(http, keys, clock)
    credentials = Credentials(keys, clock, {"GCE_METADATA_HOST": metadata} if metadata else {})
    try:
        yield Kit(
            http=http,
            sockets=sockets,
            mints=mints,
            keyring=keys,
            credentials=credentials,
            clock=clock,
            watch=PhaseWatch(clock),
            run_id="run-1",
            reach=within,
            switch=switch,
        )
    finally:
        await http.aclose()
        await credentials.aclose()


def service(port, name="backend"):
    """A service on this machine."""
    where = f"127.0.0.1:{port}"
    return Service(name=name, role=Role.BACKEND, url=f"http://{where}", websocket_url=f"ws://{where}")


def request(port, path="/", method="POST", **more):
    """A request to a service on this machine."""
    return Request(service=service(port), method=method, path=path, **more)


@contextlib.asynccontextmanager
async def raw_peer(handler, **how):
    """A server that speaks whatever `handler(reader, writer)` writes; gives its port."""
    tasks = set()

    async def handle(reader, writer):
        tasks.add(asyncio.current_task())
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            await handler(reader, writer)
        writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0, **how)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks)
        await asyncio.sleep(0)  # what was closed is gone a turn of the loop later


def answers(status, body=b"", *headers, seen=None):
    """A handler that answers any one request like this; what it was sent is put into `seen`."""

    async def handler(reader, writer):
        asked = await reader.readuntil(b"\r\n\r\n")
        if seen is not None:
            seen.append(asked)
        lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(body)}", "Connection: close", *headers, "", ""]
        writer.write("\r\n".join(lines).encode() + body)
        await writer.drain()

    return handler


@contextlib.asynccontextmanager
async def socket_peer(handler, **how):
    """A WebSocket server; gives its port."""
    async with serve(handler, "127.0.0.1", 0, **{"close_timeout": 0.2, "compression": None, **how}) as server:
        yield server.sockets[0].getsockname()[1]


class _Server(uvicorn.Server):
    capture_signals = contextlib.nullcontext  # the tests' own signals stay theirs


@contextlib.asynccontextmanager
async def asgi_peer(app):
    """An ASGI application under uvicorn; gives its port."""
    with socket.create_server(("127.0.0.1", 0)) as sock:
        config = uvicorn.Config(
            app, log_config=None, ws="websockets-sansio", lifespan="off", timeout_graceful_shutdown=1
        )
        server = _Server(config)
        task = asyncio.create_task(server.serve([sock]))
        try:
            yield sock.getsockname()[1]
        finally:
            server.should_exit = True
            await task


def json_app(**paths):
    """An application whose path `/NAME` answers (status, JSON), or what a function of the asked JSON gives."""

    def route(name, answer):
        async def endpoint(request):
            asked = json.loads(await request.body() or b"null")
            given = answer(asked, request) if callable(answer) else answer
            status, document = await given if asyncio.iscoroutine(given) else given
            return JSONResponse(document, status)

        return Route(f"/{name}", endpoint, methods=["GET", "POST"])

    return Starlette(routes=[route(name, answer) for name, answer in paths.items()])
