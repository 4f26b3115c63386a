"""Runs: asking for one now, and the reports of those that were."""

import json
from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from prober.model.caller import Scope
from prober.model.chain import Trigger
from prober.model.errors import NothingMatched, StoreUnavailable
from prober.model.verdict import RunVerdict
from prober.publish.document import Document
from prober.publish.web.audit import AuditedRoute, Call, ThisCall
from prober.publish.web.desk import AtDesk, Desk, may, may_read
from prober.publish.web.problems import Problem, complaints, told
from prober.publish.web.shell import LARGEST_BODY, too_large

router = APIRouter(prefix="/api/v1", tags=["runs"])
_reading = APIRouter(dependencies=[Depends(may_read)])

_LONGEST_WAIT_SECONDS = 120.0
_MOST_RUNS = 100
_PRINTABLE = r"^[^\x00-\x1f\x7f]*$"


class Order(BaseModel):
    """What a caller may say about the run it asks for."""

    model_config = ConfigDict(extra="forbid", strict=True)

    revision: str = Field(default="", max_length=128, pattern=_PRINTABLE, description="what was just deployed")
    reason: str = Field(default="", max_length=500, pattern=_PRINTABLE, description="why the run is asked for")
    wait: bool = Field(default=False, description="answer with the report; the same as ?wait=true")

    @property
    def trigger(self) -> Trigger:
        """Whoever names a revision has deployed it."""
        return Trigger.DEPLOY if self.revision else Trigger.MANUAL


_ORDER_BODY = {
    "requestBody": {"required": False, "content": {"application/json": {"schema": Order.model_json_schema()}}}
}


async def _order(request: Request) -> Order:
    """The body: none, or an Order. JSON only, which no form of another page can send."""
    body = await _read(request)
    if not body:
        return Order()
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise Problem(415, "send the body as application/json, or send none")
    return _parsed(body)


async def _read(request: Request) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > LARGEST_BODY:
            raise too_large()
    return bytes(body)


def _parsed(body: bytes) -> Order:
    try:
        return Order.model_validate(json.loads(body))
    except ValidationError as error:
        raise Problem(400, "the body is not what is understood here", errors=complaints(error)) from error
    except (ValueError, RecursionError) as error:
        raise Problem(400, "the body is not JSON") from error


class _TriggerRoute(AuditedRoute):
    """Counts the requests it refuses; those it takes are counted where it is known whether they were joined."""

    def refused(self, request: Request, refusal: Exception) -> None:
        """Count one that is not answered as it was meant."""
        super().refused(request, refusal)
        desk: Desk = request.app.state.desk
        desk.board.trigger_requested(_outcome(refusal))


_OUTCOMES: Mapping[int, str] = {401: "unauthorized", 403: "unauthorized", 429: "limited"}


def _outcome(refusal: Exception) -> str:
    return _OUTCOMES.get(refusal.status, "rejected") if isinstance(refusal, Problem) else "rejected"


_triggers = APIRouter(route_class=_TriggerRoute, dependencies=[Depends(may(Scope.RUN))])


@_triggers.post(
    "/chains/{chain}/runs",
    status_code=202,
    response_class=JSONResponse,
    openapi_extra=_ORDER_BODY,
    responses={200: {"description": "The report"}, **told(400, 401, 403, 404, 413, 415, 422, 429)},
)
async def start(  # noqa: PLR0913 - each parameter is a part of the request
    chain: str,
    desk: AtDesk,
    call: ThisCall,
    order: Annotated[Order, Depends(_order)],
    *,
    wait: bool = False,
    timeout_seconds: Annotated[float, Query(alias="timeout", gt=0, le=_LONGEST_WAIT_SECONDS)] = 60.0,
) -> Response:
    """Run a chain now: 202 and where to look, or with `wait` 200 and the report when it is there in time."""
    run_id = await _start(desk, chain, order, call)
    report = await desk.operator.wait(run_id, timeout_seconds) if wait or order.wait else None
    return _reported(run_id, report) if report else _running(run_id)


async def _start(desk: Desk, chain: str, order: Order, call: Call) -> str:
    try:
        run_id = await desk.operator.start(chain, order.trigger, order.reason, order.revision)
    except NothingMatched as error:
        raise Problem(404, str(error)) from error
    call.outcome, call.id = "coalesced" if desk.asked.get(chain) == run_id else "accepted", run_id
    desk.board.trigger_requested(call.outcome)
    desk.asked[chain] = run_id
    return run_id


def _running(run_id: str) -> Response:
    headers = {"Location": f"/api/v1/runs/{run_id}", "Retry-After": "1"}
    return JSONResponse({"id": run_id, "state": "running"}, 202, headers)


def _reported(run_id: str, report: Document) -> Response:
    return JSONResponse(report, headers={"Content-Location": f"/api/v1/runs/{run_id}"})


@_reading.get("/runs", response_class=JSONResponse, responses=told(422))
async def runs(
    desk: AtDesk,
    chain: Annotated[str | None, Query(max_length=200)] = None,
    verdict: RunVerdict | None = None,
    limit: Annotated[int, Query(ge=1, le=_MOST_RUNS)] = 50,
) -> Response:
    """The reports that are kept, the newest first."""
    found = await desk.history.newest_json(chain=chain, verdict=verdict, limit=limit)
    return Response(b'{"runs":[%s]}' % b",".join(found), media_type="application/json")


@_reading.get(
    "/runs/{run_id}",
    response_class=JSONResponse,
    responses={202: {"description": "Still running"}, **told(404, 503)},
)
async def run(run_id: str, desk: AtDesk) -> Response:
    """One report, or word that the run is still going."""
    try:
        report = await desk.history.get(run_id)
    except StoreUnavailable as error:
        raise Problem(503, "the store is away; it is not known whether this run is kept") from error
    if report is not None:
        return _reported(run_id, report)
    if desk.operator.is_running(run_id):
        return _running(run_id)
    raise Problem(404, "no run with this id is kept")


router.include_router(_triggers)
router.include_router(_reading)
