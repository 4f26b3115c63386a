"""Bodies: none, or JSON of a known shape, of bounded size and in bounded time."""

import asyncio
import json
from collections.abc import Mapping
from typing import Annotated, Any, TypeVar

from fastapi import Header, Path, Request
from pydantic import BaseModel, BeforeValidator, ValidationError

from prober.publish.web.problems import Problem, complaints
from prober.publish.web.shell import LARGEST_BODY, too_large

#: 16 KiB take no longer on any line that is one, and nobody hangs for 5 s.
_PATIENCE_SECONDS = 4.0

#: Text in one line: nothing that moves a cursor, and no NUL, which PostgreSQL refuses. Half a character, which JSON can
#: write (`"\ud800"`) and no encoding can, is refused by pydantic wherever it has a pattern or a length to look at.
PRINTABLE = r"^[^\x00-\x1f\x7f-\x9f\u2028\u2029]*$"

#: The name of a chain in an address, and the id of a run or gate.
Named = Annotated[str, Path(pattern=PRINTABLE)]
Id = Annotated[str, Path(pattern=PRINTABLE, max_length=100)]

#: What forms a caller takes; OpenAPI wants it left out of descriptions.
Accept = Annotated[str, Header(include_in_schema=False)]

#: A whole number as JSON has it, where 5.0 is one (JSON Schema, validation §6.1.1).
Whole = Annotated[
    int, BeforeValidator(lambda told: int(told) if isinstance(told, float) and told.is_integer() else told)
]

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
    schema = shape.model_json_schema()
    content = {"application/json": {"schema": _inlined(schema, schema.pop("$defs", {}))}}
    return {"requestBody": {"required": required, "content": content}}


def _inlined(schema: Any, shapes: Mapping[str, Any]) -> Any:  # noqa: ANN401 - JSON
    """A shape within a shape in its place: there is no table of them where the description could refer to."""
    if isinstance(schema, list):
        return [_inlined(each, shapes) for each in schema]
    if not isinstance(schema, dict):
        return schema
    if ref := schema.get("$ref"):
        schema = {**shapes[ref.rpartition("/")[2]], **schema}
    return {name: _inlined(value, shapes) for name, value in schema.items() if name != "$ref"}
