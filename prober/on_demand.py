"""What others ask for over HTTP: written down first, done a few at a time, and ended whoever dies meanwhile.

1. Who was told that an order was taken can ask what became of it, for ever after: it is in the books first.
2. What the store did not surely take is not done: nothing is run behind the caller's back.
3. What is under way when a process is killed is done by the next, under its id, or closed with the reason.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, NoReturn, Protocol
from uuid import uuid4

import structlog

from prober.model.errors import ChainChanged, ChainPaused, KeyReused, NothingMatched, StoreUnavailable, TooMuchAsked
from prober.model.gate import Progress
from prober.model.order import Aborted, Asker, Intent, Kind, Order, OrderState, Outcome, Taken
from prober.supervisor import supervised

_log = structlog.get_logger("prober.on_demand")

#: Of each kind so many are done at once, and so many wait.
MOST_RUNNING, MOST_WAITING = 2, 10

#: Who finds the line full is told to come back then.
_AGAIN_SECONDS = 10

#: What was asked for longer ago than this when a process comes back is not wanted any more.
_WANTED_SECONDS = 600.0

#: How often the books are gone through.
_TEND_SECONDS = 5.0

#: Ends that come close together are written in one go.
_BETWEEN_ENDS_SECONDS = 0.2

#: The store takes an order within this time, or it is not taken.
_PATIENCE_SECONDS = 5.0

#: Begun within this time of being written down, it is surely still ours: less than it takes to be held for dead.
_SURELY_OURS_SECONDS = 20.0

#: A store that was away for long is told of so many at a time that are not to be done: what is done has its turn too.
_WITHDRAWN_AT_ONCE = 50

#: At the end the store is waited for so long; what it was not told the next process finds out.
_PARTING_SECONDS = 1.0

#: So often is looked for a report that should be in the store, before it is taken for lost.
_LOOKS = 12

#: What it came to, in every form it can be told in; None where a report says it.
Told = Mapping[str, Any] | None

#: Does an order under its id, and tells how far it is.
Doer = Callable[[str, Order, Callable[[Progress], None]], Awaitable[Told]]


class Books(Protocol):
    """Where orders are written down (publish/history/intents.py); everything raises StoreUnavailable."""

    async def used(self, asker: Asker, order: Order) -> Taken | None: ...  # noqa: D102 - told there

    async def ask(self, order: Order, asker: Asker, intent_id: str, *, joins: bool = False) -> Taken: ...  # noqa: D102

    async def withdraw(self, order: Order, asker: Asker, intent_id: str) -> bool: ...  # noqa: D102

    async def begin(self, intent_id: str) -> bool: ...  # noqa: D102

    async def finish(self, intent_id: str, told: Mapping[str, Any]) -> bool: ...  # noqa: D102

    async def abort(self, intent_id: str, why: Aborted) -> bool: ...  # noqa: D102

    async def settle(self) -> None: ...  # noqa: D102

    async def live(self, ours: Sequence[str]) -> None: ...  # noqa: D102

    async def still_open(self, ours: Sequence[str]) -> Collection[str]: ...  # noqa: D102

    async def let_go(self) -> None: ...  # noqa: D102

    async def take_over(self, known: Collection[str]) -> Sequence[Intent]: ...  # noqa: D102

    async def get(self, intent_id: str) -> Intent | None: ...  # noqa: D102

    async def gates(self, limit: int) -> Sequence[Intent]: ...  # noqa: D102


@dataclass(slots=True)
class _Going:
    """An order that is not done yet."""

    order: Order
    asked: datetime
    ours_until: float  # by the loop's clock, without asking the store
    state: OrderState = OrderState.WAITING
    progress: Progress | None = None
    task: asyncio.Task[None] = field(init=False)

    def heed(self, progress: Progress) -> None:
        """It is so far."""
        self.progress = progress

    def serves(self, order: Order) -> bool:
        """Whether what it comes to answers `order` too: a gate that runs may be that of the deploy before."""
        may_be_older = self.order.kind is Kind.GATE and self.state is OrderState.RUNNING and not order.names_deploy
        return self.order.wanted == order.wanted and not may_be_older


class OnDemand:
    """Takes orders, does them, and sees to those that the dead have left."""

    def __init__(self, doers: Mapping[Kind, Doer], failed: Callable[[], None]) -> None:
        """Do orders of each kind by its doer; `failed` is told of bugs."""
        self._doers, self._failed = doers, failed
        self._books: Books | None = None
        self._taking = asyncio.Lock()
        self._lines = {kind: asyncio.Semaphore(MOST_RUNNING) for kind in Kind}
        self._going: dict[str, _Going] = {}
        self._owed: dict[str, Aborted | Mapping[str, Any]] = {}  # ends that the books do not know yet
        self._asking: set[str] = set()  # the store is writing them down
        self._unanswered: dict[str, tuple[Order, Asker]] = {}  # not to be done; the store may have taken them
        self._unsettled: dict[str, int] = {}  # runs that are over, and how often their report was looked for
        self._news = asyncio.Event()  # something is over: the books are gone through at once
        self._tending: asyncio.Task[NoReturn] | None = None
        self._is_ending = False

    def open(self, books: Books, caught_up: asyncio.Event) -> None:
        """Take orders from now on, and see to what was left, once all that waited from before is in the store."""
        self._books = books
        self._tending = supervised("on demand", lambda: self._tend(caught_up), self._failed)

    async def aclose(self, patience_seconds: float) -> None:
        """What waits is left to the next process, as are gates; runs get the rest of their time, and stay ours."""
        self._is_ending = True
        running = [each.task for each in self._going.values() if _ends_soon(each)]
        _cancel(each.task for each in self._going.values() if not _ends_soon(each))
        if running:
            await asyncio.wait(running, timeout=patience_seconds)
        if self._tending is not None:
            self._tending.cancel()
            await asyncio.gather(self._tending, return_exceptions=True)
        left = [each.task for each in self._going.values()]
        _cancel(left)
        await asyncio.gather(*left, return_exceptions=True)
        if self._books is not None:
            with contextlib.suppress(StoreUnavailable, TimeoutError):
                async with asyncio.timeout(_PARTING_SECONDS):
                    await self._write_ends(self._books)
                    await self._books.let_go()

    # ── orders ───────────────────────────────────────────────────────────────────────────────────────────────────────

    async def ask(self, order: Order, asker: Asker) -> Taken:
        """Take an order, or serve it by an equal one that is going.

        Raises:
            StoreUnavailable: it could not be written down, and will not be done.
            TooMuchAsked: as many wait as may.
            KeyReused: the asker's key stands for something else.
        """
        books, intent_id = self._open_books(), uuid4().hex
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS), self._taking:
                return await self._take(books, order, asker, intent_id)
        except TimeoutError as error:
            slow = "it does not answer in time"
            raise StoreUnavailable(slow) from error

    def _open_books(self) -> Books:
        if self._books is None:
            why = "it was never opened"
            raise StoreUnavailable(why)
        return self._books

    async def _take(self, books: Books, order: Order, asker: Asker, intent_id: str) -> Taken:
        if used := await self._used(books, asker, order) if asker.key else None:
            return used
        if same := self._same(order):
            joined = Taken(same, Outcome.COALESCED)
            return await books.ask(order, asker, same, joins=True) if asker.key else joined
        waiting = self._waiting(order.kind)
        if waiting >= MOST_WAITING:
            raise TooMuchAsked(waiting, _AGAIN_SECONDS)
        taken = await self._written(books, order, asker, intent_id)
        if taken.id == intent_id:
            self._begin(intent_id, order, datetime.now(UTC))
        return taken

    async def _used(self, books: Books, asker: Asker, order: Order) -> Taken | None:
        """What the asker's key stands for; not for what the asker was told is not done, which is withdrawn first."""
        for intent_id, (in_vain, by) in list(self._unanswered.items()):
            if by == asker:
                await self._withdraw(books, in_vain, by, intent_id)
        return await books.used(asker, order)

    async def _written(self, books: Books, order: Order, asker: Asker, intent_id: str) -> Taken:
        """Write an order down; where nobody knows whether that was done, nor does the asker, who may even be gone."""
        self._asking.add(intent_id)
        try:
            return await books.ask(order, asker, intent_id)
        except KeyReused:
            raise
        except BaseException:
            self._unanswered[intent_id] = order, asker
            raise
        finally:
            self._asking.discard(intent_id)

    def _same(self, order: Order) -> str | None:
        """The one that is going and comes to the same."""
        return next((id_ for id_, each in self._going.items() if each.serves(order)), None)

    def _waiting(self, kind: Kind) -> int:
        mine = (each for each in self._going.values() if each.order.kind is kind)
        return sum(each.state is OrderState.WAITING for each in mine)

    async def wait(self, intent_id: str, timeout_seconds: float) -> None:
        """Until it is done, or the time is over; at once for what is not going here."""
        if going := self._going.get(intent_id):
            await asyncio.wait([going.task], timeout=timeout_seconds)

    def is_going(self, intent_id: str) -> bool:
        """Whether it waits or runs here."""
        return intent_id in self._going

    def progress(self, intent_id: str) -> Progress | None:
        """How far a gate is that is going here."""
        return going.progress if (going := self._going.get(intent_id)) else None

    async def intent(self, intent_id: str) -> Intent | None:
        """What has become of an order; None for one that nobody has asked for. Raises StoreUnavailable."""
        if going := self._going.get(intent_id):
            return Intent(id=intent_id, order=going.order, caller="", asked=going.asked, state=going.state)
        found = await self._books.get(intent_id) if self._books else None
        came_to = self._owed.get(intent_id)
        if found is None or came_to is None:
            return found
        if isinstance(came_to, Aborted):
            return replace(found, state=OrderState.ABORTED, why=came_to)
        return replace(found, state=OrderState.DONE, told=came_to)

    async def gates(self, limit: int) -> Sequence[Intent]:
        """The newest gates: those that are going here, then those that are done. Raises StoreUnavailable."""
        going = [
            Intent(id=intent_id, order=each.order, caller="", asked=each.asked, state=each.state)
            for intent_id, each in reversed(self._going.items())
            if each.order.kind is Kind.GATE
        ]
        done = await self._books.gates(limit) if self._books else ()
        here = {intent.id for intent in going}
        return [*going, *(intent for intent in done if intent.id not in here)][:limit]

    # ── doing ────────────────────────────────────────────────────────────────────────────────────────────────────────

    def _begin(self, intent_id: str, order: Order, asked: datetime) -> None:
        going = _Going(order, asked, asyncio.get_running_loop().time() + _SURELY_OURS_SECONDS)
        self._going[intent_id] = going
        going.task = asyncio.create_task(self._see_to(intent_id, going), name=f"order:{intent_id}")
        going.task.add_done_callback(lambda _done: self._going.pop(intent_id, None))

    async def _see_to(self, intent_id: str, going: _Going) -> None:
        async with self._lines[going.order.kind]:
            try:
                if not await self._is_ours(intent_id, going):
                    return
                going.state = OrderState.RUNNING
                came_to: Aborted | Told = await self._doers[going.order.kind](intent_id, going.order, going.heed)
            except BaseException as error:  # noqa: BLE001 - whoever asked is told that it will never end well
                came_to = self._why_not(intent_id, error)
        if came_to is None:
            self._unsettled[intent_id] = 0
        else:
            self._owed[intent_id] = came_to
        self._news.set()

    async def _is_ours(self, intent_id: str, going: _Going) -> bool:
        """Whether no other instance has taken it over; without the store, as long as none can have."""
        while True:
            try:
                return await self._open_books().begin(intent_id)
            except StoreUnavailable:
                if asyncio.get_running_loop().time() < going.ours_until:
                    return True
                await asyncio.sleep(_TEND_SECONDS)

    def _why_not(self, intent_id: str, error: BaseException) -> Aborted:
        """Why an order came to nothing; where we are to end, it is the next process's to do, and the error goes on."""
        if isinstance(error, NothingMatched | ChainChanged):  # a reload was quicker
            return Aborted.CHAIN_GONE
        if isinstance(error, ChainPaused):
            return Aborted.PAUSED
        if _ends_us(error):
            raise error
        self._broke(intent_id, error)
        return Aborted.BROKE

    def _broke(self, intent_id: str, error: BaseException) -> None:
        self._failed()
        _log.error("on_demand.broke", id=intent_id, exc_info=error)

    # ── the books ────────────────────────────────────────────────────────────────────────────────────────────────────

    async def _tend(self, caught_up: asyncio.Event) -> None:
        while not caught_up.is_set():
            with contextlib.suppress(StoreUnavailable):
                await self._keep(self._open_books())
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_TEND_SECONDS):
                    await caught_up.wait()
        while True:
            with contextlib.suppress(StoreUnavailable):
                await self._go_through(self._open_books())
            await self._until_next()

    async def _keep(self, books: Books) -> None:
        """Let nobody take us for dead over what has not ended in the books, be its end on the way there."""
        await books.live(self._ours)
        await self._write_ends(books)

    @property
    def _ours(self) -> Sequence[str]:
        """What we do, and what we have done and the books know nothing of yet."""
        return [*self._going, *self._unsettled, *self._owed]

    @property
    def _known(self) -> Sequence[str]:
        """What is ours; what may be in a moment, as the store is writing it down; and what must not be done."""
        return [*self._ours, *self._asking, *self._unanswered]

    async def _until_next(self) -> None:
        """Ends are written as they come, a few at a time: turns wait for the same store.

        Waited for without `wait_for`, which loses a cancellation that comes together with the news (Python 3.11).
        """
        loop = asyncio.get_running_loop()
        until = loop.time() + _TEND_SECONDS
        with contextlib.suppress(TimeoutError):
            while loop.time() < until:
                async with asyncio.timeout_at(until):
                    await self._news.wait()
                self._news.clear()
                with contextlib.suppress(StoreUnavailable):
                    await self._write_ends(self._open_books())
                await asyncio.sleep(_BETWEEN_ENDS_SECONDS)

    async def _go_through(self, books: Books) -> None:
        await self._keep(books)
        self._give_up_reports()
        await books.settle()  # also what others have left, whose report is there
        if not self._is_ending:
            for intent in await books.take_over(self._known):
                self._take_up(intent)
        await self._write_owed(books)

    def _give_up_reports(self) -> None:
        """Those that have been looked for often enough, by a store that answered each time."""
        for run_id in list(self._unsettled):
            self._unsettled[run_id] += 1
            if self._unsettled[run_id] > _LOOKS:
                self._owed[run_id] = Aborted.REPORT_LOST
                del self._unsettled[run_id]

    def _take_up(self, intent: Intent) -> None:
        """Somebody died over it; what we know was taken from us meanwhile and has come back, or has come just now."""
        if intent.id in self._known:
            return
        _log.info("on_demand.taken_over", id=intent.id, chain=intent.order.chain, age_seconds=intent.age_seconds)
        if intent.age_seconds > _WANTED_SECONDS:
            self._owed[intent.id] = Aborted.DIED_MID_RUN
        else:
            self._begin(intent.id, intent.order, intent.asked)

    async def _write_ends(self, books: Books) -> None:
        """By one at a time: whoever tends the books, or the end."""
        if self._unsettled:
            await self._settle(books)
        await self._write_owed(books)

    async def _settle(self, books: Books) -> None:
        over = list(self._unsettled)  # others may end meanwhile
        await books.settle()
        for run_id in {*over}.difference(await books.still_open(over)):
            del self._unsettled[run_id]

    async def _write_owed(self, books: Books) -> None:
        """Each by itself: one that can never be written down comes to nothing, and holds up no other."""
        for intent_id, (order, asker) in list(self._unanswered.items())[:_WITHDRAWN_AT_ONCE]:
            await self._withdraw(books, order, asker, intent_id)
        for intent_id, came_to in list(self._owed.items()):
            try:
                await self._write_end(books, intent_id, came_to)
            except StoreUnavailable:
                raise
            except Exception as error:  # noqa: BLE001 - what it came to may be anything, half a character too
                self._broke(intent_id, error)
                self._owed[intent_id] = Aborted.BROKE

    async def _write_end(self, books: Books, intent_id: str, came_to: Mapping[str, Any] | Aborted) -> None:
        if isinstance(came_to, Aborted):
            await books.abort(intent_id, came_to)
        else:
            await books.finish(intent_id, came_to)
        self._owed.pop(intent_id, None)

    async def _withdraw(self, books: Books, order: Order, asker: Asker, intent_id: str) -> None:
        try:
            await books.withdraw(order, asker, intent_id)
        except StoreUnavailable:
            raise
        except Exception as error:  # noqa: BLE001 - it can hardly have been written down; if it was, it comes to nothing
            self._broke(intent_id, error)
            self._owed[intent_id] = Aborted.NOT_ANSWERED
        self._unanswered.pop(intent_id, None)


def _ends_soon(going: _Going) -> bool:
    """Whether it is waited for at the end: a gate may take minutes."""
    return going.state is OrderState.RUNNING and going.order.kind is Kind.RUN


def _ends_us(error: BaseException) -> bool:
    """Whether it is meant for us: another task's being cancelled is told by the same error."""
    task = asyncio.current_task()
    is_cancelled = isinstance(error, asyncio.CancelledError) and task is not None and task.cancelling() > 0
    return is_cancelled or isinstance(error, KeyboardInterrupt | SystemExit)


def _cancel(tasks: Iterable[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
