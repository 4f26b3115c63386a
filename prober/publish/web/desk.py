"""Desk: what the routes work with, handed to each by FastAPI."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Annotated, cast

from fastapi import Depends, Request

from prober.model.caller import Caller, Scope
from prober.model.chain import Plan
from prober.model.errors import ChainElsewhere
from prober.model.order import Order
from prober.publish.board import Board
from prober.publish.feed import Feed
from prober.publish.history import Archive
from prober.publish.web.audit import call_of
from prober.publish.web.door import Door, Stranger
from prober.publish.web.kept import Kept
from prober.publish.web.operator import Operator
from prober.publish.web.pace import Pace, Strangers
from prober.publish.web.problems import Problem, told

#: More than there are deploys under way.
_UNDELIVERED = 100


@dataclass(slots=True)
class Desk:
    """Everything the routes may use."""

    operator: Operator
    board: Board
    history: Archive
    feed: Feed
    door: Door
    undelivered: dict[Order, str] = field(default_factory=dict)  # gates that ended, or will, with nobody there to hear
    pace: Pace = field(default_factory=lambda: Pace(time.monotonic))
    strangers: Strangers = field(default_factory=lambda: Strangers(time.monotonic))
    rendering: asyncio.Lock = field(default_factory=asyncio.Lock)  # held while a metrics page is made
    showing: asyncio.Lock = field(default_factory=asyncio.Lock)  # while an evidence page is
    telling: asyncio.Lock = field(default_factory=asyncio.Lock)  # while a gate is put into words
    kept: Kept = field(default_factory=Kept)  # of the page
    has_metrics: bool = True  # at this address, not at one of their own
    probing: int = 0  # callers of /probe that wait now

    def deliver_later(self, order: Order, gate_id: str) -> None:
        """Whoever asks for this next is told what this gate comes to."""
        self.undelivered.pop(order.wanted, None)
        self.undelivered[order.wanted] = gate_id
        while len(self.undelivered) > _UNDELIVERED:
            del self.undelivered[next(iter(self.undelivered))]


async def _desk(request: Request) -> Desk:
    return cast("Desk", request.app.state.desk)


AtDesk = Annotated[Desk, Depends(_desk)]


def may(scope: Scope, *, takes_basic: bool = False) -> Callable[[Request, Desk], Awaitable[None]]:
    """What routes depend on that make us do something: the caller may, and does not ask too often."""

    async def past_the_door(request: Request, desk: AtDesk) -> None:
        caller = let_in(request, desk, scope, takes_basic=takes_basic)
        desk.pace.check(caller.name, desk.operator.plan.admission)

    return past_the_door


def let_in(request: Request, desk: Desk, scope: Scope, *, takes_basic: bool = False) -> Caller:
    """Who is let in; raises the Problem to answer everyone else with. Whom we know is told of, let in or not."""
    call = call_of(request)
    try:
        caller = desk.door.check(request.headers, scope, takes_basic=takes_basic)
    except Stranger as refused:
        call.caller = refused.name
        desk.strangers.refused(request.client.host if request.client else "")
        raise
    call.caller = caller.name
    return caller


#: How who may not read is answered, for the description of those routes.
READING = told(401, 403, 404, 429)


async def may_read(request: Request, desk: AtDesk) -> None:
    """What routes depend on that tell of the past: everybody, unless the config says otherwise."""
    if not desk.operator.plan.admission.reads_are_open:
        let_in(request, desk, Scope.READ)


def must_be_here(plan: Plan, chain: str) -> None:
    """Raises the Problem to answer with where another shard has a chain."""
    if where := plan.elsewhere.get(chain):
        raise Problem(421, str(ChainElsewhere(chain, where)))
