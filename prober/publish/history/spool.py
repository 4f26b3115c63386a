"""Spool: entries on their way into the store, in their order; a store that is away only makes the queue longer.

While it is away the queue is also kept in a file, so that a killed process loses nothing of it, and bounded: of the
oldest runs only the slot is kept then, as missed for `store_unavailable`.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import structlog

from prober.model.errors import StoreUnavailable
from prober.publish.history.entries import Ended, Entry, Written, from_line, to_line, weight, without_run

_log = structlog.get_logger("prober.history")

#: Entries written in one transaction.
_BATCH = 50

_FIRST_WAIT_SECONDS, _LONGEST_WAIT_SECONDS = 0.1, 5.0


class Taker(Protocol):
    """Whoever takes entries in the end."""

    async def write_entries(self, entries: Sequence[Entry]) -> list[Written]:
        """Write all of `entries` or none; raises StoreUnavailable."""
        ...


@dataclass(slots=True)
class _Waiting:
    """An entry in the queue, and whoever waits for it."""

    entry: Entry
    done: asyncio.Future[Written]
    told: Callable[[Any, Written], None] | None
    waits: bool = True  # somebody is still waiting
    bytes: int = field(init=False)

    def __post_init__(self) -> None:
        self.bytes = weight(self.entry)


class Spool:
    """Hands entries to the store one batch at a time, for as long as it runs."""

    def __init__(self, taker: Taker, *, file: Path | None, limit_bytes: int, on_failure: Callable[[], None]) -> None:
        """Keep at most `limit_bytes` while the store is away, in `file` too if there is one."""
        self._taker, self._file, self._limit, self._on_failure = taker, file, limit_bytes, on_failure
        self._queue: deque[_Waiting] = deque()
        self._bytes = 0
        self._news = asyncio.Event()
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

    def load(self) -> int:
        """Take up what a process before us could not hand over; how many entries it were."""
        lines = self._file.read_text(encoding="utf-8").splitlines() if self._file and self._file.exists() else []
        for line in lines:
            with contextlib.suppress(ValueError):  # the last line of a killed process may be half a line
                self._append(_Waiting(from_line(line), asyncio.get_running_loop().create_future(), None, waits=False))
        return len(self._queue)

    async def put(
        self, entry: Entry, *, patience_seconds: float, told: Callable[[Any, Written], None] | None = None
    ) -> Written | None:
        """Hand over an entry; what became of it, or None when that is not known in time: it stays in the queue.

        `told` hears of it in that case, if it ever gets through. A store that has owed an answer for as long as that
        is waited for no longer: one turn writes several entries, and would wait for each.
        """
        waiting = _Waiting(entry, asyncio.get_running_loop().create_future(), told)
        self._append(waiting)
        if self.away_because is None:
            with contextlib.suppress(TimeoutError):
                return await asyncio.wait_for(asyncio.shield(waiting.done), patience_seconds - self.owing_seconds)
        waiting.waits = False
        return None

    @property
    def owing_seconds(self) -> float:
        """For how long the store has not answered."""
        return 0.0 if self._asked_at is None else asyncio.get_running_loop().time() - self._asked_at

    def _append(self, waiting: _Waiting) -> None:
        self._queue.append(waiting)
        self._bytes += waiting.bytes
        self._drained.clear()
        self._news.set()
        if self.away_because is not None:
            self._to_file([waiting])
            self._shrink()

    async def drained(self, patience_seconds: float) -> bool:
        """Whether the queue is empty within the time."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._drained.wait(), patience_seconds)
        return self._drained.is_set()

    async def aclose(self, patience_seconds: float) -> None:
        """Wait for the store a little; what it does not take goes into the file, for the next process."""
        if not await self.drained(patience_seconds):
            self._to_file(self._queue, anew=True)

    # ── handing over ─────────────────────────────────────────────────────────────────────────────────────────────────

    async def run(self) -> None:
        """Hand over, until cancelled."""
        wait = _FIRST_WAIT_SECONDS
        while True:
            await self._news.wait()
            if await self._hand_over(_BATCH):
                wait = _FIRST_WAIT_SECONDS
                continue
            await asyncio.sleep(wait)
            wait = min(2 * wait, _LONGEST_WAIT_SECONDS)

    async def _hand_over(self, most: int) -> bool:
        """One batch; whether the store took it."""
        batch = [self._queue[place] for place in range(min(most, len(self._queue)))]
        self._asked_at = asyncio.get_running_loop().time()
        try:
            written = await self._taker.write_entries([waiting.entry for waiting in batch])
        except StoreUnavailable as error:
            self.is_away(error.why)
            return False
        except Exception as error:  # noqa: BLE001 - an entry that can never be written must not hold up the others
            return await self._single_out(batch, error)
        finally:
            self._asked_at = None
        self._taken(batch, written)
        return True

    async def _single_out(self, batch: Sequence[_Waiting], error: Exception) -> bool:
        """Where one of many is at fault, try them one by one; where it is this one, let it go."""
        if len(batch) > 1:
            return await self._hand_over(1)
        self._on_failure()
        _log.error("history.entry_refused", entry=type(batch[0].entry).__name__, exc_info=error)
        self._taken(batch, [Written(ours=False)])
        return True

    def _taken(self, batch: Sequence[_Waiting], written: Sequence[Written]) -> None:
        for waiting, what in zip(batch, written, strict=True):
            self._queue.popleft()
            self._bytes -= waiting.bytes
            waiting.done.set_result(what)
            self._refused += isinstance(waiting.entry, Ended) and not what.ours
            if not waiting.waits and waiting.told is not None:
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
            self._to_file(self._queue, anew=True)
            self._shrink()
        self.away_because = why

    def _is_back(self) -> None:
        if self._file is not None:
            with contextlib.suppress(OSError):
                self._file.unlink(missing_ok=True)
        if self.away_because is not None:
            _log.info("history.store_back", results_refused=self._refused)
        self.away_because, self._refused = None, 0

    def _to_file(self, waiting: Iterable[_Waiting], *, anew: bool = False) -> None:
        """As far as the disk allows: it may be the very thing that is full."""
        if self._file is None:
            return
        try:
            with self._file.open("w" if anew else "a", encoding="utf-8") as file:
                file.writelines(f"{to_line(each.entry)}\n" for each in waiting)
        except OSError as error:
            _log.warning("history.spool_not_written", why=error.strerror)

    def _shrink(self) -> None:
        """Let go of the oldest runs until what waits is within the bound; their slots stay."""
        for waiting in self._queue:
            if self._bytes <= self._limit:
                return
            self._lighten(waiting)

    def _lighten(self, waiting: _Waiting) -> None:
        less = without_run(waiting.entry)
        if less is waiting.entry:
            return
        self.lost_runs += 1
        self._bytes -= waiting.bytes
        waiting.entry, waiting.bytes = less, weight(less)
        self._bytes += waiting.bytes
