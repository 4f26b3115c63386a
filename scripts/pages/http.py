"""docs/reference/http.md: every route with what it takes and answers, from what /openapi.json describes."""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

from prober.config.load import load
from prober.publish.board import Board
from prober.publish.feed import Feed
from prober.publish.history import Archive
from prober.publish.web.app import create
from prober.publish.web.operator import Operator
from scripts.pages.markdown import code, joined, listed, page, table
from scripts.pages.metrics import _ROOT

_INTRO = """\
Every route of `prober serve`. [Asking over HTTP](../http.md) tells what they promise and who may ask; `/openapi.json`
has the schemas. Errors are `application/problem+json`."""

_METHODS = ("get", "post", "put", "patch", "delete", "head")


def text() -> str:
    """The whole page."""
    found = list(routes())
    rows = [(f"[{code(route)}](#{_anchor(route)})", _first(told)) for route, told in found]
    return page("HTTP routes", _INTRO, table(("route", "does"), rows), *(_section(*each) for each in found))


def routes() -> Iterator[tuple[str, Mapping[str, Any]]]:
    """`GET /path` and its description, of every operation."""
    for path, operations in description()["paths"].items():
        yield from ((f"{method.upper()} {path}", operations[method]) for method in _METHODS if method in operations)


def description() -> dict[str, Any]:
    """What /openapi.json says; of the desk behind it nothing is asked."""
    plan = load(_ROOT / "probes.yaml", {})
    board = Board(plan, (), lambda: datetime(2026, 1, 1, tzinfo=UTC))
    nobody = cast("Operator", SimpleNamespace(bearers=tuple))
    return create(nobody, board, cast("Archive", None), Feed()).openapi()


def _anchor(route: str) -> str:
    kept = "".join(letter for letter in route.lower() if letter.isalnum() or letter in " -_")
    return kept.replace(" ", "-")


def _first(told: Mapping[str, Any]) -> str:
    """The first sentence of what it does."""
    return re.split(r"(?<=[.:;]) ", joined(told.get("description", told.get("summary", ""))))[0].rstrip(".:;")


def _section(route: str, told: Mapping[str, Any]) -> str:
    parameters = told.get("parameters", ())
    rows = [
        (code(each["name"]), each["in"], "**needed**" if each.get("required") else _default(each))
        for each in parameters
    ]
    answers = ", ".join(
        f"{code(number)} {joined(each['description'])}" for number, each in sorted(told["responses"].items())
    )
    parts = [
        f"## {route}",
        joined(told.get("description", told.get("summary", ""))),
        table(("parameter", "in", "default"), rows) if rows else "",
        "It takes a JSON body." if "requestBody" in told else "",
        f"Answers: {answers}.",
    ]
    return "\n\n".join(part for part in parts if part)


def _default(parameter: Mapping[str, Any]) -> str:
    default = parameter.get("schema", {}).get("default")
    return "–" if default in (None, "") else listed([default])
