"""What stands in front of each service: the lab's own control, the edge, the noise, and headers on every answer."""

import asyncio
import hmac
import random
from typing import Any

from starlette.requests import HTTPConnection, Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from prober.lab.service import Service, detail, document_of

CONTROL_PATH = "/-/lab/settings"
HOSTS = frozenset({"127.0.0.1", "localhost", "::1"})
EDGE_PAGE = "<html><head><title>403 Forbidden</title></head><body><h1>Error: Forbidden</h1></body></html>"


class Noise(Exception):
    """A failure made at random, as the setting `failure_ratio` asks."""


class Front:
    """The ASGI application that is really served: one service behind its edge."""

    def __init__(self, app: ASGIApp, service: Service[Any], control_key: str) -> None:
        """Stand in front of the service's application; obey whoever shows the control key."""
        self._app = app
        self._service = service
        self._control_key = control_key
        self._random = random.Random(service.settings.noise_seed)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request or one WebSocket."""
        serve = self._websocket if scope["type"] == "websocket" else self._http
        await (self._control if scope["path"] == CONTROL_PATH else serve)(scope, receive, self._with_headers(send))

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        refusal = self._refusal(HTTPConnection(scope))
        await self._delay()
        if refusal is None and self._fails():
            refusal = JSONResponse({"error": "Internal server error"}, 500)
        await (refusal or self._app)(scope, receive, send)

    async def _websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        refusal = self._refusal(HTTPConnection(scope))
        await self._delay()
        if self._fails():
            raise Noise
        if refusal is None:
            await self._app(self._upgraded(scope), receive, send)
        else:
            await _deny(receive, send, refusal)

    async def _control(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        shown = request.headers.get("authorization", "").encode()
        if scope["type"] != "http" or not hmac.compare_digest(shown, f"Bearer {self._control_key}".encode()):
            answer = detail(404, "Not Found")
        else:
            answer = self._change(await document_of(request))
        await answer(scope, receive, send)

    def _change(self, document: dict[str, Any] | None) -> Response:
        if document is None:
            return detail(422, "settings as a JSON object, please")
        self._service.change(document)
        self._random = random.Random(self._service.settings.noise_seed)
        return Response(status_code=204)

    def _refusal(self, request: HTTPConnection) -> Response | None:
        """What the edge says before the application hears of it."""
        path = request.url.path
        if request.url.hostname not in HOSTS:
            return PlainTextResponse("Invalid host header", 400)
        if path.startswith(self._service.settings.edge_refused_paths):
            return HTMLResponse(EDGE_PAGE, 403)
        return _MISSING[request.scope["type"]]() if self._service.lacks(path) else None

    async def _delay(self) -> None:
        if self._service.settings.latency_seconds:
            await asyncio.sleep(self._service.settings.latency_seconds)

    def _fails(self) -> bool:
        ratio: float = self._service.settings.failure_ratio
        return self._random.random() < ratio

    def _upgraded(self, scope: Scope) -> Scope:
        """The upgrade as it arrives: a load balancer may have dropped the `Authorization` header."""
        if not getattr(self._service.settings, "strip_upgrade_authorization", False):
            return scope
        return {**scope, "headers": [pair for pair in scope["headers"] if pair[0] != b"authorization"]}

    def _with_headers(self, send: Send) -> Send:
        async def stamped(message: Message) -> None:
            if message["type"] in {"http.response.start", "websocket.accept", "websocket.http.response.start"}:
                message = {**message, "headers": [*message.get("headers", ()), *self._service.headers()]}
            await send(message)

        return stamped


async def _deny(receive: Receive, send: Send, refusal: Response) -> None:
    """Refuse an upgrade with a whole HTTP answer, as an edge does."""
    await receive()
    start = {"type": "websocket.http.response.start", "status": refusal.status_code, "headers": refusal.raw_headers}
    await send(start)
    await send({"type": "websocket.http.response.body", "body": bytes(refusal.body)})


# A router has two ways to say that a path is not there: a page for HTTP, an empty 403 for an upgrade.
_MISSING = {"http": lambda: detail(404, "Not Found"), "websocket": lambda: Response(status_code=403)}
