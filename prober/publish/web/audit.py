"""Audit: each call that would make us do something, taken or refused, as one event of the log; never its token."""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Annotated, Any, cast

import structlog
from fastapi import Depends, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute

from prober.publish.web.problems import Problem

#: Of what a caller sent so much is repeated.
_LONGEST = 120

Handler = Callable[[Request], Coroutine[Any, Any, Response]]


@dataclass(slots=True)
class Call:
    """What becomes known of a call while it is answered."""

    caller: str = ""  # empty: nobody we know
    chain: str = ""
    id: str = ""  # of the run or gate
    outcome: str = "accepted"


def call_of(request: Request) -> Call:
    """What is known so far of the call that `request` makes."""
    if not hasattr(request.state, "call"):
        request.state.call = Call(chain=request.path_params.get("chain", ""))
    return cast("Call", request.state.call)


async def _this_call(request: Request) -> Call:
    return call_of(request)


ThisCall = Annotated[Call, Depends(_this_call)]


class AuditedRoute(APIRoute):
    """A route whose every call is told to the log."""

    def get_route_handler(self) -> Handler:
        """Answer, and tell of it."""
        handle = super().get_route_handler()

        async def audited(request: Request) -> Response:
            try:
                response = await handle(request)
            except (Problem, RequestValidationError) as refusal:
                self.refused(request, refusal)
                raise
            self._tell(request, response.status_code, call_of(request).outcome)
            return response

        return audited

    def refused(self, request: Request, refusal: Exception) -> None:
        """Tell of a call that is not answered as it was meant."""
        if caller := getattr(refusal, "caller", None):
            call_of(request).caller = caller.name
        self._tell(request, refusal.status if isinstance(refusal, Problem) else 422, "refused")

    def _tell(self, request: Request, status: int, outcome: str) -> None:
        call = call_of(request)
        structlog.get_logger("prober.audit").info(
            "audit.call_answered",
            caller=call.caller,
            source=request.client.host if request.client else "",
            route=f"{request.method} {request.url.path}"[:_LONGEST],
            chain=call.chain[:_LONGEST],
            id=call.id,
            status=status,
            outcome=outcome,
        )
