"""Gates: judging a deploy for whoever asks over HTTP: to be followed, or in one answer, as deploy controllers want."""

import asyncio
import io
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from math import ceil
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import JSONResponse, PlainTextResponse, Response
from pydantic import BaseModel, ConfigDict, Field
from rich.console import Console

from prober.model.aims import Aims
from prober.model.caller import Scope
from prober.model.chain import Trigger
from prober.model.errors import StoreUnavailable
from prober.model.gate import GateVerdict
from prober.model.order import Intent, Kind, Order, OrderState
from prober.publish import gate_text
from prober.publish.document import Document, moment
from prober.publish.gate_document import progress_document
from prober.publish.gate_markdown import markdown
from prober.publish.gate_words import unprovable
from prober.publish.web.asking import GOING, LONGEST_WAIT_SECONDS, WHYS, Key, TriggerRoute, state_of, take
from prober.publish.web.audit import Call, ThisCall
from prober.publish.web.body import PRINTABLE, Accept, Id, Named, Whole, body_of, described
from prober.publish.web.desk import READING, AtDesk, Desk, may, may_read
from prober.publish.web.problems import PROBLEM_SCHEMA, Problem, ProblemResponse, told

_USUAL = Aims()

router = APIRouter(tags=["gates"])
_reading = APIRouter(prefix="/api/v1", dependencies=[Depends(may_read)], responses=READING)
_asking = APIRouter(prefix="/api/v1", route_class=TriggerRoute, dependencies=[Depends(may(Scope.RUN))])
_hooks = APIRouter(route_class=TriggerRoute, dependencies=[Depends(may(Scope.RUN, takes_basic=True))])

Timeout = Annotated[float, Query(alias="timeout", gt=0, le=LONGEST_WAIT_SECONDS)]


class GateBody(BaseModel):
    """Which deploy is to be judged, and how surely."""

    model_config = ConfigDict(extra="forbid", strict=True)

    chain: str = Field(max_length=200, pattern=PRINTABLE)
    revision: str = Field(default="", max_length=128, pattern=PRINTABLE, description="what was deployed")
    prove: float | None = Field(default=None, gt=0, lt=1, description="a pass must prove this ratio, such as 0.95")
    rounds: Whole = Field(default=_USUAL.most_rounds, ge=1, le=1000, description="give up after so many")
    warm_up: float = Field(
        default=_USUAL.warm_up_seconds, alias="warmUp", ge=0, le=600, description="seconds in which nothing is judged"
    )
    reason: str = Field(default="", max_length=500, pattern=PRINTABLE, description="why it is asked for")

    def order(self) -> Order:
        """What is asked for."""
        aims = Aims(revision=self.revision, proven=self.prove, most_rounds=self.rounds, warm_up_seconds=self.warm_up)
        return _order(self.chain, aims, self.reason)


def _order(chain: str, aims: Aims, reason: str) -> Order:
    return Order(kind=Kind.GATE, chain=chain, trigger=Trigger.DEPLOY, revision=aims.revision, reason=reason, aims=aims)


async def _body(request: Request) -> GateBody:
    return await body_of(request, GateBody)


# ── how a gate is told ───────────────────────────────────────────────────────────────────────────────────────────────


def _text(gate: Document) -> str:
    told_to = io.StringIO()
    gate_text.render(gate, Console(file=told_to, force_terminal=False, color_system=None))
    return told_to.getvalue()


def _junit(gate: Document) -> str:
    from prober.publish import junit  # noqa: PLC0415 - it brings lxml, 4 MiB; few ask for it

    return junit.of_gates([gate])


#: What `Accept` may ask for of a gate that is done; the first unless it asks for another.
FORMS: Mapping[str, Callable[[Document], Response]] = {
    "application/json": JSONResponse,
    "text/plain": lambda gate: PlainTextResponse(_text(gate)),
    "text/markdown": lambda gate: PlainTextResponse(markdown(gate), media_type="text/markdown"),
    "application/junit+xml": lambda gate: Response(_junit(gate), media_type="application/junit+xml"),
}

_FORMS_DESCRIBED: dict[int | str, dict[str, Any]] = {
    200: {"description": "The gate", "content": {form: {} for form in FORMS}}
}


async def _form(accept: Accept = "*/*") -> str:
    """The first of the forms that `Accept` names, or wants most (RFC 9110 §12.5.1); raises the Problem for none."""
    wanted = sorted((_weighed(each) for each in accept.split(",")), key=lambda each: -each[0])
    for weight, media_type in wanted:
        found = next((form for form in FORMS if weight > 0 and _suits(form, media_type)), None)
        if found:
            return found
    raise Problem(406, f"a gate is told as {', '.join(FORMS)}")


def _weighed(part: str) -> tuple[float, str]:
    media_type, *parameters = (each.strip().lower() for each in part.split(";"))
    weight = next((each[2:] for each in parameters if each.startswith("q=")), "1")
    return (float(weight) if weight.replace(".", "", 1).isdecimal() else 0.0), media_type


def _suits(form: str, media_type: str) -> bool:
    return media_type in (form, "*/*", f"{form.partition('/')[0]}/*", "")


Form = Annotated[str, Depends(_form)]


async def _told(desk: Desk, intent: Intent, form: str) -> Response:
    """A gate as it is now; one that is done is put into words beside the event loop: of many steps that takes long."""
    where = {"Content-Location": f"/api/v1/gates/{intent.id}"}
    if intent.told is not None:
        answer = await _in_words(desk, dict(intent.told), form)
        answer.headers.update(where)
        return answer
    if intent.state in GOING:
        return _going(desk, intent)
    return JSONResponse(state_of(intent), headers=where)


async def _in_words(desk: Desk, gate: Document, form: str) -> Response:
    try:
        async with desk.telling:
            return await asyncio.to_thread(FORMS[form], gate)
    except (KeyError, TypeError, ValueError) as error:
        raise Problem(406, "this gate was kept by another release; it can be had as application/json alone") from error


def _going(desk: Desk, intent: Intent) -> Response:
    headers = {"Location": f"/api/v1/gates/{intent.id}", "Retry-After": "1"}
    progress = _progress(desk, intent.id)
    return JSONResponse({**state_of(intent), **({"progress": progress} if progress else {})}, 202, headers)


def _progress(desk: Desk, gate_id: str) -> Document | None:
    """How far it is, where it is held here."""
    progress = desk.operator.progress(gate_id)
    return progress_document(progress) if progress else None


# ── to be followed ───────────────────────────────────────────────────────────────────────────────────────────────────


@_asking.post(
    "/gates",
    status_code=202,
    response_class=JSONResponse,
    openapi_extra=described(GateBody, required=True),
    responses={**_FORMS_DESCRIBED, **told(400, 401, 403, 404, 406, 408, 409, 415, 421, 422, 429)},
)
async def start(  # noqa: PLR0913 - each parameter is a part of the request
    desk: AtDesk,
    call: ThisCall,
    body: Annotated[GateBody, Depends(_body)],
    form: Form,
    *,
    key: Key = "",
    wait: bool = False,
    timeout_seconds: Timeout = 60.0,
) -> Response:
    """Judge a deploy: 202 and where to look, or with `wait` 200 and the verdict when it is there in time."""
    order = body.order()
    if order.aims is not None and (why := unprovable(order.aims)):
        raise Problem(422, f"prove: {why}")
    gate_id = await take(desk, call, order, key)
    intent = await _followed(desk, gate_id, timeout_seconds if wait else 0.0)
    if intent is None:
        return JSONResponse({"id": gate_id, "state": OrderState.WAITING}, 202, {"Location": f"/api/v1/gates/{gate_id}"})
    return await _told(desk, intent, form)


async def _followed(desk: Desk, gate_id: str, timeout_seconds: float) -> Intent | None:
    """What has become of it by then; None where the store, that had it, is away now."""
    try:
        return await desk.operator.followed(gate_id, timeout_seconds)
    except StoreUnavailable:
        return None


_MOST_GATES = 100


@_reading.get("/gates", response_class=JSONResponse, responses=told(401, 422, 503))
async def gates(desk: AtDesk, limit: Annotated[int, Query(ge=1, le=_MOST_GATES)] = 20) -> JSONResponse:
    """The newest gates: what each is about, how far it is, and what it came to."""
    try:
        found = await desk.operator.gates(limit)
    except StoreUnavailable as error:
        raise Problem(503, "the store is away; ask again", headers={"Retry-After": "5"}) from error
    return JSONResponse({"gates": [gate_line(intent) for intent in found]})


def gate_line(intent: Intent) -> Document:
    """A gate in a line."""
    told = intent.told or {}
    about = {"revision": intent.order.revision, "asked": moment(intent.asked)}
    return {**state_of(intent), **about, "verdict": told.get("verdict"), "sentence": told.get("sentence", "")}


@_reading.get(
    "/gates/{gate_id}",
    response_class=JSONResponse,
    responses={**_FORMS_DESCRIBED, 202: {"description": "Waiting or running"}, **told(406, 422)},
)
async def gate(gate_id: Id, desk: AtDesk, form: Form) -> Response:
    """A gate: how far it is, what it came to, or why it came to nothing."""
    try:
        intent = await desk.operator.intent(gate_id)
    except StoreUnavailable as error:
        raise Problem(503, "the store is away; it is not known whether this gate is kept") from error
    if intent is None or intent.order.kind is not Kind.GATE:
        raise Problem(404, "no gate with this id is kept")
    return await _told(desk, intent, form)


# ── in one answer ────────────────────────────────────────────────────────────────────────────────────────────────────


class Metadata(BaseModel):
    """What whoever configures Flagger has it say."""

    model_config = ConfigDict(extra="ignore")

    revision: str = Field(default="", max_length=128, pattern=PRINTABLE)


class HookBody(BaseModel):
    """What deploy controllers send: of Flagger's payload `metadata.revision` is heeded, of others' `revision`."""

    model_config = ConfigDict(extra="ignore")

    revision: str = Field(default="", max_length=128, pattern=PRINTABLE)
    checksum: str = Field(default="", max_length=128, pattern=PRINTABLE)
    phase: str = Field(default="", max_length=128, pattern=PRINTABLE)
    metadata: Metadata = Field(default_factory=Metadata)

    def order(self, chain: str) -> Order:
        """A gate as it is usually held."""
        order = _order(chain, Aims(revision=self.revision or self.metadata.revision), self.phase)
        return replace(order, checksum=self.checksum)


async def _hook(request: Request) -> HookBody:
    return await body_of(request, HookBody)


#: Only a go is 2xx; what is not known is no «no», and may be asked again.
_UNKNOWN = 503
_STATUSES: Mapping[str, int] = {GateVerdict.PASS: 200, GateVerdict.FAIL: 409, GateVerdict.INCONCLUSIVE: _UNKNOWN}

#: A verdict that nobody was there to hear is told to the next that asks alike, if that comes so soon.
_FRESH = timedelta(minutes=2)

#: How `take` refuses a gate of what is paused.
_PAUSED = 409

_INCONCLUSIVE_SECONDS = "30"


@_hooks.post(
    "/gate/{chain}",
    response_class=PlainTextResponse,
    openapi_extra=described(HookBody),
    responses={
        200: {"description": "Go"},
        409: {"description": "No go, and why", "content": {"text/plain": {}}},
        **told(400, 401, 403, 404, 408, 415, 421, 422, 429),
        503: {
            "description": "Not known",
            "content": {"text/plain": {}, ProblemResponse.media_type: {"schema": PROBLEM_SCHEMA}},
        },
    },
)
async def hook(
    chain: Named,
    desk: AtDesk,
    call: ThisCall,
    body: Annotated[HookBody, Depends(_hook)],
    timeout_seconds: Timeout = 60.0,
) -> Response:
    """Go (200) or no go (409) in one answer; 503 where it is not known: still undecided, or not enough evidence."""
    order = body.order(chain)
    gate_id = await _joined(desk, call, order)
    intent = await _followed(desk, gate_id, timeout_seconds)
    if intent is not None and intent.state not in GOING:
        desk.undelivered.pop(order.wanted, None)
        return _verdict(intent)
    desk.deliver_later(order, gate_id)
    return _undecided(desk, chain, gate_id)


async def _joined(desk: Desk, call: Call, order: Order) -> str:
    """The gate whose end the last such call did not live to hear, or else one that is asked for now."""
    earlier = desk.undelivered.get(order.wanted)
    found = await _followed(desk, earlier, 0.0) if earlier else None
    if found is None or not _is_meant(found):
        return await _taken(desk, call, order)
    call.chain, call.id, call.outcome = order.chain, found.id, "coalesced"
    desk.board.trigger_requested(call.outcome)
    return found.id


async def _taken(desk: Desk, call: Call, order: Order) -> str:
    """409 is a «no go» here: that nothing is looked at, as an operator has paused it, is neither."""
    try:
        return await take(desk, call, order)
    except Problem as refused:
        if refused.status == _PAUSED:
            raise Problem(_UNKNOWN, refused.detail, headers={"Retry-After": _INCONCLUSIVE_SECONDS}) from refused
        raise


def _is_meant(gate: Intent) -> bool:
    """Whether who asks is taken for who was told to ask again: while it goes on, and soon after its end."""
    return gate.state in GOING or (gate.told is not None and _is_fresh(gate.told))


def _is_fresh(gate: Mapping[str, Any]) -> bool:
    """Whether it still speaks of the deploy that is asked about: no gate of the last lets the next one go."""
    return datetime.now(UTC) - datetime.fromisoformat(gate["ended"]) < _FRESH


def _verdict(intent: Intent) -> Response:
    where = {"Content-Location": f"/api/v1/gates/{intent.id}"}
    again = {**where, "Retry-After": _INCONCLUSIVE_SECONDS}
    if intent.told is None:
        why = WHYS[intent.why] if intent.why else "what it came to is kept no longer"
        return PlainTextResponse(f"{intent.order.chain}: NO VERDICT: {why}.\n", 503, again)
    status = _STATUSES[intent.told["verdict"]]
    return PlainTextResponse(f"{intent.told['sentence']}\n", status, where if status != _UNKNOWN else again)


def _undecided(desk: Desk, chain: str, gate_id: str) -> Response:
    apart_seconds = ceil(60 / desk.operator.plan.admission.per_minute)  # whoever keeps to it is within its pace
    headers = {"Retry-After": str(apart_seconds), "Location": f"/api/v1/gates/{gate_id}"}
    progress = _progress(desk, gate_id)
    so_far = f" after {progress['judged']} rounds, {progress['failures']} failed" if progress else ""
    return PlainTextResponse(f"{chain}: STILL UNDECIDED{so_far}. It goes on: ask again.\n", _UNKNOWN, headers)


for family in (_asking, _reading, _hooks):
    router.include_router(family)
