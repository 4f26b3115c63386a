"""Desk: what the routes work with, handed to each by FastAPI."""

import asyncio
from dataclasses import dataclass, field
from typing import Annotated, cast

from fastapi import Depends, Request

from prober.publish.board import Board
from prober.publish.history import History
from prober.publish.web.door import Door
from prober.publish.web.operator import Operator


@dataclass(slots=True)
class Desk:
    """Everything the routes may use."""

    operator: Operator
    board: Board
    history: History
    door: Door
    asked: dict[str, str] = field(default_factory=dict)  # chain → the run its last caller was given
    rendering: asyncio.Lock = field(default_factory=asyncio.Lock)  # held while a metrics page is made


async def _desk(request: Request) -> Desk:
    return cast("Desk", request.app.state.desk)


AtDesk = Annotated[Desk, Depends(_desk)]


async def past_the_door(request: Request, desk: AtDesk) -> None:
    """Routes that make us do something depend on this."""
    desk.door.check(request.headers)
