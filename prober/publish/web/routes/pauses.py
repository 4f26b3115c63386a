"""The kill switch: an operator stops all that is sent to a service, at once, until somebody lifts it."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, ConfigDict, Field

from prober.model.caller import Scope
from prober.model.errors import NothingMatched, StoreUnavailable
from prober.model.order import Outcome
from prober.model.pause import EVERYTHING, Pause
from prober.publish.paused import pause_document, stopped_document
from prober.publish.web.audit import ThisCall
from prober.publish.web.body import PRINTABLE, body_of, described
from prober.publish.web.desk import READING, AtDesk, Desk, let_in, may_read
from prober.publish.web.problems import Problem, told

router = APIRouter(prefix="/api/v1", tags=["pauses"])
_reading = APIRouter(dependencies=[Depends(may_read)], responses=READING)

_A_YEAR = 366 * 86_400.0

#: The name of a service, or `*`.
Named = Annotated[str, Path(pattern=PRINTABLE, max_length=200)]


class PauseBody(BaseModel):
    """What is to be stopped, and what whoever finds it stopped is told."""

    model_config = ConfigDict(extra="forbid", strict=True)

    service: str | None = Field(max_length=200, pattern=PRINTABLE, description="its name; null or *: everything")
    reason: str = Field(min_length=1, max_length=500, pattern=PRINTABLE, description="why; shown to whoever looks")
    for_seconds: float | None = Field(
        default=None, alias="for", gt=0, le=_A_YEAR, description="seconds; without, until somebody lifts it"
    )


async def _body(request: Request) -> PauseBody:
    return await body_of(request, PauseBody)


async def _may(request: Request, desk: AtDesk) -> None:
    """Who may stop us is never told to wait for its turn: a switch works at once, however often it was pulled."""
    let_in(request, desk, Scope.ADMIN)


_switching = APIRouter(dependencies=[Depends(_may)])


@_switching.post(
    "/pauses",
    response_class=JSONResponse,
    openapi_extra=described(PauseBody, required=True),
    responses=told(400, 401, 403, 404, 408, 415, 429),
)
async def pause(desk: AtDesk, call: ThisCall, body: Annotated[PauseBody, Depends(_body)]) -> Response:
    """Stop all that is sent to a service: once this answers nothing more is, and 200 says that it will stay so."""
    service = body.service if body.service is not None else EVERYTHING
    try:
        pulled = await desk.operator.pause(service, reason=body.reason, by=call.caller, seconds=body.for_seconds)
    except NothingMatched as error:
        raise Problem(404, str(error)) from error
    call.outcome = Outcome.ACCEPTED
    if pulled.lingers:
        raise Problem(503, f"it is in force here, but what was under way has not ended yet: ask again. {pulled.pause}")
    if pulled.unwritten_because:
        raise Problem(503, _unwritten(pulled.pause, pulled.unwritten_because))
    return JSONResponse({**pause_document(pulled.pause), **_reach(desk, pulled.pause)})


def _unwritten(pause: Pause, why: str) -> str:
    return (
        f"it is in force here, now, but the store has not taken it ({why}): other instances do not know of it, and a "
        "restart knows it only from a file beside the store. It is offered to the store every second: ask again, and "
        f"tell each other instance itself. {pause}"
    )


def _reach(desk: Desk, pause: Pause) -> dict[str, list[str]]:
    """What stands still for it, be it only at the same host and port."""
    stopped = desk.board.stopped
    return {
        "services": sorted(name for name, by in stopped.services.items() if by == pause),
        "chains": sorted(name for name, by in stopped.chains.items() if by == pause),
    }


@_switching.delete("/pauses/{service}", response_class=JSONResponse, responses=told(401, 403, 404, 422, 429))
async def resume(service: Named, desk: AtDesk, call: ThisCall) -> Response:
    """Send to a service again (`*`: what was said of everything); `lifted` is null where nothing was paused so."""
    try:
        lifted = await desk.operator.resume(service, by=call.caller)
    except NothingMatched as error:
        raise Problem(404, str(error)) from error
    except StoreUnavailable as error:
        said = f"it could not be lifted, and is still in force here: {error}; ask again"
        raise Problem(503, said) from error
    call.outcome = Outcome.ACCEPTED
    still = desk.board.stopped.services.get(service)
    return JSONResponse(
        {
            "service": service,
            "lifted": pause_document(lifted) if lifted else None,
            "stillPausedBy": pause_document(still) if still else None,
        }
    )


@_reading.get("/pauses", response_class=JSONResponse)
async def pauses(desk: AtDesk) -> JSONResponse:
    """All that is paused, and which services and chains stand still for it."""
    return JSONResponse(stopped_document(desk.board.stopped))


router.include_router(_switching)
router.include_router(_reading)
