"""What is configured, and what holds now."""

from fastapi import APIRouter, Depends
from fastapi.responses import JSONResponse

from prober.model.chain import Chain, Step
from prober.model.report import Report
from prober.model.selftest import SelfTest
from prober.publish.board import Board
from prober.publish.document import Document, document, moment
from prober.publish.paused import pause_document
from prober.publish.remembered import Remembered
from prober.publish.web.desk import READING, AtDesk, may_read
from prober.publish.web.operator import Operator

router = APIRouter(prefix="/api/v1", tags=["status"], dependencies=[Depends(may_read)], responses=READING)


@router.get("/chains", response_class=JSONResponse)
async def chains(desk: AtDesk) -> JSONResponse:
    """The chains as configured."""
    plan = desk.operator.plan
    configured = [{**_chain(chain), **_age(chain, desk.board)} for chain in plan.chains.values()]
    return JSONResponse({"environment": plan.environment, "chains": configured})


def _age(chain: Chain, board: Board) -> Document:
    """When the chain last ran, and whether that is too long ago to tell what holds now; null before the first run."""
    ended = board.last_runs().get(chain.name)
    return {"ended": moment(ended), "stale": board.is_old(chain.name, ended)} if ended else _NO_AGE


_NO_AGE: Document = {"ended": None, "stale": None}


def _chain(chain: Chain) -> Document:
    return {
        "name": chain.name,
        "intervalSeconds": chain.interval_seconds,
        "deadlineSeconds": chain.deadline_seconds,
        "threshold": chain.threshold,
        "steps": [_step(step) for step in chain.steps],
    }


def _step(step: Step) -> Document:
    return {
        "name": step.name,
        "kind": step.kind,
        "service": step.service.name,
        "needs": list(step.needs),
        "control": step.is_control,
    }


@router.get("/status", response_class=JSONResponse)
async def status(desk: AtDesk) -> JSONResponse:
    """What each chain's latest run came to; `up` is null when that is not known, too old (`stale`), or `paused`."""
    plan = desk.operator.plan
    states = [{**_state(chain, desk.board), **_next(chain, desk.operator)} for chain in plan.chains.values()]
    selftest = _selftest(desk.board.selftest)
    about = {"environment": plan.environment, "ready": desk.operator.ready, "selftest": selftest}
    about["pauses"] = [pause_document(each) for each in desk.board.stopped.pauses]
    return JSONResponse({**about, "chains": states})


def _selftest(selftest: SelfTest | None) -> Document:
    if selftest is None:
        return {"up": None, "ended": None, "complaints": []}
    return {"up": selftest.passed, "ended": moment(selftest.at), "complaints": list(selftest.complaints)}


def _state(chain: Chain, board: Board) -> Document:
    report, before = board.latest.get(chain.name), board.before.get(chain.name)
    told = _latest(report) if report else _remembered(before) if before else _NOTHING_YET
    paused = board.stopped.chains.get(chain.name)
    by = {"paused": pause_document(paused) if paused else None}
    return {"name": chain.name, "up": board.is_up(chain.name), **told, **_age(chain, board), **by}


def _next(chain: Chain, operator: Operator) -> Document:
    """When the schedule looks next; null while it does not tick."""
    due = operator.next_turn(chain.name)
    return {"next": moment(due) if due else None}


_NOTHING_YET: Document = {"verdict": None, "runId": None, "causes": [], "window": None}


def _remembered(before: Remembered) -> Document:
    return {
        "verdict": before.verdict,
        "runId": before.run_id,
        "causes": list(before.causes),
        "window": before.window,
    }


def _latest(report: Report) -> Document:
    return {
        "verdict": report.run.verdict,
        "runId": report.run.id,
        "causes": [named.cause.name for named in report.diagnosis.causes],
        "window": document(report)["window"],
    }
