"""What a turn costs when there is no end of them: `python -m tests.benchmarks.turns --turns 1000 --at-once 20`.

The whole service but for the clock: everything is looked at over real sockets, judged, put on the board, logged to a
file and written to a store, which has everything when the stopwatch stops. It prints the CPU time of this process a
turn; `--profile` tells where it goes.
"""

import argparse
import asyncio
import contextlib
import cProfile
import io
import json
import logging
import os
import pstats
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import structlog
from ruamel.yaml import YAML

from prober.app import Prober, run_evenly
from prober.model.chain import Trigger
from prober.model.verdict import RunVerdict
from prober.publish.log import LogSink, configure
from tests.benchmarks.target import HOST, KEY_NAME, targets

KEY = "the-key-of-a-benchmark-holds-nothing-secret"

#: Before anything is measured: imports, first addresses, caches.
_WARM = 30

#: What turns leave behind is written while they go on; so long is waited for the rest.
_WRITTEN_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Turns:
    """What came of it."""

    turns: int
    cpu_seconds: float
    wall_seconds: float
    passed: int

    @property
    def microseconds(self) -> float:
        """CPU time of one turn, user and system, of all threads."""
        return self.cpu_seconds / self.turns * 1e6


def write_config(path: Path, chains: int, interval_seconds: int = 60) -> Path:
    """The ten steps under as many names as wanted; JSON, which is YAML too."""
    document = YAML(typ="safe", pure=True).load((files("tests.benchmarks") / "ten_steps.yaml").read_text("utf-8"))
    chain = {**document["chains"]["chain"], "interval": f"{interval_seconds}s"}
    document["chains"] = {f"chain-{number:05}": chain for number in range(chains)}
    document["history"] = {"file": str(path.with_name("prober.db"))}
    path.write_text(json.dumps(document), encoding="utf-8")
    return path


def allowing(chains: int) -> Mapping[str, str]:
    """What the environment has to say for a config of so many chains."""
    return {"PROBER_MOST_STEPS": str(max(2000, chains * 6))}


async def measure(turns: int, at_once: int, chains: int = 1, profile: cProfile.Profile | None = None) -> Turns:
    """So many turns of so many chains, so many under way at a time."""
    with tempfile.TemporaryDirectory() as folder, _logging_to(Path(folder) / "log"):
        async with targets(KEY) as port:
            config = write_config(Path(folder) / "probes.yaml", chains)
            told = {**os.environ, "TARGET": f"http://{HOST}:{port}", KEY_NAME: KEY, **allowing(chains)}
            prober = Prober(config, told, [LogSink()])
            configure(prober.redact)
            try:
                await prober._open_history()
                await _turned(prober, max(_WARM, chains), at_once)
                run_evenly()
                return await _measured(prober, turns, at_once, profile)
            finally:
                await prober.aclose()


async def _measured(prober: Prober, turns: int, at_once: int, profile: cProfile.Profile | None) -> Turns:
    if profile:
        profile.enable()
    cpu, wall = time.process_time(), time.perf_counter()
    passed = await _turned(prober, turns, at_once)
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    if profile:
        profile.disable()
    return Turns(turns, cpu, wall, passed)


async def _turned(prober: Prober, turns: int, at_once: int) -> int:
    """Take turns of all chains, and see them written down; how many passed."""
    chains = list(prober.plan.chains.values())
    left, passed = iter(range(turns)), 0

    async def work() -> None:
        nonlocal passed
        for number in left:
            report = await prober.turn(prober._errand(chains[number % len(chains)], Trigger.MANUAL))
            passed += report.run.verdict is RunVerdict.PASS

    await asyncio.gather(*(work() for _ in range(at_once)))
    if not await prober.history._spool.drained(_WRITTEN_SECONDS):
        message = "the store does not keep up"
        raise RuntimeError(message)
    return passed


@contextlib.contextmanager
def _logging_to(path: Path) -> Iterator[None]:
    """Standard error is where the log goes: here a file, as in production a pipe. Afterwards all is as it was."""
    root, told = logging.getLogger(), structlog.get_config()
    kept, handlers, level, sys.stderr = sys.stderr, root.handlers, root.level, path.open("w", encoding="utf-8")
    try:
        yield
    finally:
        root.handlers, root.level = handlers, level
        structlog.configure(**told)
        sys.stderr.close()
        sys.stderr = kept


def main(words: Sequence[str] | None = None) -> int:
    """Measure, and print; 1 where a turn did not pass."""
    asked = _parser().parse_args(words)
    profile = cProfile.Profile() if asked.profile else None
    found = asyncio.run(measure(asked.turns, asked.at_once, asked.chains, profile))
    told = f"{found.microseconds:.0f} µs CPU a turn, {found.turns / found.cpu_seconds:.0f} turns a core-second"
    sys.stdout.write(f"{told}; {found.passed} of {found.turns} passed\n")
    if profile:
        sys.stdout.write(_where(profile, asked.profile))
    return int(found.passed != found.turns)


def _where(profile: cProfile.Profile, lines: int) -> str:
    told = io.StringIO()
    stats = pstats.Stats(profile, stream=told).strip_dirs()
    stats.sort_stats("cumulative").print_stats(lines)
    stats.sort_stats("tottime").print_stats(lines)
    return told.getvalue()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.turns", description=__doc__)
    parser.add_argument("--turns", type=int, default=1000)
    parser.add_argument("--at-once", type=int, default=20)
    parser.add_argument("--chains", type=int, default=1)
    parser.add_argument("--profile", type=int, metavar="LINES", default=0)
    return parser


if __name__ == "__main__":
    sys.exit(main())
