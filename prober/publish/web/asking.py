"""Asking: what all routes share that have something done: counted, audited, taken into the books or refused."""

from collections.abc import Callable, Coroutine, Mapping
from typing import Annotated, Any

from fastapi import Header, Request, Response
from fastapi.routing import APIRoute

from prober.model.errors import (
    ChainElsewhere,
    ChainPaused,
    KeyReused,
    NothingMatched,
    ProberError,
    StoreUnavailable,
    TooMuchAsked,
)
from prober.model.order import Aborted, Asker, Intent, Order, OrderState
from prober.publish.document import Document
from prober.publish.web.audit import REFUSED, Call, call_of
from prober.publish.web.body import PRINTABLE
from prober.publish.web.desk import Desk
from prober.publish.web.pace import Flood
from prober.publish.web.problems import Problem

#: A caller's own name for its call, so that a call that is repeated is done once.
Key = Annotated[str, Header(alias="Idempotency-Key", max_length=255, pattern=PRINTABLE)]

#: Whoever asks is not told to wait for longer than this.
LONGEST_WAIT_SECONDS = 120.0

_OUTCOMES: Mapping[int, str] = {401: "unauthorized", 403: "unauthorized", 429: "limited"}


class TriggerRoute(APIRoute):
    """Counts the requests it refuses; those it takes are counted where it is known whether they were joined."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Answer, and count what is not taken."""
        handle = super().get_route_handler()

        async def counted(request: Request) -> Response:
            try:
                return await handle(request)
            except Exception as refusal:
                if call_of(request).outcome == REFUSED:
                    desk: Desk = request.app.state.desk
                    desk.board.trigger_requested(_outcome(refusal))
                raise

        return counted


def _outcome(refusal: Exception) -> str:
    if isinstance(refusal, Flood):  # of wrong tokens
        return _OUTCOMES[401]
    return _OUTCOMES.get(refusal.status, "rejected") if isinstance(refusal, Problem) else "rejected"


async def take(desk: Desk, call: Call, order: Order, key: str = "") -> str:
    """The id under which an order is in the books, now; raises the Problem to answer with where it is not."""
    call.chain = order.chain
    try:
        taken = await desk.operator.ask(order, Asker(call.caller, key))
    except (NothingMatched, ChainPaused, KeyReused, TooMuchAsked, StoreUnavailable) as error:
        raise refusal_of(error) from error
    call.id, call.outcome = taken.id, taken.outcome
    desk.board.trigger_requested(taken.outcome)
    return taken.id


def refusal_of(error: ProberError) -> Problem:
    """What an order that is not taken is answered with."""
    match error:
        case ChainElsewhere():
            return Problem(421, str(error))
        case NothingMatched():
            return Problem(404, str(error))
        case ChainPaused():
            return Problem(409, str(error))
        case KeyReused():
            return Problem(422, str(error))
        case TooMuchAsked():
            return Problem(429, str(error), headers={"Retry-After": str(error.again_seconds)})
    return Problem(503, "the store is away, so nothing was begun; ask again")


async def kept_of(desk: Desk, run_id: str) -> tuple[Document | None, Intent | None]:
    """The report of a run; where there is none, what the books know of it. Raises StoreUnavailable."""
    report = await desk.history.get(run_id)
    if report is not None:
        return report, None
    intent = await desk.operator.intent(run_id)
    if intent is not None and intent.state is OrderState.DONE:
        report = await desk.history.get(run_id)  # it ended between the two questions
    return report, intent


def state_of(intent: Intent) -> Document:
    """How far an order is that has no report."""
    told: Document = {"id": intent.id, "chain": intent.order.chain, "state": intent.state}
    return {**told, "why": intent.why, "detail": WHYS[intent.why]} if intent.why else told


#: Why an order came to nothing, in a sentence.
WHYS: Mapping[Aborted, str] = {
    Aborted.DIED_MID_RUN: "the prober ended before this was over, and was not back soon enough to do it again",
    Aborted.CHAIN_GONE: "the chain was changed, or taken out of the config, before this was over",
    Aborted.BROKE: "a bug of the prober's own; its log tells more",
    Aborted.REPORT_LOST: "it was run, and the store could not keep the report",
    Aborted.PAUSED: "an operator paused what this looks at before it was over; GET /api/v1/pauses tells who and why",
    Aborted.NOT_ANSWERED: "the store was away when this was asked for, and nothing was begun",
}

#: States in which asking again later makes sense.
GOING = frozenset({OrderState.WAITING, OrderState.RUNNING})
