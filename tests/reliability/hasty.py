"""`python -m tests.reliability.hasty serve …`: prober as it is, but that tests may hurry and hinder it from within.

A chain may turn more often than every 5 s; SIGUSR1 holds its event loop for three seconds; and a SQLite store may have
no more than so many pages, where PAGES says so.
"""

import os
import signal
import time

from prober.config import checks
from prober.publish.history import engine

STALL_SECONDS = 3.0

if __name__ == "__main__":
    checks.SHORTEST_INTERVAL_SECONDS = 0  # read anew by each check
    signal.signal(signal.SIGUSR1, lambda *_: time.sleep(STALL_SECONDS))
    if pages := os.environ.get("PAGES"):
        engine._WRITING += (f"max_page_count = {pages}",)

    from prober.cli import main

    main()
