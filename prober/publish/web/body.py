"""Bodies: none, or JSON of a known shape, of bounded size and in bounded time."""

import asyncio
import json
from typing import Annotated, Any, TypeVar

from fastapi import Path, Request
from pydantic import BaseModel, ValidationError

from prober.publish.web.problems import Problem, complaints
from prober.publish.web.shell import LARGEST_BODY, too_large

#: 16 KiB take no longer on any line that is one.
_PATIENCE_SECONDS = 10.0

#: Text in one line: nothing that moves a cursor, and no NUL, which PostgreSQL refuses. Half a character, which JSON can
#: write (`"\ud800"`) and no encoding can, is refused by pydantic wherever it has a pattern or a length to look at.
PRINTABLE = r"^[^\x00-\x1f\x7f-\x9f\u2028\u2029]*$"

#: The name of a chain in an address, and the id of a run or gate.
Named = Annotated[str, Path(pattern=PRINTABLE)]
Id = Annotated[str, Path(pattern=PRINTABLE, max_length=100)]

Shape = TypeVar("Shape", bound=BaseModel)


async def body_of(request: Request, shape: type[Shape]) -> Shape:
    """What the body says, all defaults where there is none. JSON only, which no form of another page can send."""
    body = await _read(request)
    if body and request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise Problem(415, "send the body as application/json, or send none")
    return _parsed(body or b"{}", shape)


async def _read(request: Request) -> bytes:
    body = bytearray()
    try:
        async with asyncio.timeout(_PATIENCE_SECONDS):
            async for chunk in request.stream():
                body += chunk
                if len(body) > LARGEST_BODY:
                    raise too_large()
    except TimeoutError as error:
        raise Problem(408, f"the body did not arrive within {_PATIENCE_SECONDS:.0f} s; send it again") from error
    return bytes(body)


def _parsed(body: bytes, shape: type[Shape]) -> Shape:
    try:
        return shape.model_validate(json.loads(body))
    except ValidationError as error:
        raise Problem(400, "the body is not what is understood here", errors=complaints(error)) from error
    except (ValueError, RecursionError) as error:
        raise Problem(400, "the body is not JSON") from error


def described(shape: type[BaseModel], *, required: bool = False) -> dict[str, Any]:
    """The body of a route, for its description: FastAPI does not see what `body_of` reads."""
    content = {"application/json": {"schema": shape.model_json_schema()}}
    return {"requestBody": {"required": required, "content": content}}
