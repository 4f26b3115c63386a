"""How the prober itself is, whatever its targets do; and taking up a changed config."""

import structlog
from fastapi import APIRouter, Depends
from fastapi.responses import JSONResponse, PlainTextResponse

from prober.model.caller import Scope
from prober.model.errors import ConfigError, ProberError
from prober.model.order import Outcome
from prober.publish.web.audit import ThisCall
from prober.publish.web.desk import AtDesk, Desk, may
from prober.publish.web.problems import Problem, told

router = APIRouter(tags=["prober"])
admin = APIRouter(tags=["prober"])


@router.get("/-/healthy", response_class=PlainTextResponse)
async def healthy() -> str:
    """Answers as long as we run at all."""
    return "healthy\n"


@router.get("/-/ready", response_class=PlainTextResponse)
async def ready(desk: AtDesk) -> str:
    """Answers 200 once the config is loaded and the schedule is ticking, while our self-test holds."""
    if why := _why_not(desk):
        raise Problem(503, why, headers={"Retry-After": "1"})
    return "ready\n"


def _why_not(desk: Desk) -> str:
    """A new version whose judgement is broken must not take the place of one whose judgement is sound."""
    if desk.board.selftest is not None and not desk.board.selftest.passed:
        return "the self-test fails: no verdict of this prober can be trusted"
    return "" if desk.operator.ready else "not ready yet, or shutting down"


@admin.post("/-/reload", dependencies=[Depends(may(Scope.ADMIN))], responses=told(400, 401, 403, 404, 429))
async def reload(desk: AtDesk, call: ThisCall) -> JSONResponse:
    """Take up the config file as it is now; an invalid one changes nothing and every complaint is listed."""
    try:
        await desk.operator.reload()
    except ProberError as error:
        raise Problem(400, "the config is not valid; nothing has changed", errors=_complaints(error)) from error
    call.outcome = Outcome.ACCEPTED
    structlog.get_logger("prober.web").info("web.config_reloaded")
    return JSONResponse({"reloaded": True, "chains": sorted(desk.operator.plan.chains)})


def _complaints(error: ProberError) -> list[str]:
    return [str(problem) for problem in error.problems] if isinstance(error, ConfigError) else [str(error)]
