"""Runs: asking for one now, and the reports of those that were."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, ConfigDict, Field

from prober.model.caller import Scope
from prober.model.chain import Trigger
from prober.model.errors import StoreUnavailable
from prober.model.order import Intent, Kind, Order, OrderState
from prober.model.verdict import RunVerdict
from prober.publish.document import Document
from prober.publish.web.asking import GOING, LONGEST_WAIT_SECONDS, Key, TriggerRoute, kept_of, state_of, take
from prober.publish.web.audit import ThisCall
from prober.publish.web.body import PRINTABLE, Id, Named, body_of, described
from prober.publish.web.desk import READING, AtDesk, Desk, may, may_read
from prober.publish.web.problems import Problem, told

router = APIRouter(prefix="/api/v1", tags=["runs"])
_reading = APIRouter(dependencies=[Depends(may_read)], responses=READING)

_MOST_RUNS = 100


class RunBody(BaseModel):
    """What a caller may say about the run it asks for."""

    model_config = ConfigDict(extra="forbid", strict=True)

    revision: str = Field(default="", max_length=128, pattern=PRINTABLE, description="what was just deployed")
    reason: str = Field(default="", max_length=500, pattern=PRINTABLE, description="why the run is asked for")
    wait: bool = Field(default=False, description="answer with the report; the same as ?wait=true")

    def order(self, chain: str) -> Order:
        """What is asked for: whoever names a revision has deployed it."""
        trigger = Trigger.DEPLOY if self.revision else Trigger.MANUAL
        return Order(kind=Kind.RUN, chain=chain, trigger=trigger, reason=self.reason, revision=self.revision)


async def _body(request: Request) -> RunBody:
    return await body_of(request, RunBody)


_triggers = APIRouter(route_class=TriggerRoute, dependencies=[Depends(may(Scope.RUN))])


@_triggers.post(
    "/chains/{chain}/runs",
    status_code=202,
    response_class=JSONResponse,
    openapi_extra=described(RunBody),
    responses={200: {"description": "The report"}, **told(400, 401, 403, 404, 408, 409, 415, 421, 422, 429)},
)
async def start(  # noqa: PLR0913 - each parameter is a part of the request
    chain: Named,
    desk: AtDesk,
    call: ThisCall,
    body: Annotated[RunBody, Depends(_body)],
    *,
    key: Key = "",
    wait: bool = False,
    timeout_seconds: Annotated[float, Query(alias="timeout", gt=0, le=LONGEST_WAIT_SECONDS)] = 60.0,
) -> Response:
    """Run a chain now: 202 and where to look, or with `wait` 200 and the report when it is there in time."""
    run_id = await take(desk, call, body.order(chain), key)
    report = await _awaited(desk, run_id, timeout_seconds) if wait or body.wait else None
    return _reported(run_id, report) if report else _going({"id": run_id, "state": "running"})


async def _awaited(desk: Desk, run_id: str, timeout_seconds: float) -> Document | None:
    """A store that went away meanwhile takes nothing back: the run was taken, and its report can be had later."""
    try:
        return await desk.operator.wait(run_id, timeout_seconds)
    except StoreUnavailable:
        return None


def _going(state: Document) -> Response:
    headers = {"Location": f"/api/v1/runs/{state['id']}", "Retry-After": "1"}
    return JSONResponse(state, 202, headers)


def _reported(run_id: str, report: Document) -> Response:
    return JSONResponse(report, headers={"Content-Location": f"/api/v1/runs/{run_id}"})


@_reading.get("/runs", response_class=JSONResponse, responses=told(422))
async def runs(
    desk: AtDesk,
    chain: Annotated[str | None, Query(max_length=200, pattern=PRINTABLE)] = None,
    verdict: RunVerdict | None = None,
    limit: Annotated[int, Query(ge=1, le=_MOST_RUNS)] = 50,
) -> Response:
    """The reports that are kept, the newest first."""
    found = await desk.history.newest_json(chain=chain, verdict=verdict, limit=limit)
    return Response(b'{"runs":[%s]}' % b",".join(found), media_type="application/json")


@_reading.get(
    "/runs/{run_id}",
    response_class=JSONResponse,
    responses={202: {"description": "Waiting or running"}, **told(422)},
)
async def run(run_id: Id, desk: AtDesk) -> Response:
    """One report; or how far the run is, and why it came to nothing where it did."""
    try:
        report, intent = await kept_of(desk, run_id)
    except StoreUnavailable as error:
        raise Problem(503, "the store is away; it is not known whether this run is kept") from error
    if intent is not None and intent.order.kind is not Kind.RUN:
        raise Problem(404, f"this is a gate: ask for /api/v1/gates/{intent.id}")
    if report is not None:
        return _reported(run_id, report)
    return _unreported(desk, run_id, intent)


def _unreported(desk: Desk, run_id: str, intent: Intent | None) -> Response:
    if intent is not None and intent.state is OrderState.ABORTED:
        return JSONResponse(state_of(intent))
    if intent is not None and intent.state in GOING:
        return _going(state_of(intent))
    if desk.operator.is_running(run_id):
        return _going({"id": run_id, "state": "running"})
    raise Problem(404, "no run with this id is kept")


router.include_router(_triggers)
router.include_router(_reading)
