"""What it takes to keep a run: `python -m tests.benchmarks.history --runs 2000`.

A report of seven steps becomes a record, is remembered and is written to a SQLite file, twenty at a time as when turns
go on beside each other; the CPU time of this process until all of it is in the store.
"""

import argparse
import asyncio
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from prober.gather.clock import SystemClock
from prober.model.chain import Keeping
from prober.publish.board import Board
from prober.publish.history.engine import in_file
from prober.publish.history.keeper import Keeper, Place
from prober.publish.history.store import SqlStore
from tests.publish import builders as p

_AT_ONCE = 20
_WRITTEN_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Kept:
    """What came of it."""

    runs: int
    cpu_seconds: float
    written: int

    @property
    def microseconds(self) -> float:
        """CPU time of one run, user and system, of all threads."""
        return self.cpu_seconds / self.runs * 1e6


async def measure(runs: int) -> Kept:
    """So many runs."""
    report = p.build_report(*p.healthy_results())
    reports = [replace(report, run=replace(report.run, id=f"{number:032x}")) for number in range(runs)]
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "prober.db"
        keeper = Keeper(SystemClock(), Board(p.build_plan(), causes=[]), instance="one", location="here")
        await keeper.open(
            Place(store=SqlStore(in_file(file), "here"), keeping=Keeping(), spool=file.with_suffix(".spool"))
        )
        began = time.process_time()
        for first in range(0, runs, _AT_ONCE):
            await asyncio.gather(*map(keeper.write, reports[first : first + _AT_ONCE]))
        assert keeper._spool is not None
        await keeper._spool.drained(_WRITTEN_SECONDS)
        taken = time.process_time() - began
        written = len(await keeper.newest(limit=runs))
        await keeper.aclose()
    return Kept(runs, taken, written)


def main(words: Sequence[str] | None = None) -> int:
    """Measure, and print; 1 where a run is not in the store."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.history", description=__doc__)
    parser.add_argument("--runs", type=int, default=2000)
    found = asyncio.run(measure(parser.parse_args(words).runs))
    sys.stdout.write(f"{found.microseconds:.0f} µs CPU a run, {found.written} of {found.runs} in the store\n")
    return int(found.written != found.runs)


if __name__ == "__main__":
    sys.exit(main())
