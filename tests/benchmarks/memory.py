"""What a chain takes of memory: `python -m tests.benchmarks.memory --chains 100 1000 10000`.

A prober that has so many chains and has not turned yet, beside one of a single chain; and what one of its chains has
left behind after one turn and after sixty: real ones, of the ten steps. A process of its own for each figure.
"""

import argparse
import asyncio
import gc
import multiprocessing
import os
import sys
import tempfile
import tracemalloc
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from prober.app import Prober
from prober.model.chain import Trigger
from tests.benchmarks.chains import many
from tests.benchmarks.target import HOST, KEY_NAME, targets
from tests.benchmarks.turns import KEY, write_config
from tests.benchmarks.vitals import look

T = TypeVar("T")

#: Before anything is measured: imports, first addresses, caches.
_WARM = 5

#: So many chains turn, for what one of them leaves behind.
_TURNING = 10

_TURNS = 60


@dataclass(frozen=True, slots=True)
class Footprint:
    """What so many chains take."""

    chains: int
    idle_kib: float  # of each, before its first turn
    once_kib: float  # of each that has turned once, beyond that
    often_kib: float  # sixty times
    resident_mib: float  # of the whole process, before any turn

    def __str__(self) -> str:
        return (
            f"{self.chains:>6} chains  {self.idle_kib:.1f} KiB an idle chain; {self.once_kib:.1f} more after a turn,"
            f" {self.often_kib:.1f} after {_TURNS}; {self.resident_mib:.0f} MiB resident"
        )


@asynccontextmanager
async def _prober() -> AsyncIterator[Prober]:
    """One that has turned before, with the ten steps."""
    with tempfile.TemporaryDirectory() as folder:
        async with targets(KEY) as port:
            config = write_config(Path(folder) / "probes.yaml", 1)
            prober = Prober(config, {**os.environ, "TARGET": f"http://{HOST}:{port}", KEY_NAME: KEY})
            try:
                await _turn(prober, _WARM)
                gc.collect()
                yield prober
            finally:
                await prober.aclose()


async def _turn(prober: Prober, times: int) -> None:
    """Take turns of the first chains."""
    for chain in list(prober.plan.chains.values())[:_TURNING]:
        for _ in range(times):
            await prober.turn(prober._errand(chain, Trigger.SCHEDULE))


async def _grow(prober: Prober, chains: int) -> None:
    """Go on with so many chains, as a reload does."""
    plan = many(prober.plan, chains)
    prober.engine = replace(prober.engine, plan=plan)
    prober.board.adopt(plan)
    prober.alarms.adopt(plan)
    await prober.history.adopt(plan.chains.values())
    prober._schedule.adopt(plan.chains)
    gc.collect()


def _traced() -> float:
    gc.collect()
    return tracemalloc.get_traced_memory()[0] / 1024


async def _shares(chains: int) -> tuple[float, float, float]:
    async with _prober() as prober:
        tracemalloc.start()
        await _grow(prober, chains)
        idle = _traced()
        await _turn(prober, 1)
        once = _traced()
        await _turn(prober, _TURNS - 1)
        often = _traced()
        tracemalloc.stop()
    turning = min(_TURNING, chains)
    return idle / chains, (once - idle) / turning, (often - idle) / turning


async def _resident(chains: int) -> float:
    async with _prober() as prober:
        await _grow(prober, chains)
        return look(os.getpid(), ()).rss_bytes / 2**20


def _shares_of(chains: int) -> tuple[float, float, float]:
    return asyncio.run(_shares(chains))


def _resident_of(chains: int) -> float:
    return asyncio.run(_resident(chains))


def measure(chains: int) -> Footprint:
    """What so many chains take."""
    return Footprint(chains, *_apart(_shares_of, chains), _apart(_resident_of, chains))


def _apart(work: Callable[[int], T], chains: int) -> T:
    """In a process of its own, which remembers nothing."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(work, chains).result()


def main(words: Sequence[str] | None = None) -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.memory", description=__doc__)
    parser.add_argument("--chains", type=int, nargs="+", default=[100, 1000, 10_000])
    for chains in parser.parse_args(words).chains:
        sys.stdout.write(f"{measure(chains)}\n")


if __name__ == "__main__":
    main()
