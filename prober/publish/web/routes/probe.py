"""/probe, as blackbox_exporter has it: a run of a chain in the request, told as metrics or, with `debug`, as evidence.

Open to whoever may scrape us, because it is no lever: equal calls share a run, a chain is run no sooner after the last
such run than its own interval, callers name chains and never addresses, and the budget of load holds for it as for all.
Who bears a token that may run things has it run anew.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import APIRouter, Depends, Header, Query, Request
from fastapi.responses import Response

from prober.model.caller import Scope
from prober.model.chain import Chain, Plan, Service
from prober.model.errors import ChainPaused, NothingMatched, RunBroke
from prober.model.order import Outcome
from prober.model.verdict import RunVerdict
from prober.publish.document import Document
from prober.publish.probe_metrics import render
from prober.publish.web.audit import ThisCall, call_of
from prober.publish.web.body import PRINTABLE, Accept
from prober.publish.web.desk import READING, AtDesk, Desk, let_in, may_read, must_be_here
from prober.publish.web.door import shows_token
from prober.publish.web.problems import Problem, told
from prober.publish.web.routes.evidence import IN_EACH_FORM, Format, rendered, wanted

#: So long before a scraper's patience ends it is answered; of little patience, half.
_OFFSET_SECONDS = 0.5

#: Who says nothing of its patience has so much; runs end sooner.
_PATIENCE_SECONDS = 120.0

_OUR_FAULT = "the prober could not look, so nothing is said of the target"

#: Callers that may wait at once: each holds a connection.
_MOST_WAITING = 32

_LONGEST_NAME = 500
_NAME = Query(max_length=_LONGEST_NAME, pattern=PRINTABLE)


@dataclass(frozen=True, slots=True)
class Asked:
    """What a caller says: which chain, how long it waits, in which form it wants to read."""

    chain: Annotated[str, _NAME] = ""
    target: Annotated[str, _NAME] = ""
    module: Annotated[str, _NAME] = ""
    patience_seconds: Annotated[
        float, Header(alias="X-Prometheus-Scrape-Timeout-Seconds", gt=0, allow_inf_nan=False)
    ] = _PATIENCE_SECONDS
    format: Format | None = None


router = APIRouter(tags=["runs"], responses=READING)


async def _anew(request: Request, desk: AtDesk) -> bool:
    """Whether the caller may have the chain run anew; who may not, or asks too often, is answered as everybody is.

    Told to the log where somebody shows a token; of a plain scrape the run itself tells.
    """
    if not shows_token(request.headers) or not desk.operator.bearers():
        return False
    call_of(request).is_told = True
    caller = let_in(request, desk, Scope.READ)
    if not caller.may(Scope.RUN):
        return False
    try:
        desk.pace.check(caller.name, desk.operator.plan.admission)
    except Problem:
        return False
    return True


async def _with_evidence(request: Request, desk: AtDesk, *, debug: bool = False) -> bool:
    """Whether the page is wanted instead of metrics, by one who may read reports."""
    if debug:
        await may_read(request, desk)
    return debug


@router.get(
    "/probe",
    response_class=Response,
    responses={200: IN_EACH_FORM, **told(400, 409, 421, 422)},
)
async def probe(  # noqa: PLR0913 - each parameter is a part of the request
    desk: AtDesk,
    call: ThisCall,
    asked: Annotated[Asked, Depends()],
    *,
    anew: Annotated[bool, Depends(_anew)],
    evidence: Annotated[bool, Depends(_with_evidence)],
    accept: Accept = "",
) -> Response:
    """Run the chain that `chain`, `target` or `module` names, and tell what it came to; with `debug`, the evidence."""
    named = chain_of(desk.operator.plan, asked)
    with _waiting(desk), _our_fault():
        found = await desk.operator.probe(named.name, _seconds(asked.patience_seconds), anew=anew)
    if found is None:
        raise Problem(503, _too_late(named), headers={"Retry-After": "1"})
    call.chain, call.id, call.outcome = named.name, found["run"]["id"], Outcome.ACCEPTED
    if evidence:
        return await rendered(desk, found, asked.format or wanted(accept))
    return _metrics(found, accept)


def _metrics(found: Document, accept: str) -> Response:
    """The answer; where we could not look it is none, so that nobody reads our fault as the target's."""
    if found["run"]["verdict"] == RunVerdict.BLIND:
        raise Problem(
            503, f"the prober could not look, so nothing is said of the target: {found['diagnosis']['summary']}"
        )
    body, content_type = render(found, accept)
    return Response(body, headers={"content-type": content_type})


def _seconds(patience_seconds: float) -> float:
    return min(max(patience_seconds - _OFFSET_SECONDS, patience_seconds / 2), _PATIENCE_SECONDS)


def _too_late(chain: Chain) -> str:
    return (
        f"the run of {chain.name!r} was not over in time, and no step of it has failed yet; "
        f"it may take {chain.deadline_seconds:g} s: raise scrape_timeout"
    )


@contextmanager
def _waiting(desk: Desk) -> Iterator[None]:
    if desk.probing >= _MOST_WAITING:
        raise Problem(503, f"{_MOST_WAITING} callers are waiting already", headers={"Retry-After": "1"})
    desk.probing += 1
    try:
        yield
    finally:
        desk.probing -= 1


@contextmanager
def _our_fault() -> Iterator[None]:
    """A run that broke is not one that took too long: no patience helps. Nor does it where we were told to stop."""
    try:
        yield
    except ChainPaused as error:
        raise Problem(409, str(error)) from error
    except RunBroke as error:
        raise Problem(503, f"{error}; nothing is said of the target") from error


# ── names ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def chain_of(plan: Plan, asked: Asked) -> Chain:
    """The chain that is meant: `chain` names it, or `target` does, or `module` does for a `target` that it looks at."""
    for name in (asked.chain, asked.target, asked.module):
        must_be_here(plan, name)
    if asked.chain:
        return _called(plan, asked.chain)
    if asked.target in plan.chains:
        return plan.chains[asked.target]
    if asked.module in plan.chains:
        return _looking_at(plan.chains[asked.module], asked.target)
    if name := asked.target or asked.module:
        return _called(plan, name)
    raise Problem(400, f"say which chain: ?chain=NAME; there {_there_is(tuple(plan.chains))}")


def _looking_at(chain: Chain, target: str) -> Chain:
    if target and not any(_is_at(step.service, target) for step in chain.steps):
        raise Problem(404, f"chain {chain.name!r} does not look at this target; name one of its services")
    return chain


def _called(plan: Plan, name: str) -> Chain:
    try:
        return plan.chains[name]
    except KeyError:
        raise Problem(404, str(NothingMatched(name, tuple(plan.chains)))) from None


def _there_is(names: tuple[str, ...]) -> str:
    return f"is {', '.join(names)}" if names else "is none"


def _is_at(service: Service, target: str) -> bool:
    """By the service's name, its address, or host and port alone. It is only compared: nobody has us call addresses."""
    return target.rstrip("/") in {service.name, service.url, urlsplit(service.url).netloc}
