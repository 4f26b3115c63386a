"""What the schedule costs, and how late it is: `python -m tests.benchmarks.ticks --chains 100 1000 10000`.

The schedule alone, over books in memory, with turns that do nothing; so many chains that each time as many turns come
due in a second. Lateness stands beside that of a bare sleeper, which is the machine's.
"""

import argparse
import asyncio
import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass

from prober.app import run_evenly
from prober.gather.clock import SystemClock
from prober.model.chain import Chain
from prober.model.slot import Missed, Slot
from prober.publish.history.keeper import Keeper
from prober.schedule import Schedule

#: Turns that come due in a second: those of 10,000 chains every minute.
RATE = 10_000 / 60


@dataclass(frozen=True, slots=True)
class Ticks:
    """What came of so many chains."""

    chains: int
    turns: int
    missed: int
    cpu_seconds: float
    laid_seconds: float  # CPU time until all of them were laid
    late_ms: tuple[float, float, float]  # median, 99 of 100, all
    floor_ms: tuple[float, float, float]  # of a bare sleeper

    @property
    def microseconds(self) -> float:
        """CPU time of one turn."""
        return self.cpu_seconds / self.turns * 1e6

    def __str__(self) -> str:
        late, floor = (" / ".join(f"{each:.1f}" for each in told) for told in (self.late_ms, self.floor_ms))
        return (
            f"{self.chains:>6} chains  {self.turns:>5} turns, {self.missed} missed"
            f"  {self.microseconds:>4.0f} µs CPU a turn  laid in {self.laid_seconds * 1e3:.0f} ms CPU"
            f"  late {late} ms (p50 / p99 / most; a sleeper {floor} ms)"
        )


class Books:
    """Counts what the ledger tells."""

    def __init__(self) -> None:
        """Nothing was due."""
        self.turns, self.lost = 0, 0
        self.lateness: list[float] = []

    def expected(self, _chain: str, slots: int = 1) -> None:
        """Turns were due."""
        self.turns += slots

    def missed(self, _chain: str, _reason: Missed, slots: int = 1) -> None:
        """They were not taken."""
        self.lost += slots

    def recorded(self, _chain: str) -> None:
        """A turn ended in a report."""

    def internal_error(self, _component: str) -> None:
        """A part of ours failed."""

    def history_bytes(self, _size: int) -> None:
        """How much room the past takes."""


async def _turn(_chain: Chain, _slot: Slot) -> None:
    """Nothing is looked at."""


async def measure(chains: int, seconds: float, rate: float = RATE) -> Ticks:
    """So many chains for so long."""
    books = Books()
    named = {name: Chain(name=name, steps=(), interval_seconds=chains / rate) for name in map(_name, range(chains))}
    keeper = Keeper(SystemClock(), books, instance="one", location="here")
    await keeper.adopt(named.values())
    schedule = Schedule(_turn, keeper, books.lateness.append)
    floor = await _sleeps(seconds / 4, rate)
    run_evenly()
    laid = time.process_time()
    schedule.start(named)
    laid = time.process_time() - laid
    await asyncio.sleep(1)
    books.lateness.clear()
    before, lost, cpu = books.turns, books.lost, time.process_time()
    await asyncio.sleep(seconds)
    cpu, turns, lost = time.process_time() - cpu, books.turns - before, books.lost - lost
    await schedule.stop(1)
    return Ticks(chains, turns, lost, cpu, laid, _spread(books.lateness), _spread(floor))


def _name(number: int) -> str:
    return f"chain-{number:05}"


async def _sleeps(seconds: float, rate: float) -> list[float]:
    """How late somebody wakes who has nothing else to do."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    late = []
    for number in range(int(seconds * rate)):
        due = began + number / rate
        await asyncio.sleep(due - loop.time())
        late.append(loop.time() - due)
    return late


def _spread(late: Sequence[float]) -> tuple[float, float, float]:
    by_size = sorted(late)
    return statistics.median(by_size) * 1e3, by_size[int(0.99 * len(by_size))] * 1e3, by_size[-1] * 1e3


def main(words: Sequence[str] | None = None) -> int:
    """Measure, and print; 1 where a turn was missed."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.ticks", description=__doc__)
    parser.add_argument("--chains", type=int, nargs="+", default=[100, 1000, 10_000])
    parser.add_argument("--seconds", type=float, default=20)
    asked = parser.parse_args(words)
    told = [asyncio.run(measure(chains, asked.seconds)) for chains in asked.chains]
    sys.stdout.writelines(f"{each}\n" for each in told)
    sys.stdout.write(f"growth of CPU a turn: {told[-1].microseconds / told[0].microseconds:.2f}\n")
    return int(any(each.missed for each in told))


if __name__ == "__main__":
    sys.exit(main())
