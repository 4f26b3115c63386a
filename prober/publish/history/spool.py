"""Spool: entries on their way into the store, in their order; a store that is away only makes the queue longer.

While it is away the queue is also kept in a file, so that a killed process loses nothing of it, and bounded: of the
oldest runs only the slot is kept then, as missed for `store_unavailable`; of notes of one name only the newest waits,
where the older one did. An entry that the store cannot take, though it is there, is a bug of ours: it is tried a few
times, then without its run, and must not hold up the others for ever.

A transaction costs the same for one entry and for many. So what a turn came to, on which nobody goes on, waits a moment
for others to go with; whatever somebody goes on with (a slot that is taken, a claim, a note) goes at once and takes it
along. Neither is anything said to be written before it is.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, Protocol

import structlog

from prober.model.errors import StoreUnavailable
from prober.publish.history.entries import (
    Ended,
    Entry,
    Noted,
    Written,
    awaits_company,
    from_line,
    overtakes,
    to_line,
    weight,
    without_overtaken,
    without_run,
)

_log = structlog.get_logger("prober.history")

#: Entries written in one transaction.
_BATCH = 50

#: So long an entry waits for company.
_COMPANY_SECONDS = 0.05

_FIRST_WAIT_SECONDS, _LONGEST_WAIT_SECONDS = 0.1, 5.0

#: How often an entry is tried that the store cannot take though it is there.
_TRIES = 3

#: What was let go in memory is let go in the file too when that has grown to so many times the bound.
_FILE_GROWS = 2


def _nobody(_entry: Entry, _written: Written) -> None:
    """Who need not hear what became of an entry."""


class Taker(Protocol):
    """Whoever takes entries in the end."""

    async def write_entries(self, entries: Sequence[Entry]) -> list[Written]:
        """Write all of `entries` or none; raises StoreUnavailable."""
        ...


@dataclass(slots=True)
class _Waiting:
    """An entry in the queue, and whoever wants to know of it."""

    entry: Entry
    done: asyncio.Future[Written]
    told: Callable[[Any, Written], None] = _nobody
    tries: int = 0  # that failed by a bug of ours
    bytes: int = field(init=False)
    is_urgent: bool = field(init=False)

    def __post_init__(self) -> None:
        self.bytes, self.is_urgent = weight(self.entry), not awaits_company(self.entry)


class Spool:
    """Hands entries to the store one batch at a time, for as long as it runs."""

    def __init__(self, taker: Taker, *, file: Path | None, limit_bytes: int, on_failure: Callable[[], None]) -> None:
        """Keep at most `limit_bytes` while the store is away, in `file` too if there is one."""
        self._taker, self._file, self._limit, self._on_failure = taker, file, limit_bytes, on_failure
        self._queue: deque[_Waiting] = deque()
        self._bytes = 0
        self._in_flight = 0  # of the queue: the store is being told of them
        self._file_bytes = 0
        self._is_torn = False  # the file lacks what could not be written into it
        self._news = asyncio.Event()
        self._urgent = 0  # of the queue
        self._hurried = 0  # whoever waits for all of it
        self._hurry = asyncio.Event()
        self._drained = asyncio.Event()
        self._drained.set()
        self.away_because: str | None = None
        self._refused = 0  # since it was away
        self._asked_at: float | None = None  # by the loop's clock, the store; None: nobody waits for its answer
        self.lost_runs = 0

    @property
    def bytes(self) -> int:
        """About how much is waiting."""
        return self._bytes

    def load(self, *left: Path) -> int:
        """Take up what processes before us could not hand over; how many entries it were.

        What dead neighbours `left` is in our own file then, and theirs are gone.
        """
        told = {path: lines for path in filter(None, (self._file, *left)) if (lines := self._lines(path)) is not None}
        for entry in without_overtaken(self._entries(line for lines in told.values() for line in lines)):
            self._append(_Waiting(entry, asyncio.get_running_loop().create_future()))
        if theirs := told.keys() & set(left) - {self._file}:
            self._take_over(theirs)
        return len(self._queue)

    def _take_over(self, theirs: Iterable[Path]) -> None:
        """Only when all of it is in our file."""
        self._file_anew()
        for path in () if self._is_torn else theirs:
            with contextlib.suppress(OSError):
                path.unlink()

    def _entries(self, lines: Iterable[str]) -> Sequence[Entry]:
        entries: list[Entry] = []
        unreadable = 0
        for line in lines:
            try:
                entries.append(from_line(line))
            except ValueError:  # the last line of a killed process may be half a line
                unreadable += 1
        if unreadable:
            self._on_failure()
            _log.warning("history.spool_unreadable", lines=unreadable)
        return entries

    def _lines(self, path: Path) -> Sequence[str] | None:
        """None where it cannot be read."""
        try:
            text = path.read_text(encoding="utf-8", errors="replace")
        except FileNotFoundError:
            return ()
        except OSError as error:
            self._on_failure()
            _log.error("history.spool_not_read", why=error.strerror)
            return None
        self._file_bytes = len(text)
        return [line for line in text.split("\n") if line]

    def give(self, entry: Entry, told: Callable[[Any, Written], None] = _nobody) -> asyncio.Future[Written]:
        """Hand over an entry without waiting; `told` hears what became of it, before whoever waits does.

        A note takes the place of one of its name that still waits; what becomes of that, only the newer one hears.
        """
        waiting = self._overtaken(entry)
        if waiting is None:
            waiting = _Waiting(entry, asyncio.get_running_loop().create_future(), told)
            self._append(waiting)
        else:
            waiting.told = told
            self._exchange(waiting, entry)
            self._has_come(waiting)
        return waiting.done

    def _overtaken(self, entry: Entry) -> _Waiting | None:
        """What need not be handed over any more; not of what the store is being told of: it may take it."""
        if not isinstance(entry, Noted):
            return None
        rest = islice(self._queue, self._in_flight, None)
        return next((waiting for waiting in rest if overtakes(entry, waiting.entry)), None)

    async def put(
        self, entry: Entry, *, patience_seconds: float, told: Callable[[Any, Written], None] = _nobody
    ) -> Written | None:
        """Hand over an entry; what became of it, or None when that is not known in time: it stays in the queue.

        `told` hears of it in any case, if it ever gets through: even when whoever waits is cancelled. A store that has
        owed an answer for as long as that is waited for no longer: one turn writes several entries, and would wait for
        each.
        """
        done = self.give(entry, told)
        if self.away_because is None:
            await asyncio.wait([done], timeout=max(0.0, patience_seconds - self.owing_seconds))
        return done.result() if done.done() else None

    @property
    def owing_seconds(self) -> float:
        """For how long the store has not answered."""
        return 0.0 if self._asked_at is None else asyncio.get_running_loop().time() - self._asked_at

    def _append(self, waiting: _Waiting) -> None:
        self._queue.append(waiting)
        self._bytes += waiting.bytes
        self._urgent += waiting.is_urgent
        self._drained.clear()
        self._news.set()
        if self._must_go:
            self._hurry.set()
        self._has_come(waiting)

    def _has_come(self, waiting: _Waiting) -> None:
        if self.away_because is not None:
            self._to_file(waiting)
            self._shrink()

    async def drained(self, patience_seconds: float | None) -> bool:
        """Whether the queue is empty within the time; None: wait until it is. Nothing waits for company meanwhile."""
        self._hurried += 1
        self._hurry.set()
        try:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(patience_seconds):
                    await self._drained.wait()
        finally:
            self._hurried -= 1
        return self._drained.is_set()

    async def aclose(self, patience_seconds: float) -> None:
        """Wait for the store a little; what it does not take goes into the file, for the next process."""
        if not await self.drained(patience_seconds if self.away_because is None else 0.0):
            self._file_anew()

    # ── handing over ─────────────────────────────────────────────────────────────────────────────────────────────────

    async def run(self) -> None:
        """Hand over, until cancelled."""
        wait, most = _FIRST_WAIT_SECONDS, _BATCH
        while True:
            await self._news.wait()
            await self._company()
            if await self._hand_over(most):
                wait, most = _FIRST_WAIT_SECONDS, min(2 * most, _BATCH)
                continue
            await asyncio.sleep(wait)
            wait, most = min(2 * wait, _LONGEST_WAIT_SECONDS), max(most // 4, 1)  # so many may take too long for ever

    async def _company(self) -> None:
        """Wait a moment for more, unless something must go."""
        self._hurry.clear()
        if not self._must_go:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_COMPANY_SECONDS):
                    await self._hurry.wait()

    @property
    def _must_go(self) -> bool:
        """Somebody waits for it, a transaction is full, or it has waited long enough for a store that was away."""
        return bool(self._urgent or self._hurried or self.away_because) or len(self._queue) >= _BATCH

    async def _hand_over(self, most: int) -> bool:
        """One batch; whether the store took it."""
        batch = list(islice(self._queue, most))
        self._in_flight, self._asked_at = len(batch), asyncio.get_running_loop().time()
        try:
            written = await self._taker.write_entries([waiting.entry for waiting in batch])
        except StoreUnavailable as error:
            self._in_flight = 0
            self.is_away(error.why)
            return False
        except Exception as error:  # noqa: BLE001 - an entry that can never be written must not hold up the others
            return await self._single_out(batch, error)
        finally:
            self._in_flight, self._asked_at = 0, None
        self._taken(batch, written)
        return True

    async def _single_out(self, batch: Sequence[_Waiting], error: Exception) -> bool:
        """Where one of many is at fault, try them one by one; where it is this one, try it again, and let it go."""
        if len(batch) > 1:
            return await self._hand_over(1)
        (poison,) = batch
        poison.tries += 1
        _log.error("history.entry_failed", entry=type(poison.entry).__name__, tries=poison.tries, exc_info=error)
        if poison.tries < _TRIES or self._lighten(poison):
            self.is_away(f"{type(error).__name__}, a bug of ours")
            return False
        self._on_failure()
        _log.error("history.entry_refused", entry=type(poison.entry).__name__)
        self._taken(batch, [Written(ours=False, refused=True)])
        return True

    def _taken(self, batch: Sequence[_Waiting], written: Sequence[Written]) -> None:
        for waiting, what in zip(batch, written, strict=True):
            self._queue.popleft()
            self._bytes -= waiting.bytes
            self._urgent -= waiting.is_urgent
            waiting.done.set_result(what)
            self._refused += isinstance(waiting.entry, Ended) and not what.ours
            waiting.told(waiting.entry, what)
        if not self._queue:
            self._news.clear()
            self._is_back()
            self._drained.set()

    # ── away and back ────────────────────────────────────────────────────────────────────────────────────────────────

    def is_away(self, why: str) -> None:
        """The store could not be reached, for the reason `why`."""
        if self.away_because is None:
            self._on_failure()
            _log.warning("history.store_away", why=why, waiting=len(self._queue))
            self.away_because = why
            self._shrink()
            self._file_anew()
        self.away_because = why

    def _is_back(self) -> None:
        if self._file is not None:
            with contextlib.suppress(OSError):
                self._file.unlink(missing_ok=True)
        self._file_bytes, self._is_torn = 0, False
        if self.away_because is not None:
            _log.info("history.store_back", results_refused=self._refused, runs_let_go=self.lost_runs)
        self.away_because, self._refused = None, 0

    def _to_file(self, waiting: _Waiting) -> None:
        """One more line; after one that could not be written whole, on a line of its own, and then all of them anew."""
        was_torn = self._is_torn
        self._write(self._file, "a", [waiting])
        if not self._is_torn and (was_torn or self._file_bytes > _FILE_GROWS * self._limit):
            self._file_anew()

    def _file_anew(self) -> None:
        """Beside the old one first, which holds what another process left until the new one is whole."""
        if self._file is None:
            return
        draft, self._file_bytes = self._file.with_name(f"{self._file.name}.new"), 0
        self._write(draft, "w", self._queue)
        if not self._is_torn:
            with contextlib.suppress(OSError):
                draft.replace(self._file)

    def _write(self, path: Path | None, mode: str, waiting: Iterable[_Waiting]) -> None:
        """As far as the disk allows: it may be the very thing that is full."""
        if path is None:
            return
        start = "\n" if self._is_torn else ""
        try:
            with path.open(mode, encoding="utf-8") as file:
                self._file_bytes += file.write(start)
                for each in waiting:
                    self._file_bytes += file.write(f"{to_line(each.entry)}\n")
        except OSError as error:
            if not self._is_torn:
                _log.warning("history.spool_not_written", why=error.strerror)
            self._is_torn = True
        else:
            self._is_torn = False

    def _shrink(self) -> None:
        """Let go of the oldest runs until what waits is within the bound; their slots stay.

        Not of those that the store is being told of: it may take them.
        """
        for waiting in islice(self._queue, self._in_flight, None):
            if self._bytes <= self._limit:
                return
            self._lighten(waiting)

    def _lighten(self, waiting: _Waiting) -> bool:
        """Keep of an entry what keeps the books whole; whether that is less than it was."""
        less = without_run(waiting.entry)
        if less is waiting.entry:
            return False
        self.lost_runs += 1
        self._exchange(waiting, less)
        return True

    def _exchange(self, waiting: _Waiting, entry: Entry) -> None:
        self._bytes -= waiting.bytes
        waiting.entry, waiting.bytes, waiting.tries = entry, weight(entry), 0
        self._bytes += waiting.bytes
