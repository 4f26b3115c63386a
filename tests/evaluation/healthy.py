"""Many rounds against a healthy lab on a bad line: how often something is blamed that is well. It must be never.

python -m tests.evaluation.healthy --rounds 200 --latency 10ms-2s
"""

import argparse
import asyncio
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path

from prober.app import Prober
from prober.lab.world import Noise, World
from prober.model.report import Report
from prober.model.verdict import Reason

CONFIG = Path(str(files("prober.lab") / "probes.yaml"))
CHAIN = "validation"


@dataclass
class Tally:
    """What all rounds came to."""

    rounds: int = 0
    verdicts: Counter[str] = field(default_factory=Counter)
    causes: Counter[str] = field(default_factory=Counter)
    failing_open: int = 0
    failed: Counter[str] = field(default_factory=Counter)

    def add(self, report: Report) -> None:
        """Count one round."""
        self.rounds += 1
        self.verdicts[str(report.run.verdict)] += 1
        self.causes.update(named.cause.name for named in report.diagnosis.causes)
        self.failing_open += any(result.reason is Reason.ACCEPTED for result in report.run.results)
        self.failed.update(f"{r.step.name}: {r.detail}" for r in report.run.results if str(r.verdict) == "fail")

    def lines(self) -> Iterator[str]:
        """The tally for people."""
        yield f"{self.rounds} rounds: {', '.join(f'{n} {verdict}' for verdict, n in self.verdicts.items())}"
        yield f"causes named: {sum(self.causes.values())} {dict(self.causes) or ''}".rstrip()
        yield f"rounds that said auth is failing open: {self.failing_open}"
        yield from (f"  {count} x {text}" for text, count in self.failed.most_common(10))


async def healthy(rounds: int, latency: tuple[float, float], at_once: int, seed: int) -> Tally:
    """Look `rounds` times at a healthy world whose every request is late by a random time, several at once."""
    tally, left = Tally(), iter(range(rounds))
    async with World(noise=Noise(latency=latency, seed=seed)) as world:

        async def look() -> None:
            prober = Prober(CONFIG, world.environment)
            try:
                for _ in left:
                    (report,) = await prober.once((CHAIN,))
                    tally.add(report)
            finally:
                await prober.aclose()

        async with asyncio.TaskGroup() as group:
            for _ in range(at_once):
                group.create_task(look())
    return tally


def _seconds(text: str) -> tuple[float, float]:
    low, _, high = text.partition("-")
    return _one(low), _one(high or low)


def _one(text: str) -> float:
    return float(text[:-2]) / 1000 if text.endswith("ms") else float(text.removesuffix("s"))


def main() -> None:
    """Run it as the head of this file says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--latency", type=_seconds, default=(0.01, 2.0), help="10ms-2s")
    parser.add_argument("--at-once", type=int, default=8)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    tally = asyncio.run(healthy(asked.rounds, asked.latency, asked.at_once, asked.seed))
    print("\n".join(tally.lines()))  # noqa: T201 - a command


if __name__ == "__main__":
    main()
