"""`python -m tests.reliability.hasty serve …`: prober as it is, but that tests may hurry and hinder it from within.

A chain may turn more often than every 5 s; SIGUSR1 holds its event loop for three seconds; a SQLite store may have
no more than so many pages, where PAGES says so; and where KILL_AFTER says so, it dies by SIGKILL once so many calls to
its store are over.
"""

import inspect
import itertools
import os
import signal
import time
from collections.abc import Awaitable, Callable
from typing import Any

from prober.config import checks
from prober.publish.history import engine
from prober.publish.history.store import SqlStore

STALL_SECONDS = 3.0


def _die_after(calls: int) -> None:
    """Whatever a store is asked counts, whether it comes to anything or not."""
    number = itertools.count(1)

    def counted(method: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        async def call(*given: Any, **named: Any) -> Any:
            try:
                return await method(*given, **named)
            finally:
                if next(number) == calls:
                    os.kill(os.getpid(), signal.SIGKILL)

        return call

    for name, method in inspect.getmembers(SqlStore, inspect.iscoroutinefunction):
        if not name.startswith("_"):
            setattr(SqlStore, name, counted(method))


if __name__ == "__main__":
    checks.SHORTEST_INTERVAL_SECONDS = 0  # read anew by each check
    signal.signal(signal.SIGUSR1, lambda *_: time.sleep(STALL_SECONDS))
    if pages := os.environ.get("PAGES"):
        engine._WRITING += (f"max_page_count = {pages}",)
    if calls := os.environ.get("KILL_AFTER"):
        _die_after(int(calls))

    from prober.cli import main

    main()
