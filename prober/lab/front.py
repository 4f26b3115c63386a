"""What stands before each service in its own process: the lab's control, the noise, and headers on every answer."""

import asyncio
import hmac
import random
from typing import Any

from starlette.requests import HTTPConnection, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from prober.lab.parent import CONTROL_PATH
from prober.lab.service import Service, detail, document_of
from prober.lab.wording import in_other_words

HOSTS = frozenset({"127.0.0.1", "localhost", "::1"})


class Failure(Exception):
    """A failure made at random, as the setting `failure_ratio` asks."""


class Front:
    """The ASGI application that is really served: one service behind its front."""

    def __init__(self, app: ASGIApp, service: Service[Any], control_key: str) -> None:
        """Stand in front of the service's application; obey whoever shows the control key."""
        self._app = app
        self._service = service
        self._control_key = control_key
        self._random = random.Random(service.settings.noise_seed)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request or one WebSocket."""
        serve = self._websocket if scope["type"] == "websocket" else self._http
        say = in_other_words(send) if self._service.settings.reworded else send
        await (self._control if scope["path"] == CONTROL_PATH else serve)(scope, receive, self._with_headers(say))

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
            raise Failure
        if refusal is None:
            await self._app(scope, receive, send)
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
        """What is said before the application hears of it."""
        if request.url.hostname not in HOSTS:
            return PlainTextResponse("Invalid host header", 400)
        return _MISSING[request.scope["type"]]() if self._service.lacks(request.url.path) else None

    async def _delay(self) -> None:
        if self._service.settings.latency_seconds:
            await asyncio.sleep(self._service.settings.latency_seconds)

    def _fails(self) -> bool:
        ratio: float = self._service.settings.failure_ratio
        return self._random.random() < ratio

    def _with_headers(self, send: Send) -> Send:
        async def stamped(message: Message) -> None:
            if message["type"] in {"http.response.start", "websocket.accept", "websocket.http.response.start"}:
                message = {**message, "headers": [*message.get("headers", ()), *self._service.headers()]}
            await send(message)

        return stamped


async def _deny(receive: Receive, send: Send, refusal: Response) -> None:
    """Refuse an upgrade with a whole HTTP answer."""
    await receive()
    start = {"type": "websocket.http.response.start", "status": refusal.status_code, "headers": refusal.raw_headers}
    await send(start)
    await send({"type": "websocket.http.response.body", "body": bytes(refusal.body)})


# A router has two ways to say that a path is not there: a page for HTTP, an empty 403 for an upgrade.
_MISSING = {"http": lambda: detail(404, "Not Found"), "websocket": lambda: Response(status_code=403)}
