"""Keeper: what the program speaks to about the past: the memory for the turn, the books of slots, the way to the store.

Nothing here waits long for the store: when it is away, turns go on, what they came to waits in the spool, and the books
are true again once it is back.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

import structlog

from prober.judge.ledger import STEP_SECONDS, Instant, advance, ahead, grid_at, grid_of, slot_at, why_passed_over
from prober.judge.recall import recall_of
from prober.judge.window import WINDOWS
from prober.model.chain import Chain, Keeping, Trigger
from prober.model.errors import StoreNotOurs, StoreUnavailable
from prober.model.report import Report
from prober.model.slot import Grid, Missed, Slot
from prober.model.trend import Past, Recall
from prober.model.verdict import RunVerdict
from prober.publish.document import Document
from prober.publish.history import LongView, Store
from prober.publish.history.bars import Bar, CauseTime, Coverage, RevisionMark
from prober.publish.history.entries import (
    Claimed,
    Closed,
    Dropped,
    Due,
    Ended,
    Entry,
    Kept,
    Noted,
    Opened,
    Swept,
    Written,
)
from prober.publish.history.memory import MemoryHistory
from prober.publish.history.record import Record
from prober.publish.history.spool import Spool
from prober.publish.history.spool_file import SpoolFile, abandoned, claimed
from prober.supervisor import supervised

_log = structlog.get_logger("prober.history")

#: How long a turn waits for the store before it goes on without.
_PATIENCE_SECONDS = 2.0

#: Beyond a turn's deadline its instance is given this much to write down what it came to.
_LAST_WORDS_SECONDS = 15.0

#: Whoever was busy with a chain's last turn gives up its next so long before the one after that.
_BEFORE_THE_NEXT_SECONDS = 1.0

#: How long whoever is told to end waits for the store; what it does not take by then is in the spool's file.
_PARTING_SECONDS = 1.0

_HOUSEKEEPING_SECONDS = 30.0

#: For what waited from before, and what is known from before, a start takes so long; beyond that turns begin without.
_OPENING_SECONDS = 10.0

#: A store that was away is asked so often whether it can tell what is known from before.
_AGAIN_SECONDS = 0.5

#: Seconds of the past that may be let go for their age with each second that passes.
_CATCHING_UP = 24.0

#: A run whose transaction took longer to be seen than turns look back is heard of in the housekeeping.
_LOOK_BACK_SECONDS = 120.0

_NOT_OPEN = "it was never opened"

_NOTHING_KEPT = "nothing is kept but what this process remembers"

#: More runs than are written in the seconds that a store may tell of twice; 1.2 MB of ids.
_HEARD = 10_000

#: More than any run that ends; nobody of a store that is not shared is alive beside us.
_NEVER = 1e18


#: Hears what became of an entry: the entry that was handed over, or the least of it that was kept.
Heard = Callable[[Any, Written], None]


def _nobody(_entry: Entry, _written: Written) -> None:
    """Who need not hear what became of an entry."""


Told = Callable[[Sequence[Recall]], None]


def _ignored(_told: Sequence[Recall]) -> None:
    """Who has no use for what others did."""


class Books(Protocol):
    """Whoever keeps count of slots, for the metrics."""

    def expected(self, chain: str, slots: int = 1) -> None:
        """`slots` turns of `chain` were due."""
        ...

    def recorded(self, chain: str) -> None:
        """A due turn was taken and its run is kept."""
        ...

    def missed(self, chain: str, reason: Missed, slots: int = 1) -> None:
        """`slots` due turns were not taken."""
        ...

    def internal_error(self, component: str) -> None:
        """A part of ours failed."""
        ...

    def history_bytes(self, size: int) -> None:
        """How much room the past takes."""
        ...


class Clock(Protocol):
    """Where time comes from."""

    def now(self) -> datetime:
        """The wall clock."""
        ...

    def seconds_since_boot(self) -> float:
        """A stopwatch that never steps, and goes on while the machine sleeps."""
        ...


@dataclass(frozen=True, slots=True)
class Place:
    """Where things are kept while the process runs and after."""

    store: Store
    keeping: Keeping
    spool: Path  # the first of several names: each instance in its folder has a file of its own
    spool_bytes: int = 64 * 2**20  # of memory, and of disk, while the store is away


class Keeper:
    """Also a sink: writes down every report."""

    name = "history"

    def __init__(self, clock: Clock, books: Books, *, instance: str, location: str, told: Told = _ignored) -> None:
        """Until `open`, memory alone. Whatever runs it hears of, before a restart or of other instances, it tells."""
        self._told = told
        self._clock, self._books = clock, books
        self._instance, self._location = instance, location
        self.memory = MemoryHistory(clock.now)
        self.notes: Mapping[str, str] = {}
        self._place: Place | None = None
        self._spool: Spool | None = None
        self._spool_file: SpoolFile | None = None
        self._is_open = False
        self.caught_up = asyncio.Event()  # set when what is known from before, in `notes` too, has been taken up
        self._tasks: list[asyncio.Task[Any]] = []
        self._ahead: float | None = None  # in seconds, the store's clock of our stopwatch; None: we go by our own
        self._instant = Instant(clock.now(), clock.seconds_since_boot())
        self._pruned_at = clock.seconds_since_boot()
        self._jumps = 0
        self._grids: Mapping[str, Grid] = {}  # by chain
        self._has_grids = asyncio.Event()
        self._last: dict[Grid, tuple[int, int]] = {}  # the slot ticked last, and the jumps of time until then
        self._under_way: set[Slot] = set()
        self._unheard: set[Slot] = set()  # taken, and the store's word on it may still come
        self._lost_claims: set[Slot] = set()  # of those, the ones that another had
        self._asking: asyncio.Task[None] | None = None  # what others did
        self._asked_at = 0.0
        self._told_until: dict[Grid, int] = {}  # the last slot that the metrics know of
        self._heard: dict[str, None] = {}  # the last runs that are in memory and may be told anew, oldest first

    # ── life ─────────────────────────────────────────────────────────────────────────────────────────────────────────

    async def open(self, place: Place) -> None:
        """Write into a store from now on; raises StoreNotOurs. One that is away is waited for beside the turns.

        What a process before us could not hand over is handed over first, and only then read what is known from before.
        """
        self._place = place
        _log.info("history.opened", instance=self._instance, location=self._location)
        away_because = await self._why_not_open(place.store)
        self._spool_file = claimed(place.spool)
        spool = self._loaded(place, self._spool_file.path)
        if away_because is not None:
            spool.is_away(away_because)
        self._spool = spool
        catching_up = asyncio.create_task(self._catch_up(place, spool), name="catching up")
        self._tasks = [
            supervised("spool", spool.run, self._failed),
            supervised("housekeeping", lambda: self._housekeeping(place), self._failed),
            catching_up,
        ]
        if self._is_open:
            await asyncio.wait([catching_up], timeout=_OPENING_SECONDS)

    async def _why_not_open(self, store: Store) -> str | None:
        """Open it; why it cannot be had now, or None."""
        try:
            await self._open_store(store)
        except StoreUnavailable as error:
            return error.why
        return None

    def _loaded(self, place: Place, file: Path) -> Spool:
        """The spool with what we left in `file`, and others who died beside it."""
        spool = Spool(self, file=file, limit_bytes=place.spool_bytes, on_failure=self._failed)
        with abandoned(place.spool) as left:
            waiting = spool.load(*left)
        if waiting:
            _log.info("history.spool_taken_up", entries=waiting, files=[file.name, *(path.name for path in left)])
        return spool

    async def _open_store(self, store: Store) -> None:
        """Make its tables, and take up what time it is there."""
        await store.open()
        await self._set_time(store)
        await self._not_before(store)
        self._is_open = True

    async def _catch_up(self, place: Place, spool: Spool) -> None:
        """Take up what is known from before, as soon as all of it is in the store."""
        await spool.drained(None)
        while not await self._surely(self._read_past, place):  # noqa: ASYNC110 - a store that is away sends no word
            await asyncio.sleep(_AGAIN_SECONDS)
        self.caught_up.set()
        if not place.store.is_shared:
            self._heard.clear()

    async def _read_past(self, place: Place) -> None:
        """Our own runs since we began are told too: alarms that go on from what was noted do not know them."""
        self.notes = await place.store.noted()
        reach = timedelta(seconds=max(WINDOWS.values()))
        recalls = await place.store.recalls(ended_after=self._clock.now() - reach)
        self._take_up(recalls)
        self._told(recalls)

    async def aclose(self, patience_seconds: float = _PARTING_SECONDS) -> None:
        """Hand over what waits, and let go of the store."""
        if self._spool is not None:
            await self._spool.aclose(patience_seconds)
        tasks = [*self._tasks, *filter(None, [self._asking])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._place is not None:
            await self._place.store.aclose()
        if self._spool_file is not None:
            self._spool_file.close()

    def _failed(self) -> None:
        self._books.internal_error("history")

    @property
    def is_open(self) -> bool:
        """Whether there is a store behind the memory, and it was reached."""
        return self._is_open

    @property
    def is_away(self) -> str | None:
        """Why the store is away; None when it is not."""
        return self._spool.away_because if self._spool else None

    # ── time ─────────────────────────────────────────────────────────────────────────────────────────────────────────

    def time(self) -> datetime:
        """What time it is for slots: the store's, whatever becomes of our wall clock, and never back."""
        stopwatch = self._clock.seconds_since_boot()
        self._instant = advance(self._instant, self._wall(stopwatch), stopwatch)
        self._jumps += self._instant.jumped
        return self._instant.at

    def _wall(self, stopwatch: float) -> datetime:
        return self._clock.now() if self._ahead is None else datetime.fromtimestamp(self._ahead + stopwatch, UTC)

    async def _set_time(self, store: Store) -> None:
        """Go by the store's clock, which all instances have in common."""
        asked = self._clock.seconds_since_boot()
        there = await store.now()
        if there is None:
            return
        answered, is_first = self._clock.seconds_since_boot(), self._ahead is None
        self._ahead = ahead(self._ahead, there, asked, answered)
        if is_first:
            self._begin_at(self._wall(answered), answered)

    def _begin_at(self, at: datetime, stopwatch: float) -> None:
        """What time we thought it was counts no longer: others went by the store's."""
        self._instant = Instant(at, stopwatch)
        self._last = {grid: last for grid, last in self._last.items() if grid.due(last[0]) <= at}

    async def _not_before(self, store: Store) -> None:
        """Never back, restarts included: a clock set back meanwhile would make each turn one that was taken before."""
        booked = [
            grid_at(chain, self._location, interval).due(last) for chain, interval, last in await store.open_grids()
        ]
        now = self.time()
        if booked and (max(booked) - now).total_seconds() > STEP_SECONDS:
            _log.warning("history.clock_behind_books", seconds=(max(booked) - now).total_seconds())
            self._begin_at(max(booked), self._clock.seconds_since_boot())

    def seconds_until_due(self, chain: Chain) -> float:
        """How long until the next slot of `chain`; negative for one that is due, and that nobody has ticked yet."""
        return (self.next_due(chain) - self.time()).total_seconds()

    def next_due(self, chain: Chain) -> datetime:
        """When the next slot of `chain` is due; past for one that nobody has ticked yet."""
        slot = slot_at(self._grid(chain), self.time())
        is_over = self._last.get(slot.grid, (slot.sequence,))[0] >= slot.sequence
        return slot.grid.due(slot.sequence + is_over)

    def _grid(self, chain: Chain) -> Grid:
        """The grid of a chain, which is in our books as a rule."""
        known = self._grids.get(chain.name)
        is_it = known is not None and known.interval_seconds == chain.interval_seconds
        return known if known and is_it else grid_of(chain, self._location)

    # ── slots ────────────────────────────────────────────────────────────────────────────────────────────────────────

    async def adopt(self, chains: Iterable[Chain]) -> None:
        """Keep books of exactly these chains from now on."""
        before, self._grids = self._grids, {chain.name: self._grid(chain) for chain in chains}
        self._has_grids.set()
        self.memory.adopt(self._grids)
        gone, new = _beyond(before, self._grids), _beyond(self._grids, before)
        for grid in gone:
            self._last.pop(grid, None)
        closed = [(self._closed(grid, Missed.RELOAD), self._heard_of_closed) for grid in gone]
        opened = [(Opened(grid=grid, sequence=slot_at(grid, self.time()).sequence + 1), _nobody) for grid in new]
        await self._put_all([*closed, *opened])

    def _closed(self, grid: Grid, why: Missed) -> Closed:
        return Closed(grid=grid, sequence=slot_at(grid, self.time()).sequence, why=why)

    async def due(self, chain: Chain, missed: Missed | None = None) -> Slot | None:
        """A slot of `chain` is due: take it, or note why it is missed; None when it is not ours to run."""
        grid = self._grid(chain)
        slot = slot_at(grid, self.time())
        if missed and self._is_shared:
            await asyncio.sleep(self._seconds_left(slot))  # whoever is free may take it until then
        last, jumps = self._last.get(grid, (None, self._jumps))
        if last is not None and slot.sequence <= last:
            return None  # ticked twice
        self._last[grid] = slot.sequence, self._jumps
        entry = Due(
            slot=slot,
            instance=self._instance,
            expires=self.time().timestamp() + chain.jitter_seconds + chain.deadline_seconds + _LAST_WORDS_SECONDS,
            why=why_passed_over(jumped=self._jumps > jumps, first=last is None),
            missed=missed,
        )
        if not missed:
            self._unheard.add(slot)
        try:
            written = await self._claimed(entry) if self._spool else self._without_store(entry, last)
        except asyncio.CancelledError:
            self._let_go(slot, missed)
            raise
        if missed or (written and slot in self._lost_claims):
            self._lost_claims.discard(slot)
            return None
        self._under_way.add(slot)
        return slot

    def _seconds_left(self, slot: Slot) -> float:
        """How long until a slot is almost over."""
        over = slot.grid.due(slot.sequence + 1) - self.time()
        return max(0.0, over.total_seconds() - min(_BEFORE_THE_NEXT_SECONDS, slot.grid.interval_seconds / 10))

    @property
    def _is_shared(self) -> bool:
        """Whether other instances may write into the same store."""
        return self._place is not None and self._place.store.is_shared

    async def _claimed(self, entry: Due) -> Written | None:
        return await self._put(entry, self._heard_of_due, self._patience(entry.slot.grid.chain))

    def _let_go(self, slot: Slot, missed: Missed | None) -> None:
        """Whoever was to take it is told to end; it may be ours already, in the store."""
        if self._spool and not missed:
            self._spool.give(Ended(slot=slot, instance=self._instance, missed=Missed.SHUTDOWN), self._heard_of_ended)

    def _without_store(self, entry: Due, last: int | None) -> Written:
        written = Written(passed_over=entry.slot.sequence - last - 1 if last is not None else 0)
        self._heard_of_due(entry, written)
        return written

    def _heard_of_due(self, entry: Due, written: Written) -> None:
        grid, sequence, is_ours = entry.slot.grid, entry.slot.sequence, written.ours or written.refused
        missed = entry.missed if is_ours else self._why_refused(entry.slot)
        unheard_of = sequence - 1 - self._told_until.get(grid, -1)  # what was refused is passed over by the next
        passed_over = max(0, min(written.passed_over, unheard_of))
        self._told_until[grid] = sequence
        self._books.expected(grid.chain, passed_over + 1)
        self._miss(grid.chain, entry.why, passed_over)
        self._miss(grid.chain, missed, 1 if missed else 0)
        if not is_ours and entry.slot in self._unheard:
            self._lost_claims.add(entry.slot)
        self._unheard.discard(entry.slot)

    def _why_refused(self, slot: Slot) -> Missed:
        return Missed.CLOCK_STEP if self._is_to_come(slot) else Missed.CLAIMED_ELSEWHERE

    def _is_to_come(self, slot: Slot) -> bool:
        """Whether we took a turn while our clock was ahead of the store's, and did not know."""
        return self._ahead is not None and (slot.due - self.time()).total_seconds() > STEP_SECONDS

    def _heard_of_closed(self, entry: Closed, written: Written) -> None:
        if written.passed_over:
            self._books.expected(entry.grid.chain, written.passed_over)
            self._miss(entry.grid.chain, entry.why, written.passed_over)

    def _heard_of_dead(self, _entry: Entry, written: Written) -> None:
        for chain, slots in written.died.items():
            self._books.expected(chain, slots)
            self._miss(chain, Missed.DIED_MID_RUN, slots)

    def _miss(self, chain: str, why: Missed | None, slots: int) -> None:
        if why is not None and slots:
            self._books.missed(chain, why, slots)

    async def lost(self, slot: Slot, why: Missed) -> None:
        """A slot that was taken comes to nothing; one that has ended stays as it ended."""
        if slot in self._under_way:
            self._under_way.discard(slot)
            await self._end(Ended(slot=slot, instance=self._instance, missed=why))

    async def _end(self, entry: Ended) -> None:
        if self._spool:
            await self._put(entry, self._heard_of_ended)
        else:
            self._heard_of_ended(entry, Written())

    def _heard_of_ended(self, entry: Ended, written: Written) -> None:
        chain = entry.slot.grid.chain
        if entry.slot in self._lost_claims:
            self._lost_claims.discard(entry.slot)  # it was counted when we heard of that
        elif written.refused:
            self._miss(chain, entry.missed or Missed.STORE_UNAVAILABLE, 1)
        elif not written.ours:
            _log.warning("history.result_refused", chain=chain, slot=entry.slot.sequence)
            self._miss(chain, Missed.DIED_MID_RUN, 1)
        elif entry.missed is not None:
            self._miss(chain, entry.missed, 1)
        else:
            self._books.recorded(chain)

    async def _put(self, entry: Entry, told: Heard = _nobody, patience: float = _PATIENCE_SECONDS) -> Written | None:
        """Hand an entry over, and hear what became of it: now, or whenever the store takes it."""
        if self._spool is None:
            return None
        return await self._spool.put(entry, patience_seconds=patience, told=told)

    async def _put_all(self, entries: Sequence[tuple[Entry, Heard]]) -> None:
        """Hand entries over together, for a store takes many in the time of one, and wait for the last of them."""
        if self._spool is None or not entries:
            return
        *_, last = [self._spool.give(entry, told) for entry, told in entries]
        if self.is_away is None:
            await asyncio.wait([last], timeout=_PATIENCE_SECONDS)

    # ── reports ──────────────────────────────────────────────────────────────────────────────────────────────────────

    async def write(self, report: Report) -> None:
        """Keep a report; if it took a slot, that ends with it."""
        told = recall_of(report)
        record = Record.of(report, told)
        self.memory.keep(told, record)
        self._know(record.run_id)
        if record.slot is None or record.slot not in self._under_way:  # none, or it was given up meanwhile
            await self._put(Kept(location=self._location, record=record))
            return
        self._under_way.discard(record.slot)
        late = self.is_away is not None
        await self._end(Ended(slot=record.slot, instance=self._instance, record=record, late=late))

    async def note(self, name: str, text: str) -> None:
        """Keep state of ours that a restart must not lose; not before we know what it was: this would be less."""
        if self._spool and not self.caught_up.is_set():
            return
        await self._put(Noted(location=self._location, name=name, text=text, at=self.time().timestamp()))

    async def claim(self, name: str, lasts_seconds: float) -> bool:
        """Whether we, of all instances, are to do what is called `name`; where nobody can tell, we are."""
        if not self._is_shared:
            return True
        entry = Claimed(
            location=self._location,
            name=name,
            instance=self._instance,
            at=self.time().timestamp(),
            lasts_seconds=lasts_seconds,
        )
        written = await self._put(entry)
        return written is None or written.ours

    async def recent(self, chain: str) -> Past:
        """What held before, other instances' runs included."""
        if self.caught_up.is_set() and self._place is not None and self._place.store.is_shared and not self.is_away:
            if self._asking is None or self._asking.done():
                self._asking, self._asked_at = asyncio.create_task(self._ask(self._place.store)), self._stopwatch()
            # One question at a time; a store that owes its answer is waited for no longer, and no turn sees to its end.
            patience = self._patience(chain) - (self._stopwatch() - self._asked_at)
            await asyncio.wait([self._asking], timeout=max(0.0, patience))
            if self._asking.done():
                self._asking.result()
        return await self.memory.recent(chain)

    async def _ask(self, store: Store) -> None:
        with contextlib.suppress(StoreUnavailable):
            self._hear(await store.news(self._heard))

    def _stopwatch(self) -> float:
        return asyncio.get_running_loop().time()

    def _patience(self, chain: str) -> float:
        """How long a turn of `chain` waits for the store: at most half its interval, or it would miss the next."""
        grid = self._grids.get(chain)
        return min(_PATIENCE_SECONDS, grid.interval_seconds / 2) if grid else _PATIENCE_SECONDS

    def _hear(self, told: Sequence[Recall]) -> None:
        """Take up the runs of others, and tell of them."""
        self._told(self._take_up(told))

    def _take_up(self, told: Sequence[Recall]) -> Sequence[Recall]:
        """Remember runs of others, and of ourselves before a restart, each once; those that are new."""
        new = [recall for recall in told if recall.run_id not in self._heard]
        self.memory.recall(new)
        for recall in new:
            self._know(recall.run_id)
        return new

    def _know(self, run_id: str) -> None:
        """Whoever has a store to itself is told of no run again once the past was read."""
        if self.caught_up.is_set() and not self._is_shared:
            return
        self._heard[run_id] = None
        while len(self._heard) > _HEARD:
            del self._heard[next(iter(self._heard))]

    async def get(self, run_id: str) -> Document | None:
        """The report of one run; None when it is not, or no longer, kept. Raises StoreUnavailable."""
        found = await self.memory.get(run_id)
        return found if found or not self._place else await self._place.store.get(run_id)

    async def newest(
        self,
        *,
        chain: str | None = None,
        verdict: RunVerdict | None = None,
        limit: int = 50,
        but_for: Trigger | None = None,
    ) -> Sequence[Document]:
        """The newest reports first, without those of one trigger; while the store is away, those in memory."""
        if self._place is not None and not self.is_away:
            with contextlib.suppress(StoreUnavailable):
                return await self._place.store.newest(chain=chain, verdict=verdict, limit=limit, but_for=but_for)
        return await self.memory.newest(chain=chain, verdict=verdict, limit=limit, but_for=but_for)

    async def newest_json(
        self, *, chain: str | None = None, verdict: RunVerdict | None = None, limit: int = 50
    ) -> Sequence[bytes]:
        """The newest reports first, as the text that is kept; while the store is away, those in memory."""
        if self._place is not None and not self.is_away:
            with contextlib.suppress(StoreUnavailable):
                return await self._place.store.newest_json(chain=chain, verdict=verdict, limit=limit)
        return await self.memory.newest_json(chain=chain, verdict=verdict, limit=limit)

    # ── the long view, which the store alone has ─────────────────────────────────────────────────────────────────────

    @property
    def _long_view(self) -> LongView:
        """Raises StoreUnavailable at once: nobody waits for a store that is known to be away."""
        if self._place is None:
            raise StoreUnavailable(_NOTHING_KEPT)
        if self.is_away:
            raise StoreUnavailable(self.is_away)
        return self._place.store

    async def bars(self, chain: str, since: datetime, until: datetime, buckets: int) -> Sequence[Bar]:
        """What each step of `chain` came to, in about so many stretches of time; those without a look are left out."""
        return await self._long_view.bars(chain, since, until, buckets)

    async def cause_times(self, chain: str, since: datetime) -> Sequence[CauseTime]:
        """When which cause was named, by half hours, oldest first."""
        return await self._long_view.cause_times(chain, since)

    async def revision_marks(self, since: datetime) -> Sequence[RevisionMark]:
        """When which service was first seen to be of another revision, oldest first."""
        return await self._long_view.revision_marks(since)

    async def coverage(self, chain: str, since: datetime) -> Sequence[Coverage]:
        """What became of the slots that were due since a moment, by grid."""
        return await self._long_view.coverage(chain, since)

    async def run_at(self, chain: str, step: str, since: datetime, until: datetime) -> str | None:
        """The last run in which a step failed between two moments, or else the last that looked; None: none is kept."""
        return await self._long_view.run_at(chain, step, since, until)

    # ── for the spool, and beside the turns ──────────────────────────────────────────────────────────────────────────

    async def write_entries(self, entries: Sequence[Entry]) -> list[Written]:
        """Hand entries to the store, once it can be opened."""
        if self._place is None:
            raise StoreUnavailable(_NOT_OPEN)
        if not self._is_open:
            await self._open_at_last(self._place.store)
        return await self._place.store.write([self._as_of_now(entry) for entry in entries])

    def _as_of_now(self, entry: Entry) -> Entry:
        """An entry that may have waited: whoever hands a turn over is alive, and nothing of ours is in the future."""
        now = self.time()
        match entry:
            case Due() | Ended() if self._is_to_come(entry.slot):
                return Dropped()
            case Due():
                life = entry.expires - entry.slot.due.timestamp()
                return replace(entry, expires=max(entry.expires, now.timestamp() + life))
            case Opened() if self._ahead is not None:
                return replace(entry, sequence=min(entry.sequence, slot_at(entry.grid, now).sequence + 1))
            case Closed() if self._ahead is not None:
                return replace(entry, sequence=min(entry.sequence, slot_at(entry.grid, now).sequence))
            case Noted():
                return replace(entry, at=min(entry.at, now.timestamp()))
        return entry

    async def _open_at_last(self, store: Store) -> None:
        """It was away when we began; too late now to refuse to begin."""
        try:
            await self._open_store(store)
        except StoreNotOurs as error:
            raise StoreUnavailable(error.why) from error

    async def _housekeeping(self, place: Place) -> None:
        """Slots of the dead, of grids that nobody keeps any more, and what has grown too old."""
        await self._sweep(self.time().timestamp() if place.store.is_shared else _NEVER)
        with contextlib.suppress(TimeoutError):  # which grids nobody keeps any more is known once ours are
            async with asyncio.timeout(_HOUSEKEEPING_SECONDS):
                await self._has_grids.wait()
        is_tidy = await self._surely(self._tidy_up, place)
        while True:
            await asyncio.sleep(_HOUSEKEEPING_SECONDS)
            is_tidy = is_tidy or await self._surely(self._tidy_up, place)
            await self._surely(self._keep_house, place)

    async def _surely(self, chore: Callable[[Place], Awaitable[None]], place: Place) -> bool:
        """Whether it could be done; whatever becomes of it, the next one comes round."""
        if not self._is_open or self.is_away:
            return False
        try:
            await chore(place)
        except StoreUnavailable:
            return False  # whoever writes will tell
        except Exception as error:  # noqa: BLE001 - a task that ends here would never sweep or prune again
            self._failed()
            _log.error("history.housekeeping_broke", exc_info=error)
            return False
        return True

    async def _tidy_up(self, place: Place) -> None:
        """Once, when we begin."""
        for chain, interval_seconds, _last in await place.store.open_grids():
            grid = grid_at(chain, self._location, interval_seconds)
            if self._grids and self._grids.get(chain) != grid:
                await self._put(self._closed(grid, Missed.PROCESS_DOWN), self._heard_of_closed)

    async def _keep_house(self, place: Place) -> None:
        if place.store.is_shared:
            await self._set_time(place.store)
            await self._sweep(self.time().timestamp())
            if self.caught_up.is_set():
                self._hear(await place.store.news(self._heard, _LOOK_BACK_SECONDS))
        await place.store.prune(place.keeping, await self._by_now(place))
        self._books.history_bytes(await place.store.size_bytes() + (self._spool.bytes if self._spool else 0))

    async def _by_now(self, place: Place) -> datetime:
        """What time it is for letting go of what is too old, which no clock alone may say.

        One that is set ahead, or that a machine begins with, makes the whole past too old at once, and nobody could
        bring it back. So of the past, from its oldest run on, at most a day goes with each hour that has passed by the
        stopwatch, which nobody sets: of weeks a day, while a clock is wrong for an hour. What is truly too old, after
        a time down or where `keep` was made shorter, goes at that pace; what takes too much room goes at once.
        """
        stopwatch = self._clock.seconds_since_boot()
        passed, self._pruned_at = stopwatch - self._pruned_at, stopwatch
        now, oldest = self._wall(stopwatch), await place.store.oldest()
        if oldest is None:
            return now
        return min(now, oldest + timedelta(seconds=place.keeping.seconds + passed * _CATCHING_UP))

    async def _sweep(self, before: float) -> None:
        await self._put(Swept(location=self._location, instance=self._instance, before=before), self._heard_of_dead)


def _beyond(grids: Mapping[str, Grid], others: Mapping[str, Grid]) -> list[Grid]:
    """Those that the others do not have, by name."""
    return [grids[name] for name in sorted(grids) if others.get(name) != grids[name]]
