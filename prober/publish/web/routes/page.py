"""The page people open: what holds now, why, and since when. Rendered here in parts; its script fetches those anew."""

import asyncio
import contextlib
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Depends, Query
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from prober.model.alarm import AlarmState
from prober.model.chain import Chain
from prober.model.errors import StoreUnavailable
from prober.model.trend import Recall
from prober.publish import words
from prober.publish.document import Document, document
from prober.publish.page.card import STALE, URGENCY, Card, Moments, Revision, Seen, card_of, seen_of
from prober.publish.page.stretch import HEIGHT, SPANS, WIDTH, Past, long_view_of
from prober.publish.page.vitals import vitals_of
from prober.publish.web.body import PRINTABLE
from prober.publish.web.desk import AtDesk, Desk, may_read, must_be_here
from prober.publish.web.problems import Problem, told
from prober.publish.web.routes.gates import gate_line

if TYPE_CHECKING:
    from jinja2 import Environment

router = APIRouter(include_in_schema=False)
_parts = APIRouter(prefix="/page", dependencies=[Depends(may_read)])

_WEB = Path(__file__).parent.parent

_MEDIA_TYPES = {
    "page.css": "text/css; charset=utf-8",
    "page.js": "text/javascript; charset=utf-8",
    "icon.svg": "image/svg+xml",
}
_STATIC = {name: (_WEB / "static" / name).read_bytes() for name in _MEDIA_TYPES}

#: Nothing from anywhere else, no script but our file, and no style that stands in a tag.
PAGE_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; script-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; "
    "trusted-types prober"
)

#: Chains that are asked for at once; of more the whole page is asked for.
_MOST_ASKED = 50

#: Up to so many chains are shown in full; of more, those that are well are folded.
_FEW = 3

_GATES_SHOWN, _GATES_SECONDS = 5, 2.0

#: The long view is asked of the store at most so often, however many look.
_LONG_VIEW_SECONDS = 20.0

_LIVE = (AlarmState.FIRING, AlarmState.PENDING)


# ── the whole page ───────────────────────────────────────────────────────────────────────────────────────────────────


@router.get("/", response_class=HTMLResponse)
async def page(desk: AtDesk) -> HTMLResponse:
    """What holds now, for people; where reading takes a token, an empty page that asks for one."""
    is_open = desk.operator.plan.admission.reads_are_open
    html = await _render(
        "page.html",
        title=desk.operator.plan.environment if is_open else "prober",
        is_open=is_open,
        has_metrics=desk.has_metrics,
        body=await _body(desk) if is_open else "",
    )
    return HTMLResponse(html, headers={"Content-Security-Policy": PAGE_POLICY})


@_parts.get("/body", response_class=HTMLResponse)
async def body(desk: AtDesk) -> HTMLResponse:
    """All there is on the page."""
    return HTMLResponse(await _body(desk))


async def _body(desk: Desk) -> str:
    cards = [await _rendered(desk, chain) for chain in desk.operator.plan.chains.values()]
    return "".join([await _summary(desk), *cards, await _gates(desk), await _vitals(desk)])


@router.get("/static/{name}", responses=told(404))
async def static(name: str) -> Response:
    """The stylesheet, the script and the icon; nothing else is served from the disk."""
    if name not in _STATIC:
        raise Problem(404, "no such file")
    return Response(_STATIC[name], media_type=_MEDIA_TYPES[name])


# ── what holds now ───────────────────────────────────────────────────────────────────────────────────────────────────


@_parts.get("/summary", response_class=HTMLResponse, responses=told(422))
async def summary(desk: AtDesk, chain: Annotated[Sequence[str], Query(max_length=_MOST_ASKED)] = ()) -> HTMLResponse:
    """The head of the page, our own health, and these chains as they are now: all that a few runs change, at once."""
    known = [desk.operator.plan.chains[name] for name in chain if name in desk.operator.plan.chains]
    cards = [await _rendered(desk, each) for each in known]
    return HTMLResponse("".join([await _summary(desk), *cards, await _gates(desk), await _vitals(desk)]))


async def _summary(desk: Desk) -> str:
    async def make() -> str:
        cards = [await _card(desk, chain) for chain in desk.operator.plan.chains.values()]
        first = min(cards, key=lambda card: URGENCY.index(card.state), default=None)
        states = [STALE if card.is_stale else card.state for card in cards]
        counts = {state: states.count(state) for state in (*URGENCY, STALE)}
        selftest = desk.board.selftest
        complaints = () if selftest is None else selftest.complaints
        environment = desk.operator.plan.environment
        return await _render("summary.html", environment=environment, first=first, counts=counts, complaints=complaints)

    return await desk.kept.get("summary", (_seconds(1.0), desk.board.selftest, desk.board.stopped), make)


async def _gates(desk: Desk) -> str:
    async def make() -> str:
        try:
            found = await desk.operator.gates(_GATES_SHOWN)
        except StoreUnavailable:
            found = ()
        return await _render("gates.html", gates=[gate_line(intent) for intent in found])

    return await desk.kept.get("gates", _seconds(_GATES_SECONDS), make)


async def _vitals(desk: Desk) -> str:
    async def make() -> str:
        vitals = vitals_of(desk.board, is_kept=not desk.history.is_away)
        return await _render("vitals.html", vitals=vitals)

    return await desk.kept.get("vitals", (_seconds(1.0), desk.board.selftest), make)


def _chain(desk: Desk, name: str) -> Chain:
    must_be_here(desk.operator.plan, name)
    if name not in desk.operator.plan.chains:
        raise Problem(404, "no such chain")
    return desk.operator.plan.chains[name]


async def _rendered(desk: Desk, chain: Chain) -> str:
    async def make() -> str:
        return await _render("card.html", card=await _card(desk, chain), is_few=_is_few(desk), quote=_quoted)

    return await desk.kept.get(f"card:{chain.name}", (_state(desk, chain), _is_few(desk)), make)


def _state(desk: Desk, chain: Chain) -> object:
    """While it is the same, so is the card."""
    moments = replace(_moments(desk, chain), now=datetime.min.replace(tzinfo=UTC))
    is_old = desk.board.is_old(chain.name, ended) if (ended := _ended(desk, chain)) else False
    return _last_run(desk, chain), chain, moments, is_old


def _is_few(desk: Desk) -> bool:
    return len(desk.operator.plan.chains) <= _FEW


def _last_run(desk: Desk, chain: Chain) -> str | None:
    """Of all instances, for they share the turns of a chain."""
    if heard := _newer_elsewhere(desk, chain):
        return heard.run_id
    report, before = desk.board.latest.get(chain.name), desk.board.before.get(chain.name)
    return report.run.id if report else before.run_id if before else None


def _ended(desk: Desk, chain: Chain) -> datetime | None:
    heard = _newer_elsewhere(desk, chain)
    return heard.ended if heard else desk.board.last_runs().get(chain.name)


def _newer_elsewhere(desk: Desk, chain: Chain) -> Recall | None:
    heard, ours = desk.operator.last_heard(chain.name), desk.board.last_runs().get(chain.name)
    return heard if heard and (ours is None or heard.ended > ours) else None


async def _card(desk: Desk, chain: Chain) -> Card:
    """Kept too: the head of the page asks all chains for theirs, once a second where many look."""

    async def make() -> Card:
        seen = await desk.kept.get(f"seen:{chain.name}", (_last_run(desk, chain), chain), lambda: _seen(desk, chain))
        environment, moments = desk.operator.plan.environment, _moments(desk, chain)
        return card_of(chain, environment, seen, moments, desk.board.before.get(chain.name))

    return await desk.kept.get(f"view:{chain.name}", _state(desk, chain), make)


async def _seen(desk: Desk, chain: Chain) -> Seen | None:
    """The last run: what of a card takes long to make."""
    kept = await _last_document(desk, chain)
    return await asyncio.to_thread(seen_of, kept) if kept else None


async def _last_document(desk: Desk, chain: Chain) -> Document | None:
    """Of the last run, whoever took it, or of the last one from before we were started."""
    if heard := _newer_elsewhere(desk, chain):
        with contextlib.suppress(StoreUnavailable):
            if kept := await desk.history.get(heard.run_id):
                return kept
    if report := desk.board.latest.get(chain.name):
        return await asyncio.to_thread(document, report)
    before = desk.board.before.get(chain.name)
    try:
        return await desk.history.get(before.run_id) if before else None
    except StoreUnavailable:
        return None


def _moments(desk: Desk, chain: Chain) -> Moments:
    board, name = desk.board, chain.name
    services = dict.fromkeys(step.service.name for step in chain.steps)
    told = [board.facts[service] for service in services if service in board.facts]
    return Moments(
        now=board.now(),
        paused=board.stopped.chains.get(name),
        next_turn=None if name in board.stopped.chains else _to_the_second(desk.operator.next_turn(name)),
        last_success=board.last_success.get(name),
        since=_since(desk, name),
        revisions=tuple(
            Revision(service=each.service, name=each.revision, changed=board.revision_changed.get(each.service))
            for each in told
            if each.revision
        ),
    )


def _to_the_second(at: datetime | None) -> datetime | None:
    """It is reckoned anew each time it is asked for; a microsecond more or less is not another card."""
    return (at + timedelta(seconds=0.5)).replace(microsecond=0) if at else None


def _since(desk: Desk, chain: str) -> datetime | None:
    """An alarm knows of trouble that comes and goes; the last runs of what fails each time."""
    alarms = [alarm.since for alarm in desk.board.alarms_of(chain) if alarm.state in _LIVE and alarm.since]
    return min([*alarms, *filter(None, [desk.board.trouble_since.get(chain)])], default=None)


# ── the long view ────────────────────────────────────────────────────────────────────────────────────────────────────


@_parts.get("/chains/{chain}/history", response_class=HTMLResponse, responses=told(404, 421, 422))
async def history(chain: str, desk: AtDesk, span: Annotated[str, Query(max_length=3)] = "24h") -> HTMLResponse:
    """Bars of each step over a span of time."""
    found = _chain(desk, chain)
    if span not in SPANS:
        raise Problem(422, f"span is one of {', '.join(SPANS)}")

    async def make() -> str:
        return await _long_view(desk, found, span)

    return HTMLResponse(await desk.kept.get(f"history:{span}:{chain}", _seconds(_LONG_VIEW_SECONDS), make))


async def _long_view(desk: Desk, chain: Chain, span: str) -> str:
    now, (length, buckets) = desk.board.now(), SPANS[span]
    try:
        past = Past(
            bars=await desk.history.bars(chain.name, now - length, now, buckets),
            causes=await desk.history.cause_times(chain.name, now - length),
            revisions=await desk.history.revision_marks(now - length),
            coverage=await desk.history.coverage(chain.name, now - length),
        )
    except StoreUnavailable as error:
        return await _render("history_away.html", why=str(error))
    names = [step.name for step in chain.steps]
    view = await asyncio.to_thread(long_view_of, span, now, names, past)
    return await _render(
        "history.html", view=view, chain=chain, spans=SPANS, width=WIDTH, height=HEIGHT, quote=_quoted, stamp=_stamp
    )


def _stamp(at: datetime) -> str:
    return quote(at.isoformat())


@_parts.get("/chains/{chain}/at", response_class=RedirectResponse, status_code=303, responses=told(404, 421, 422, 503))
async def at(
    chain: str,
    desk: AtDesk,
    step: Annotated[str, Query(max_length=200, pattern=PRINTABLE)],
    since: datetime,
    until: datetime,
) -> RedirectResponse:
    """To the evidence of the run in which a step failed then, or else of the last that looked."""
    _chain(desk, chain)
    try:
        run_id = await desk.history.run_at(chain, step, _aware(since), _aware(until))
    except StoreUnavailable as error:
        raise Problem(503, "the store is away; ask again") from error
    if run_id is None:
        raise Problem(404, "no run of then is kept any more")
    return RedirectResponse(f"/api/v1/runs/{_quoted(run_id)}/evidence", 303)


def _aware(at: datetime) -> datetime:
    return at if at.tzinfo else at.replace(tzinfo=UTC)


# ── rendering ────────────────────────────────────────────────────────────────────────────────────────────────────────


async def _render(template: str, **values: Any) -> str:  # noqa: ANN401 - whatever a template knows
    """Beside the event loop, on which runs are timed."""
    return await asyncio.to_thread(lambda: _templates().get_template(template).render(values))


@cache
def _templates() -> "Environment":
    """Made for the first who looks, in a thread, and so are they compiled."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined  # noqa: PLC0415 - not before somebody looks

    templates = Environment(
        loader=FileSystemLoader(_WEB / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.globals.update(words=words)
    return templates


def _quoted(text: str) -> str:
    return quote(text, safe="")


def _seconds(length: float) -> int:
    """A state that lasts so long."""
    return int(time.monotonic() // length)


router.include_router(_parts)
