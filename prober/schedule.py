"""When each chain turns: an agenda of ours, and somebody who wakes us when the first chain on it is due.

A tick does not run the chain: it starts a task of ours. What was due, and what became of it, is the ledger's business.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, NoReturn, Protocol

import structlog

from prober.judge.agenda import Agenda, Entry
from prober.judge.ledger import STEP_SECONDS
from prober.judge.stagger import APART_SECONDS, Turning, first_looks
from prober.model.chain import Chain
from prober.model.slot import Missed, Slot
from prober.supervisor import supervised

if TYPE_CHECKING:
    from prober.waking import Waker

_log = structlog.get_logger("prober.schedule")

Turn = Callable[[Chain, Slot], Awaitable[None]]


def _ignored() -> None:
    """Who need not hear of failures."""


#: Who wakes us waits for a moment of the wall clock: if that is set back, nothing ticks until it comes round again.
_WATCH_SECONDS = 1.0

#: The ledger's time may move against the wall clock by so much before another moment is set to wake us: less than makes
#: us early.
_DRIFT_SECONDS = 0.005

#: Without a chain there is nothing to wake for; whoever lays one wakes us.
_LONG = timedelta(days=1)

#: A tick that is late by so much does not come: APScheduler sets itself a timer anew only if nothing breaks.
_OVERDUE = timedelta(seconds=5)


class Ledger(Protocol):
    """Whoever keeps the books of slots."""

    def time(self) -> datetime:
        """What time it is for slots."""
        ...

    def next_due(self, chain: Chain) -> datetime:
        """When the next slot of `chain` is due; past for one that nobody has ticked yet."""
        ...

    def seconds_until_due(self, chain: Chain) -> float:
        """How long until then."""
        ...

    async def due(self, chain: Chain, missed: Missed | None = None) -> Slot | None:
        """A slot of `chain` is due: take it, or note why it is missed; None when it is not ours to run."""
        ...

    async def lost(self, slot: Slot, why: Missed) -> None:
        """A slot that was taken comes to nothing; one that has ended stays as it ended."""
        ...


class Schedule:
    """Turns each chain at its interval, never twice at once."""

    def __init__(
        self, turn: Turn, ledger: Ledger, late: Callable[[float], None], failed: Callable[[], None] = _ignored
    ) -> None:
        """Call `turn` for each slot that `ledger` gives us, and tell `late` how many seconds after it was due.

        Whatever of ours breaks is logged, and `failed` is told.
        """
        self._turn, self._ledger, self._late, self._failed = turn, ledger, late, failed
        self._waker: Waker | None = None  # made by whoever begins to tick
        self._chains: Mapping[str, Chain] = {}
        self._agenda = Agenda()
        self._running: dict[str, asyncio.Task[None]] = {}
        self._overruns: set[asyncio.Task[None]] = set()
        self._beside: set[asyncio.Task[None]] = set()  # ends with us
        self._watch: asyncio.Task[NoReturn] | None = None
        self._laid_apart = 0.0  # the ledger's time and the wall clock, when ticks were laid

    def start(self, chains: Mapping[str, Chain]) -> None:
        """Begin to tick."""
        from prober.waking import Waker  # noqa: PLC0415 - `prober run` ticks nothing, and need not load APScheduler

        self._waker = Waker(self._wake, self._next_wake)
        self.adopt(chains)
        self._watch = supervised("clock watch", self._watch_clock, self._failed)

    def adopt(self, chains: Mapping[str, Chain]) -> None:
        """Turn exactly these chains from now on; a turn that is running ends in peace."""
        self._chains = chains
        self._agenda = Agenda(
            Entry(self._ledger.next_due(chain).timestamp(), chain.name, chain.interval_seconds)
            for chain in chains.values()
        )
        self._wake_in_time()

    def _wake_in_time(self) -> None:
        """Have us woken when the first chain is due, by the wall clock as it stands to the ledger's now."""
        self._laid_apart = self._apart()
        if self._waker:
            self._waker.set()

    def _next_wake(self) -> datetime:
        due = self._agenda.next_seconds
        return datetime.now(UTC) + _LONG if due is None else datetime.fromtimestamp(due - self._laid_apart, UTC)

    def _wake(self) -> None:
        for name in self._agenda.due(self._ledger.time().timestamp()):
            self._tick(self._chains[name])

    def _is_ticking(self) -> bool:
        return self._waker is not None and self._waker.is_running

    def next_turn(self, chain: Chain) -> datetime | None:
        """When the next slot of `chain` is due; None while nothing ticks."""
        if not self._is_ticking():
            return None
        return datetime.now(UTC) + timedelta(seconds=max(0.0, self._ledger.seconds_until_due(chain)))

    def look_first(self, names: Iterable[str], look: Callable[[Chain], object]) -> None:
        """Call `look` for each of these chains whose slot is far off, one after the other, where the slots leave room.

        Whoever does so beside us keeps the same step.
        """
        looking = asyncio.create_task(self._look_first(set(names), look), name="first looks")
        self._beside.add(looking)
        looking.add_done_callback(self._beside.discard)
        looking.add_done_callback(self._look_at)

    async def _look_first(self, names: set[str], look: Callable[[Chain], object]) -> None:
        loop, away = asyncio.get_running_loop(), -self._ledger.time().timestamp() % APART_SECONDS
        began = loop.time() + away
        waits = {name: max(0.0, self._ledger.seconds_until_due(chain) - away) for name, chain in self._chains.items()}
        turning = {name: Turning(waits[name], chain.interval_seconds) for name, chain in self._chains.items()}
        for after_seconds, name in first_looks(turning, names & turning.keys()):
            await asyncio.sleep(began + after_seconds - loop.time())
            if name in self._chains:  # else a reload removed it meanwhile
                look(self._chains[name])

    def _apart(self) -> float:
        return (self._ledger.time() - datetime.now(UTC)).total_seconds()

    def _has_stopped(self) -> bool:
        """Whether a tick is long overdue, and nobody will bring it."""
        at = self._waker.at if self._waker else None
        return at is not None and at < datetime.now(UTC) - _OVERDUE

    async def _watch_clock(self) -> None:
        """Where a clock was set, or ticks stop, they are laid anew; where clocks drift, the moment we wake at is."""
        loop = asyncio.get_running_loop()
        while True:
            wall, own, stopwatch = datetime.now(UTC), self._ledger.time(), loop.time()
            await asyncio.sleep(_WATCH_SECONDS)
            passed = loop.time() - stopwatch
            steps = ((datetime.now(UTC) - wall).total_seconds(), (self._ledger.time() - own).total_seconds())
            if any(abs(step - passed) > STEP_SECONDS for step in steps):
                self.adopt(self._chains)
            elif self._has_stopped():
                _log.error("schedule.ticks_stopped", chains=list(self._chains))
                self._failed()
                self.adopt(self._chains)
            elif abs(self._apart() - self._laid_apart) > _DRIFT_SECONDS:
                self._wake_in_time()

    def _tick(self, chain: Chain) -> None:
        if chain.name in self._running:
            overrun = asyncio.create_task(self._overrun(chain), name=f"overrun:{chain.name}")
            self._overruns.add(overrun)
            overrun.add_done_callback(self._overruns.discard)
            overrun.add_done_callback(self._look_at)
            return
        task = asyncio.create_task(self._take(chain), name=f"turn:{chain.name}")
        self._running[chain.name] = task
        task.add_done_callback(lambda _done: self._running.pop(chain.name, None))
        task.add_done_callback(self._look_at)

    def _look_at(self, ended: asyncio.Task[None]) -> None:
        """A turn that broke is followed by the next, but must be seen."""
        if not ended.cancelled() and (error := ended.exception()):
            _log.error("schedule.turn_broke", task=ended.get_name(), exc_info=error)
            self._failed()

    async def _overrun(self, chain: Chain) -> None:
        await self._ledger.due(chain, Missed.OVERRUN)

    async def _take(self, chain: Chain) -> None:
        slot = await self._ledger.due(chain)
        if slot is None:
            return
        delay = random.uniform(0, chain.jitter_seconds)
        try:
            await asyncio.sleep(delay)
            if not self._is_ticking():  # stopped while the ledger was asked, or in the jitter: no new turns
                await self._ledger.lost(slot, Missed.SHUTDOWN)
                return
            self._late((self._ledger.time() - slot.due).total_seconds() - delay)
            await self._turn(chain, slot)
        except asyncio.CancelledError:
            await self._ledger.lost(slot, Missed.SHUTDOWN)
            raise

    async def stop(self, patience_seconds: float) -> None:
        """No new turns; let the running ones finish for at most `patience_seconds`, then cancel them."""
        if self._waker and self._waker.is_running:
            self._waker.stop()
        beside = [*self._beside, *self._overruns, *filter(None, [self._watch])]
        for task in beside:
            task.cancel()
        await asyncio.gather(*beside, return_exceptions=True)
        running = list(self._running.values())
        if not running:
            return
        _done, pending = await asyncio.wait(running, timeout=patience_seconds)
        for task in pending:
            task.cancel()
        await asyncio.gather(*pending, return_exceptions=True)
