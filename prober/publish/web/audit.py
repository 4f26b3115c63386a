"""Audit: each call that would make us do something, however it is answered, as one event; never its token."""

from dataclasses import dataclass
from typing import Annotated, cast

import structlog
from fastapi import Depends, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

#: Of what a caller sent so much is repeated.
_LONGEST = 120

#: What makes us do nothing (RFC 9110 §9.2.1).
_READING = frozenset({"GET", "HEAD", "OPTIONS"})

REFUSED = "refused"


@dataclass(slots=True)
class Call:
    """What becomes known of a call while it is answered."""

    caller: str = ""  # empty: nobody we know
    chain: str = ""
    id: str = ""  # of the run or gate
    outcome: str = REFUSED  # until something is done
    is_told: bool = False  # although it seems to read only
    status: int = 0  # 0: no answer, as at our end


def call_of(request: Request) -> Call:
    """What is known so far of the call that `request` makes."""
    if not hasattr(request.state, "call"):
        request.state.call = Call()
    call = cast("Call", request.state.call)
    call.chain = call.chain or request.path_params.get("chain", "")
    return call


async def _this_call(request: Request) -> Call:
    return call_of(request)


ThisCall = Annotated[Call, Depends(_this_call)]


class Audit:
    """Stands around all that can answer, so that nothing is answered without it."""

    def __init__(self, app: ASGIApp) -> None:
        """Tell of what `app` answers."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Have one request answered, and tell of it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        call = scope.setdefault("state", {})["call"] = Call()

        async def heard(message: Message) -> None:
            call.status = message.get("status", call.status)
            await send(message)

        try:
            await self._app(scope, receive, heard)
        finally:
            if call.is_told or scope["method"] not in _READING:
                _tell(scope, call)


def _tell(scope: Scope, call: Call) -> None:
    structlog.get_logger("prober.audit").info(
        "audit.call_answered",
        caller=call.caller,
        source=scope["client"][0] if scope.get("client") else "",
        route=f"{scope['method']} {scope['path']}"[:_LONGEST],
        chain=call.chain[:_LONGEST],
        id=call.id,
        status=call.status,
        outcome=call.outcome,
    )
