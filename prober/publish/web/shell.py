"""What stands around every route: safe headers, HEAD, a bound on bodies, and the last catch for what nobody foresaw."""

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from prober.publish.board import Board
from prober.publish.web.problems import Problem, answer

#: No route needs more.
LARGEST_BODY = 16 * 1024

#: Requests that are answered at once: enough for scrapers, a few people and pipelines that wait for a verdict.
MOST_AT_ONCE = 128

#: Whoever watches us is answered even then.
_ALWAYS_ANSWERED = frozenset({"/-/healthy", "/-/ready"})

SAFE_HEADERS = {
    "cache-control": "no-store",
    "content-security-policy": (
        "default-src 'none'; style-src 'self'; img-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}


class Shell:
    """The outermost part of the app that is ours."""

    def __init__(self, app: ASGIApp, board: Board) -> None:
        """Wrap `app`; count its failures on `board`."""
        self._app = app
        self._board = board
        self._answering = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        outlet = _Outlet(send, with_body=scope["method"] != "HEAD")
        if scope["method"] == "HEAD":
            scope = {**scope, "method": "GET"}
        self._answering += 1
        try:
            await self._answer(scope, receive, outlet)
        except ClientDisconnect:
            pass  # who goes away in the middle of a body wants no answer, and is no fault of ours
        except Exception:  # noqa: BLE001 - whatever it is, the caller gets an answer and the log the traceback
            await self._give_in(scope, receive, outlet)
        finally:
            self._answering -= 1

    async def _answer(self, scope: Scope, receive: Receive, outlet: "_Outlet") -> None:
        if self._answering > MOST_AT_ONCE and scope["path"] not in _ALWAYS_ANSWERED:
            await answer(_BUSY)(scope, receive, outlet)
            return
        length = Headers(scope=scope).get("content-length", "0")
        if not length.isdecimal() or int(length[:20]) > LARGEST_BODY:
            await answer(too_large())(scope, receive, outlet)
            return
        await self._app(scope, receive, outlet)

    async def _give_in(self, scope: Scope, receive: Receive, outlet: "_Outlet") -> None:
        """A bug of ours: the log gets the traceback, the caller gets none of it."""
        self._board.internal_error("web")
        structlog.get_logger("prober.web").exception("web.request_failed", path=scope["path"])
        if not outlet.begun:
            await answer(Problem(500, "the prober failed to answer; its log says why"))(scope, receive, outlet)


_BUSY = Problem(503, f"{MOST_AT_ONCE} requests are being answered; ask again", headers={"Retry-After": "1"})


def too_large() -> Problem:
    """What a body beyond the bound is answered with."""
    return Problem(413, f"the body may have {LARGEST_BODY} bytes at most")


class _Outlet:
    """Sends on what the app sends, with the safe headers, and without the body for a HEAD."""

    def __init__(self, send: Send, *, with_body: bool) -> None:
        self._send = send
        self._with_body = with_body
        self.begun = False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.begun = True
            headers = MutableHeaders(scope=message)
            for name, value in SAFE_HEADERS.items():
                headers.setdefault(name, value)  # a page may know a stricter one
        elif message["type"] == "http.response.body" and not self._with_body:
            message = {**message, "body": b""}
        await self._send(message)
