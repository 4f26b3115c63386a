"""The evidence page of a run, as text, HTML or JSON: what was sent, what came back, and what it means."""

import asyncio
import base64
import hashlib
from collections.abc import Callable, Mapping
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from fastapi import APIRouter, Depends
from fastapi.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response

from prober.model.errors import StoreUnavailable
from prober.publish import words
from prober.publish.document import Document
from prober.publish.evidence import Evidence, Look, evidence_document, evidence_of
from prober.publish.evidence_text import evidence_text
from prober.publish.web.body import Accept, Id
from prober.publish.web.desk import READING, AtDesk, Desk, may_read
from prober.publish.web.problems import Problem, told

if TYPE_CHECKING:
    from jinja2 import Template

router = APIRouter(prefix="/api/v1", tags=["runs"], dependencies=[Depends(may_read)], responses=READING)

_WEB = Path(__file__).parent.parent
_STYLE = (_WEB / "static/evidence.css").read_text(encoding="utf-8")
_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()

#: The page holds its own style and nothing else: no script, no image, no frame, nothing from anywhere.
PAGE_POLICY = (
    f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


class Format(StrEnum):
    """How the page is wanted."""

    TEXT = "text"
    HTML = "html"
    JSON = "json"


#: The page, for the description of a route.
IN_EACH_FORM: dict[str, object] = {"content": {"text/plain": {}, "text/html": {}, "application/json": {}}}

#: A bar is at least so wide, of a hundred: what was quick is seen too.
_THINNEST = 0.5


@router.get(
    "/runs/{run_id}/evidence",
    response_class=Response,
    responses={200: IN_EACH_FORM, **told(409, 422)},
)
async def evidence(
    run_id: Id,
    desk: AtDesk,
    accept: Accept = "",
    format: Format | None = None,  # noqa: A002 - the name it has in the address
) -> Response:
    """Everything there is to show of a run that is kept: text, or HTML or JSON where `Accept` or `format` asks."""
    try:
        kept = await desk.history.get(run_id)
    except StoreUnavailable as error:
        raise Problem(503, "the store is away; it is not known whether this run is kept") from error
    if kept is None and desk.operator.is_running(run_id):
        raise Problem(409, "this run is still going; ask again", headers={"Retry-After": "1"})
    if kept is None:
        raise Problem(404, "no run with this id is kept")
    return await rendered(desk, kept, format or wanted(accept))


async def rendered(desk: Desk, kept: Document, format_: Format) -> Response:
    """The page, made beside the event loop and one at a time, as that of the metrics is."""
    async with desk.showing:
        return await asyncio.to_thread(page, kept, format_)


def page(kept: Document, format_: Format) -> Response:
    """The page of the run that `kept` is the document of."""
    try:
        found = evidence_of(kept)
    except (KeyError, TypeError, ValueError) as error:
        raise Problem(404, "this run was kept by another release, in a form that is not read here") from error
    return _PAGES[format_](found)


def wanted(accept: str) -> Format:
    """What `Accept` likes best of what there is; text for who takes anything, as with curl."""
    liked = sorted(map(_liked, accept.split(",")), key=lambda each: -each[1])
    return next((_MEDIA[media] for media, quality in liked if media in _MEDIA and quality > 0), Format.TEXT)


def _liked(entry: str) -> tuple[str, float]:
    """A media type and its quality (RFC 9110 §12.4.2); what is no number is none."""
    media, _, parameters = entry.partition(";")
    quality = parameters.strip().removeprefix("q=")
    return media.strip().lower(), float(quality) if quality.replace(".", "", 1).isdecimal() else 1.0


_MEDIA: Mapping[str, Format] = {
    "text/plain": Format.TEXT,
    "text/html": Format.HTML,
    "application/json": Format.JSON,
    "text/*": Format.TEXT,
    "*/*": Format.TEXT,
}


@cache
def _template() -> "Template":
    """Made for the first who looks, in the thread in which pages are made."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined  # noqa: PLC0415 - not before somebody looks

    templates = Environment(
        loader=FileSystemLoader(_WEB / "templates"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    return templates.get_template("evidence.html")


def _html(found: Evidence) -> Response:
    bars = [_bar(look, found.duration_seconds) for look in found.looks]
    html = _template().render(page=found, bars=bars, words=words, style=_STYLE)
    return HTMLResponse(html, headers={"Content-Security-Policy": PAGE_POLICY})


def _bar(look: Look, run_seconds: float) -> tuple[float, float] | None:
    """Where the bar of a look begins and how wide it is, of a hundred; None for one that was not taken."""
    if look.offset_seconds is None or look.duration_seconds is None:
        return None
    whole = max(run_seconds, look.offset_seconds + look.duration_seconds) or 1.0
    begins = min(max(0.0, look.offset_seconds / whole * 100), 100 - _THINNEST)
    return round(begins, 2), round(max(_THINNEST, look.duration_seconds / whole * 100), 2)


_PAGES: Mapping[Format, Callable[[Evidence], Response]] = {
    Format.TEXT: lambda found: PlainTextResponse(evidence_text(found)),
    Format.HTML: _html,
    Format.JSON: lambda found: JSONResponse(evidence_document(found)),
}
