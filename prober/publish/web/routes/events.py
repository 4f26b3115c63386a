"""Events: what happens, as it happens, as server-sent events; each connection is bounded and holds up no run."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from typing import Annotated

from fastapi import APIRouter, Depends
from fastapi.sse import EventSourceResponse, ServerSentEvent

from prober.model.errors import StoreUnavailable
from prober.model.order import Kind, OrderState
from prober.publish.document import Document
from prober.publish.feed import END, Event, Listener, TooManyListen, end
from prober.publish.web.asking import GOING, kept_of, state_of
from prober.publish.web.body import Id
from prober.publish.web.desk import READING, AtDesk, Desk, may_read
from prober.publish.web.problems import Problem, told

router = APIRouter(prefix="/api/v1", tags=["events"], dependencies=[Depends(may_read)], responses=READING)

#: What became of a run that nobody asked for, and that has no report.
_UNKNOWN = "unknown"

#: After so long a silence of a run it is looked whether it has ended elsewhere.
_LOOK_SECONDS = 5.0


@contextmanager
def _listening(desk: Desk, run_id: str | None) -> Iterator[Listener]:
    try:
        with desk.feed.listening(run_id) as listener:
            yield listener
    except TooManyListen as error:
        raise Problem(503, "as many listen as may; ask again", headers={"Retry-After": "10"}) from error


async def _to_all(desk: AtDesk) -> AsyncIterator[Listener]:
    with _listening(desk, None) as listener:
        yield listener


async def _to_run(run_id: Id, desk: AtDesk) -> AsyncIterator[Listener]:
    """Listens before it is asked what holds, so that nothing falls in between."""
    with _listening(desk, run_id) as listener:
        await _must_be_known(desk, run_id)
        yield listener


async def _must_be_known(desk: Desk, run_id: str) -> None:
    is_running = desk.operator.is_running(run_id)  # before the others: what ends meanwhile is kept by then
    try:
        report, intent = await kept_of(desk, run_id)
    except StoreUnavailable as error:
        raise Problem(503, "the store is away; it is not known whether this run is kept") from error
    if intent is not None and intent.order.kind is not Kind.RUN:
        raise Problem(404, f"this is a gate: ask for /api/v1/gates/{run_id}, or hear of it at /api/v1/events")
    is_told = report is not None or (intent is not None and intent.state is not OrderState.DONE)
    if not is_told and not is_running:
        raise Problem(404, "no run with this id is kept")


def _sent(event: Event, *, brief: bool = False) -> ServerSentEvent:
    return ServerSentEvent(event=event.kind, raw_data=event.brief if brief else event.text)


@router.get("/events", response_class=EventSourceResponse, responses=told(422))
async def events(
    listener: Annotated[Listener, Depends(_to_all)], *, brief: bool = False
) -> AsyncIterator[ServerSentEvent]:
    """Each report, and how far each gate is; `dropped` says how many events were missed by listening too slowly.

    With `brief` a report is its id, chain, verdict and end.
    """
    while not listener.is_over:
        if event := await listener.next(_LOOK_SECONDS):
            yield _sent(event, brief=brief)


@router.get("/runs/{run_id}/events", response_class=EventSourceResponse, responses=told(422))
async def of_run(
    run_id: Id, desk: AtDesk, listener: Annotated[Listener, Depends(_to_run)]
) -> AsyncIterator[ServerSentEvent]:
    """Each step of a run as it ends, then its report, then `end`: done, aborted, or unknown where it has no report."""
    patience = 0.01  # it may be over
    while not listener.is_over:
        event = await listener.next(patience)
        patience = _LOOK_SECONDS
        for each in [event] if event else await _ended_elsewhere(desk, run_id):
            yield _sent(each)
            if each.kind == END:
                return


async def _ended_elsewhere(desk: Desk, run_id: str) -> list[Event]:
    """What there is to tell of a run that is over, though nobody told us; nothing while that is not known."""
    try:
        return await _ending(desk, run_id) or []
    except StoreUnavailable:
        return []


async def _ending(desk: Desk, run_id: str) -> list[Event] | None:
    """What is told last of a run that is over, whatever became of it; None while it goes on."""
    if desk.operator.is_running(run_id):
        return None
    report, intent = await kept_of(desk, run_id)
    if report is not None:
        return [Event("report", run_id, _as(report)), end(run_id, OrderState.DONE)]
    if intent is None:  # a turn of the schedule that broke, or one that nobody knows
        return [end(run_id, _UNKNOWN)]
    return None if intent.state in GOING else [Event(END, run_id, _as(state_of(intent)))]


def _as(told_already: Document) -> Callable[[], Document]:
    return lambda: told_already
