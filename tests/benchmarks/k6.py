"""The other measure: what k6 takes for the ten steps, `python -m tests.benchmarks.k6 --turns 1000`.

No distribution has a package of it: where there is no `k6` on the path, that is said and nothing is told. The figure is
the CPU time of its process, its start taken off by a run of few turns.
"""

import argparse
import asyncio
import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.benchmarks.target import HOST, KEY_NAME, targets
from tests.benchmarks.turns import KEY, Turns

_FEW = 20


def is_installed() -> bool:
    """Whether this machine has it."""
    return shutil.which("k6") is not None


def _run(port: int, turns: int, at_once: int) -> float:
    """CPU seconds of a whole k6, its start and end too; raises CalledProcessError where a check failed."""
    told = {"TARGET": f"http://{HOST}:{port}", KEY_NAME: KEY, "TURNS": str(turns), "AT_ONCE": str(min(at_once, turns))}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    words = ("k6", "run", "--quiet", "--no-usage-report", str(Path(__file__).with_name("ten_steps.js")))
    subprocess.run(words, env={**os.environ, **told}, check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


async def measure(turns: int, at_once: int) -> Turns:
    """So many turns, so many at a time."""
    async with targets(KEY) as port:
        few = await asyncio.to_thread(_run, port, _FEW, at_once)
        many = await asyncio.to_thread(_run, port, turns + _FEW, at_once)
    return Turns(turns, many - few, 0.0, turns)


def main(words: Sequence[str] | None = None) -> int:
    """Measure, and print; 1 where there is none."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.k6", description=__doc__)
    parser.add_argument("--turns", type=int, default=1000)
    parser.add_argument("--at-once", type=int, default=20)
    asked = parser.parse_args(words)
    if not is_installed():
        sys.stderr.write("k6 is not installed\n")
        return 1
    found = asyncio.run(measure(asked.turns, asked.at_once))
    sys.stdout.write(f"{found.microseconds:.0f} µs CPU a turn\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
