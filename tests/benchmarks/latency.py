"""How true a latency is: `python -m tests.benchmarks.latency [--transport stock]`.

A target answers 50 ms after it was asked and tells how long it really took. What our looks measure beyond that is their
error: alone, at 100 a second, 500 at once, and at 100 a second while our own loop stands still for 100 ms each second.
Beside it, what a stopwatch around the same looks says.
"""

import argparse
import asyncio
import os
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from prober.app import Prober, run_evenly
from prober.model.chain import Trigger
from prober.model.observation import HttpSeen, Observation
from prober.model.trouble import Phase
from tests.benchmarks.target import HOST, targets

AFTER_MS = 50
_STALL_SECONDS = 0.1

_CONFIG = f"""
version: 1
environment: benchmark
budget: {{requests_per_second: 10000, burst: 10000}}
history: {{file: FOLDER/prober.db}}
services: {{auth: {{role: auth, url: "${{TARGET}}"}}}}
chains:
  chain:
    interval: 60s
    deadline: 30s
    steps: [{{name: look, probe: http, service: auth, get: /after/{AFTER_MS}, expect: {{status: 200}}, timeout: 30s}}]
"""


@dataclass(frozen=True, slots=True)
class Errors:
    """How far off looks were, in milliseconds: what was told of the target, and a stopwatch around the look."""

    looks: int
    told_p50: float
    told_p99: float
    stopwatch_p50: float
    stopwatch_p99: float
    tainted: int

    @classmethod
    def of(cls, looks: Sequence[Observation]) -> "Errors":
        """Of looks that all saw an answer; how many of them say themselves that they met a stall is counted."""
        told = sorted(_error(look, look.latency_seconds - look.phases.get(Phase.CONNECT, 0.0)) for look in looks)
        stopwatch = sorted(_error(look, look.duration_seconds) for look in looks)
        return cls(
            len(looks),
            _quantile(told, 0.5),
            _quantile(told, 0.99),
            _quantile(stopwatch, 0.5),
            _quantile(stopwatch, 0.99),
            sum(look.stalled_seconds > 0 for look in looks),
        )


def _error(look: Observation, seconds: float) -> float:
    if not isinstance(look.seen, HttpSeen) or not isinstance(look.seen.json, Mapping):
        message = f"no answer: {look.seen}"
        raise TypeError(message)
    return abs(seconds - float(str(look.seen.json["took"]))) * 1e3


def _quantile(ordered: Sequence[float], share: float) -> float:
    return round(ordered[min(len(ordered) - 1, int(len(ordered) * share))], 3)


# ── ways to look ─────────────────────────────────────────────────────────────────────────────────────────────────────

Look = Callable[[], Awaitable[Observation]]


async def alone(look: Look, count: int) -> Sequence[Observation]:
    """One after the other."""
    return [await look() for _ in range(count)]


async def spread(look: Look, count: int) -> Sequence[Observation]:
    """A hundred a second."""
    tasks = []
    for _ in range(count):
        tasks.append(asyncio.create_task(_coroutine(look)))
        await asyncio.sleep(0.01)
    return await asyncio.gather(*tasks)


async def at_once(look: Look, count: int) -> Sequence[Observation]:
    """Five hundred at the same moment, and again."""
    return [seen for _ in range(max(1, count // 500)) for seen in await asyncio.gather(*(look() for _ in range(500)))]


async def stalled(look: Look, count: int) -> Sequence[Observation]:
    """A hundred a second, while our loop stands still for 100 ms each second."""

    async def hold() -> None:
        while True:
            await asyncio.sleep(1 - _STALL_SECONDS)
            time.sleep(_STALL_SECONDS)  # noqa: ASYNC251 - the loop stands still on purpose

    holding = asyncio.create_task(hold())
    try:
        return await spread(look, count)
    finally:
        holding.cancel()


async def _coroutine(look: Look) -> Observation:
    return await look()


WAYS: Mapping[str, Callable[[Look, int], Awaitable[Sequence[Observation]]]] = {
    "alone": alone,
    "100 a second": spread,
    "500 at once": at_once,
    "100 a second, stalls of 100 ms": stalled,
}


async def measure(count: int, ways: Sequence[str] = tuple(WAYS)) -> dict[str, Errors]:
    """The errors of so many looks taken in each of these ways."""
    async with _looker() as look:
        await at_once(look, 1)  # imports, first addresses
        run_evenly()
        return {name: Errors.of(await way(look, count)) for name, way in WAYS.items() if name in ways}


@asynccontextmanager
async def _looker() -> AsyncIterator[Look]:
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "probes.yaml"
        config.write_text(_CONFIG.replace("FOLDER", folder), encoding="utf-8")
        async with targets("unused") as port:
            prober = Prober(config, {**os.environ, "TARGET": f"http://{HOST}:{port}"})
            chain = prober.plan.chains["chain"]

            async def look() -> Observation:
                run = await prober.engine.gatherer.run(prober._errand(chain, Trigger.MANUAL))
                found = run.results[0].observation
                assert found is not None
                return found

            prober._watch_loop()
            try:
                yield look
            finally:
                await prober.aclose()


def main(words: Sequence[str] | None = None) -> int:
    """Measure, and print."""
    asked = _parser().parse_args(words)
    os.environ["PROBER_TRANSPORT"] = asked.transport
    found = asyncio.run(measure(asked.looks))
    sys.stdout.write(f"{'error in ms':<32} {'told p50':>9} {'p99':>9} {'stopwatch p50':>14} {'p99':>9}  tainted\n")
    for name, each in found.items():
        told = f"{each.told_p50:>9.2f} {each.told_p99:>9.2f} {each.stopwatch_p50:>14.2f} {each.stopwatch_p99:>9.2f}"
        sys.stdout.write(f"{name:<32} {told}  {each.tainted} of {each.looks}\n")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.latency", description=__doc__)
    parser.add_argument("--looks", type=int, default=500)
    parser.add_argument("--transport", choices=("lean", "stock"), default="lean")
    return parser


if __name__ == "__main__":
    sys.exit(main())
