"""A platform's API on this machine that answers what a test says, and remembers what it was asked."""

import contextlib

from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

from prober.gather.clock import PhaseWatch, SystemClock
from prober.gather.platforms.asking import Asking
from prober.gather.wire.http import HttpWire
from prober.model.platform import Platform, PlatformKind
from prober.model.secret import Redactor, Secret
from tests.gather.peers import asgi_peer

TOKEN = "ya29.a-token-of-the-metadata-server"
PLACES = {
    PlatformKind.CLOUD_RUN: "projects/p/locations/l/services/backend",
    PlatformKind.KUBERNETES: "staging/backend/backend",
}


@contextlib.asynccontextmanager
async def api(answers, asked=None):
    """Serves each path of `answers`: a document, a status, or both; gives its address."""

    async def endpoint(request):
        if asked is not None:
            asked.append((request.url.path, request.headers.get("accept"), request.headers.get("authorization")))
        found = answers.get(request.url.path, 404)
        status, document = (
            found if isinstance(found, tuple) else (found, {}) if isinstance(found, int) else (200, found)
        )
        return JSONResponse(document, status)

    async with asgi_peer(Starlette(routes=[Route("/{path:path}", endpoint)])) as port:
        yield f"http://127.0.0.1:{port}"


def platform(address, kind=PlatformKind.CLOUD_RUN, **more):
    """Where a backend's platform is asked."""
    given = {"place": PLACES[kind], "api": address, "secrets_api": address}
    return Platform(kind=kind, **{**given, **more})


@contextlib.asynccontextmanager
async def asking(bearer=TOKEN):
    """Who asks, with a token."""
    wire = HttpWire(Redactor())
    try:
        yield Asking(wire, PhaseWatch(SystemClock()), Secret("access token", bearer))
    finally:
        await wire.aclose()
