"""When each chain turns; the only file that imports apscheduler, which ticks and does nothing else.

A tick does not run the chain: it starts a task of ours, because APScheduler's shutdown cancels what it runs itself.
Turns lie on the grid of judge/ledger.py; what was due and not taken is told to the books with its reason.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Protocol

from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.interval import IntervalTrigger

from prober.judge.ledger import phase, skipped, slot_at
from prober.model.chain import Chain
from prober.model.slot import Missed, Slot

Turn = Callable[[Chain], Awaitable[None]]


class Books(Protocol):
    """Whoever keeps count of turns."""

    def expected(self, chain: str, slots: int = 1) -> None:
        """`slots` turns of `chain` were due."""
        ...

    def missed(self, chain: str, reason: Missed, slots: int = 1) -> None:
        """`slots` due turns were not taken."""
        ...

    def late(self, seconds: float) -> None:
        """A turn started this much after it was due."""
        ...


class Schedule:
    """Turns each chain at its interval, never twice at once."""

    def __init__(self, turn: Turn, books: Books) -> None:
        """Call `turn` for each due slot and tell `books` what became of the slots."""
        self._turn, self._books = turn, books
        self._scheduler = AsyncIOScheduler(timezone=UTC)
        self._last: dict[str, Slot] = {}
        self._running: dict[str, asyncio.Task[None]] = {}

    def start(self, chains: Mapping[str, Chain]) -> None:
        """Begin to tick."""
        self._scheduler.start()
        self.adopt(chains)

    def adopt(self, chains: Mapping[str, Chain]) -> None:
        """Turn exactly these chains from now on; a turn that is running ends in peace."""
        for job in self._scheduler.get_jobs():
            job.remove()
        self._last = {name: slot for name, slot in self._last.items() if name in chains}
        for chain in chains.values():
            self._add(chain)

    def _add(self, chain: Chain) -> None:
        interval = chain.interval_seconds
        start = datetime.fromtimestamp(phase(chain.name, interval), UTC)
        self._scheduler.add_job(
            self._tick,
            IntervalTrigger(seconds=interval, start_date=start, timezone=UTC),
            args=(chain,),
            id=chain.name,
            # The defaults drop a tick that is one second late and say so nowhere: a late tick is taken, and what it
            # coalesces is counted by _account.
            misfire_grace_time=None,
            coalesce=True,
            max_instances=1,
        )

    async def _tick(self, chain: Chain) -> None:
        slot = self._account(chain)
        if chain.name in self._running:
            self._books.missed(chain.name, Missed.OVERRUN)
            return
        self._start(chain, slot)

    def _account(self, chain: Chain) -> Slot:
        """Note this slot as due, and those that were passed over since the last tick as missed."""
        slot = slot_at(chain.name, chain.interval_seconds, datetime.now(UTC))
        gap = skipped(self._last.get(chain.name), slot)
        self._last[chain.name] = slot
        self._books.expected(chain.name, gap + 1)
        if gap:
            self._books.missed(chain.name, Missed.STALLED, gap)
        return slot

    def _start(self, chain: Chain, slot: Slot) -> None:
        task = asyncio.create_task(self._take(chain, slot), name=f"turn:{chain.name}")
        self._running[chain.name] = task
        task.add_done_callback(lambda _done: self._running.pop(chain.name, None))

    async def _take(self, chain: Chain, slot: Slot) -> None:
        delay = random.uniform(0, chain.jitter_seconds)
        await asyncio.sleep(delay)
        due = slot.due + timedelta(seconds=delay)
        self._books.late(max(0.0, (datetime.now(UTC) - due).total_seconds()))
        await self._turn(chain)

    async def stop(self, patience_seconds: float) -> None:
        """No new turns; let the running ones finish for at most `patience_seconds`, then cancel and count them."""
        if self._scheduler.running:
            self._scheduler.shutdown(wait=False)
        running = dict(self._running)
        if not running:
            return
        _done, pending = await asyncio.wait(running.values(), timeout=patience_seconds)
        for task in pending:
            task.cancel()
        await asyncio.gather(*pending, return_exceptions=True)
        for name, task in running.items():
            if task in pending:
                self._books.missed(name, Missed.SHUTDOWN)
