"""What one scrape costs, for a few and for many chains: `python -m tests.benchmarks.scrape --chains 1 30`.

Prints the size of the page, the CPU time of rendering it beside that of the library, and the longest the event loop was
kept waiting meanwhile (the median of several scrapes), beside the longest while nothing was rendered: what the machine
itself, and whoever else uses it, takes.
"""

import argparse
import asyncio
import os
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from prober.app import Prober, run_evenly
from prober.lab.world import World
from prober.publish.board import Board
from prober.publish.exposition import reference
from prober.publish.metrics import families, render
from prober.publish.web.routes.metrics import page
from tests.benchmarks.chains import many, write_config

#: As Prometheus asks.
ACCEPT = "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3,*/*;q=0.2"

_ROUNDS = 9
_ROUNDS_OF_THEIRS = 3
_TICK_SECONDS = 0.001


@dataclass(frozen=True, slots=True)
class Cost:
    """One line of the result."""

    chains: int
    lines: int
    kilobytes: float
    render_ms: float
    reference_ms: float
    stall_ms: float
    floor_ms: float

    @property
    def microseconds(self) -> float:
        """CPU time of one line."""
        return self.render_ms / self.lines * 1e3

    def __str__(self) -> str:
        times = self.reference_ms / self.render_ms
        return (
            f"{self.chains:>5} chains  {self.lines:>8} lines  {self.kilobytes:>8.0f} KB  {self.render_ms:>7.1f} ms CPU"
            f"  {self.microseconds:.2f} µs a line, {times:.1f} times as fast as prometheus_client"
            f"  loop kept waiting {self.stall_ms:.1f} ms (idle: {self.floor_ms:.1f} ms)"
        )


@asynccontextmanager
async def filled_board(chains: int) -> AsyncIterator[Board]:
    """A board on which each of so many chains has a report of a real run."""
    with tempfile.TemporaryDirectory() as folder:
        path = write_config(Path(folder) / "probes.yaml", 1, 5)
        async with World() as world:
            prober = Prober(path, {**os.environ, **world.environment})
            try:
                (report,) = await prober.once([])
            finally:
                await prober.aclose()
        board = prober.board
        board.adopt(many(prober.plan, chains))
        for chain in board.plan.chains.values():
            await board.write(replace(report, run=replace(report.run, chain=chain)))
        yield board


async def longest_wait(during: Callable[[], Awaitable[object]]) -> float:
    """How many seconds longer than asked a sleeper on the event loop had to wait, at most, during this."""
    waits = [0.0]
    sleeper = asyncio.create_task(_sleep_and_note(waits))
    try:
        await during()
    finally:
        sleeper.cancel()
    return max(waits)


async def _sleep_and_note(waits: list[float]) -> None:
    while True:
        began = time.perf_counter()
        await asyncio.sleep(_TICK_SECONDS)
        waits.append(time.perf_counter() - began - _TICK_SECONDS)


async def measure(chains: int) -> Cost:
    """What a scrape of so many chains costs."""
    async with filled_board(chains) as board:
        rendering = asyncio.Lock()
        run_evenly()
        body = b"".join((await page(board, rendering, ACCEPT)).blocks)
        stalls = [await longest_wait(lambda: page(board, rendering, ACCEPT)) for _ in range(_ROUNDS)]
        floors = [await longest_wait(lambda: asyncio.sleep(0.1)) for _ in range(_ROUNDS)]
        times = [_cpu_seconds(lambda: render(board, ACCEPT)) for _ in range(_ROUNDS)]
        theirs = [_cpu_seconds(lambda: reference(families(board, ""), ACCEPT)) for _ in range(_ROUNDS_OF_THEIRS)]
    return Cost(
        chains=chains,
        lines=body.count(b"\n"),
        kilobytes=len(body) / 1024,
        render_ms=statistics.median(times) * 1e3,
        reference_ms=statistics.median(theirs) * 1e3,
        stall_ms=statistics.median(stalls) * 1e3,
        floor_ms=statistics.median(floors) * 1e3,
    )


def _cpu_seconds(work: Callable[[], object]) -> float:
    began = time.thread_time()
    work()
    return time.thread_time() - began


def main(words: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.scrape", description=__doc__)
    parser.add_argument("--chains", type=int, nargs="+", default=[1, 30])
    for chains in parser.parse_args(words).chains:
        sys.stdout.write(f"{asyncio.run(measure(chains))}\n")


if __name__ == "__main__":
    main()
