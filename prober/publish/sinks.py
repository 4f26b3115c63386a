"""Sink, one outlet for reports, and Sinks, all of them at once: one that fails or dawdles never hurts another."""

import asyncio
from collections.abc import Callable, Iterable
from typing import Protocol

import structlog

from prober.model.report import Report

#: How long one sink may take over one report.
PATIENCE_SECONDS = 5.0


class Sink(Protocol):
    """An outlet: takes every report, one at a time per chain."""

    name: str

    async def write(self, report: Report) -> None:
        """Take one report."""
        ...


class Sinks:
    """Hands each report to every sink at once; counts and logs those that fail."""

    name = "sinks"

    def __init__(
        self,
        sinks: Iterable[Sink],
        *,
        patience_seconds: float = PATIENCE_SECONDS,
        on_failure: Callable[[str], None] | None = None,
    ) -> None:
        """Fan out to `sinks`; `on_failure` is told the name of each that fails, beside `failures`."""
        self._sinks = tuple(sinks)
        self._patience = patience_seconds
        self._on_failure = on_failure
        self._left_behind: set[asyncio.Task[None]] = set()
        self.failures: dict[str, int] = {sink.name: 0 for sink in self._sinks}

    async def write(self, report: Report) -> None:
        """Hand `report` to every sink; returns when all are done or out of time, and never raises for one of them."""
        tasks = {asyncio.create_task(sink.write(report)): sink.name for sink in self._sinks}
        try:
            if tasks:
                await asyncio.wait(tasks, timeout=self._patience)
        finally:
            late = self._leave_behind(tasks)
        for task, name in tasks.items():
            self._count(name, TimeoutError() if task in late else _failure(task))

    def _leave_behind(self, tasks: Iterable[asyncio.Task[None]]) -> set[asyncio.Task[None]]:
        """Cancel what is not done, and do not wait: a sink that ignores its cancellation would hold up the rest."""
        late = {task for task in tasks if not task.done()}
        for task in late:
            task.cancel()
            self._left_behind.add(task)
            task.add_done_callback(self._forget)
        return late

    def _forget(self, task: asyncio.Task[None]) -> None:
        self._left_behind.discard(task)
        _failure(task)  # looked at, or asyncio would complain of an exception nobody retrieved

    def _count(self, name: str, failure: BaseException | None) -> None:
        if failure is None:
            return
        self.failures[name] += 1
        structlog.get_logger("prober").error("sink.write_failed", sink=name, exc_info=failure)
        if self._on_failure is not None:
            self._on_failure(name)


def _failure(task: asyncio.Task[None]) -> BaseException | None:
    return asyncio.CancelledError() if task.cancelled() else task.exception()
