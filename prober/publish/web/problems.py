"""Every error answer: application/problem+json (RFC 9457), with what a caller can act on and nothing of our insides."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import ValidationError
from starlette.exceptions import HTTPException
from starlette.routing import Match

from prober.publish.words import printable


class Problem(Exception):
    """An error to answer with; `errors` lists every complaint when there are several."""

    def __init__(
        self, status: int, detail: str, *, errors: Sequence[object] = (), headers: Mapping[str, str] | None = None
    ) -> None:
        """Answer `status` and say in one sentence what is wrong and what would do."""
        super().__init__(status, detail)
        self.status, self.detail, self.errors = status, detail, tuple(errors)
        self.headers = {**_ALWAYS.get(status, {}), **(headers or {})}

    def __str__(self) -> str:
        return f"{self.status}: {self.detail}"


#: What an answer of such a status always says: a store that is away is asked again every few seconds.
_ALWAYS: Mapping[int, Mapping[str, str]] = {503: {"Retry-After": "5"}}


class ProblemResponse(JSONResponse):
    """The answer as it goes out."""

    media_type = "application/problem+json"


#: So many complaints are told of a request, and of each name so much.
MOST_COMPLAINTS = 20
_LONGEST_PLACE = 80

#: The description of an error, for the routes' own.
PROBLEM_SCHEMA = {
    "type": "object",
    "required": ["type", "title", "status"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "errors": {"type": "array", "items": {}},
    },
}


def told(*statuses: int) -> dict[int | str, dict[str, object]]:
    """The error answers of a route, for its description."""
    content = {ProblemResponse.media_type: {"schema": PROBLEM_SCHEMA}}
    return {status: {"description": HTTPStatus(status).phrase, "content": content} for status in statuses}


def answer(problem: Problem) -> ProblemResponse:
    """`problem` as a response."""
    document: dict[str, object] = {
        "type": "about:blank",
        "title": HTTPStatus(problem.status).phrase,
        "status": problem.status,
        "detail": problem.detail,
    }
    if problem.errors:
        document["errors"] = list(problem.errors)
    return ProblemResponse(document, problem.status, problem.headers)


def complaints(error: ValidationError | RequestValidationError) -> list[dict[str, str]]:
    """Where each value is and what would do, of the first few; what was sent is not repeated, but for names."""
    return [{"at": _place(each["loc"]), "wanted": str(each["msg"])} for each in error.errors()[:MOST_COMPLAINTS]]


def _place(parts: Sequence[object]) -> str:
    """A name that is not known here may be anything, also half a character, which no answer can hold."""
    return printable(".".join(map(str, parts))[:_LONGEST_PLACE])


def install(app: FastAPI) -> None:
    """Answer every error of `app` as a problem. What nobody foresaw is the shell's business, see shell.py."""
    app.add_exception_handler(Problem, _problem)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(RequestValidationError, _invalid)


async def _problem(_request: Request, error: Exception) -> ProblemResponse:
    assert isinstance(error, Problem)  # noqa: S101 - for the type checker; Starlette looks handlers up by type
    return answer(error)


async def _http(request: Request, error: Exception) -> ProblemResponse:
    assert isinstance(error, HTTPException)  # noqa: S101 - as above
    headers = dict(error.headers or {})
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        headers["Allow"] = ", ".join(method for method, asked in _METHODS.items() if _is_there(request, asked))
    return answer(Problem(error.status_code, _SAID.get(error.status_code, error.detail), headers=headers))


#: Whether a path takes a method its routes say, each for its own; the shell answers HEAD for every GET.
_METHODS = {"GET": "GET", "HEAD": "GET", "POST": "POST", "PUT": "PUT", "PATCH": "PATCH", "DELETE": "DELETE"}


def _is_there(request: Request, method: str) -> bool:
    scope = {**request.scope, "method": method}
    return any(route.matches(dict(scope))[0] is Match.FULL for route in request.app.router.routes)


_SAID: Mapping[int, str] = {
    404: "there is nothing here; /openapi.json lists what there is",
    405: "this path takes other methods, see the Allow header",
}


async def _invalid(_request: Request, error: Exception) -> ProblemResponse:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - as above
    return answer(Problem(422, "a parameter is not valid", errors=complaints(error)))
