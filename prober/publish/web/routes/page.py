"""The page people open: each chain's verdict in words, its steps, its cause. Rendered here, no script in it."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from prober.model.chain import Chain
from prober.model.report import Report
from prober.publish import words
from prober.publish.board import Board
from prober.publish.remembered import Remembered
from prober.publish.web.desk import AtDesk
from prober.publish.web.problems import Problem, told

router = APIRouter(include_in_schema=False)

_WEB = Path(__file__).parent.parent
_TEMPLATES = Environment(
    loader=FileSystemLoader(_WEB / "templates"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
)

_MEDIA_TYPES = {"page.css": "text/css; charset=utf-8", "icon.svg": "image/svg+xml"}
_STATIC = {name: (_WEB / "static" / name).read_bytes() for name in _MEDIA_TYPES}

#: Seconds between two looks of an open page.
_REFRESH_SECONDS = 15


@dataclass(frozen=True, slots=True)
class _Card:
    """One chain on the page."""

    chain: Chain
    report: Report | None
    state: str  # of the stylesheet: pass, fail, blind, partial, stale, none
    when: str
    ratio: str
    before: Remembered | None = None  # where it has not run since we were started

    @property
    def run_id(self) -> str | None:
        """The run it tells of."""
        if self.report is not None:
            return self.report.run.id
        return self.before.run_id if self.before else None


@router.get("/", response_class=HTMLResponse)
async def page(desk: AtDesk) -> HTMLResponse:
    """What holds now, for people."""
    plan, board = desk.operator.plan, desk.board
    cards = [_card(chain, board) for chain in plan.chains.values()]
    template = _TEMPLATES.get_template("page.html")
    html = template.render(
        plan=plan, cards=cards, words=words, now=board.now(), refresh=_REFRESH_SECONDS, selftest=board.selftest
    )
    return HTMLResponse(html)


@router.get("/static/{name}", responses=told(404))
async def static(name: str) -> Response:
    """The stylesheet and the icon; nothing else is served from the disk."""
    if name not in _STATIC:
        raise Problem(404, "no such file")
    return Response(_STATIC[name], media_type=_MEDIA_TYPES[name])


def _card(chain: Chain, board: Board) -> _Card:
    report, before = board.latest.get(chain.name), board.before.get(chain.name)
    if report is None and before is not None:
        return _before_restart(chain, before, board)
    if report is None:
        return _Card(chain, None, "none", "not run yet", words.percent(None))
    state = "stale" if board.is_stale(report) else str(report.run.verdict)
    return _Card(chain, report, state, ago(report.run.ended, board.now()), _ratio(report))


def _before_restart(chain: Chain, before: Remembered, board: Board) -> _Card:
    state = "stale" if board.is_old(chain.name, before.ended) else str(before.verdict)
    when = f"{ago(before.ended, board.now())}, before the prober was restarted"
    return _Card(chain, None, state, when, words.percent(before.window["ratio"]), before)


def _ratio(report: Report) -> str:
    """The longest window has the most to go by."""
    told = [window for window in report.windows if window.samples]
    return f"{words.percent(told[-1].ratio)} over {told[-1].name}" if told else words.percent(None)


_UNITS = ((86400, "day"), (3600, "hour"), (60, "minute"), (1, "second"))


def ago(at: datetime, now: datetime) -> str:
    """`2 minutes ago`, in the largest unit that fits."""
    seconds = max(0, int((now - at).total_seconds()))
    for length, unit in _UNITS:
        if seconds >= length:
            count = seconds // length
            return f"{count} {unit}{'s' if count > 1 else ''} ago"
    return "just now"
