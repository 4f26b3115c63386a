"""A real `prober serve` with many chains: `python -m tests.benchmarks.live --chains 1000 --interval 60 --seconds 90`.

The ten steps against the fast target, on the clock. It prints what became of the slots, how late turns began beside how
late a bare sleeper of this machine wakes, what a turn costs at this rate, memory, and what a scrape takes meanwhile.
"""

import argparse
import asyncio
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.benchmarks import vitals
from tests.benchmarks.soak import quantile
from tests.benchmarks.target import HOST, KEY_NAME, targets
from tests.benchmarks.turns import KEY, allowing, write_config
from tests.live import samples, serving, total

_LATENESS = "prober_schedule_lateness_seconds_bucket"

#: Before that the prober is looking at each chain for the first time, which is not its usual work.
_SETTLING_SECONDS = 20.0

#: A page of 10,000 chains is large.
_PATIENCE_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Lived:
    """What came of it; times in milliseconds where the name says nothing else."""

    chains: int
    turns: int
    missed: int  # but for those that were due while it started
    failed: int
    late_p50: float
    late_p99: float
    floor_p99: float
    turn_microseconds: float
    cores: float
    rss_mebibytes: float
    scrape: float
    lines: int


async def measure(
    chains: int, interval_seconds: int, seconds: float, settling_seconds: float = _SETTLING_SECONDS
) -> Lived:
    """So many chains for so long."""
    with tempfile.TemporaryDirectory() as name:
        config = write_config(Path(name) / "probes.yaml", chains, interval_seconds)
        async with targets(KEY) as port:
            told = {"TARGET": f"http://{HOST}:{port}", KEY_NAME: KEY, **allowing(chains)}
            async with serving(config, told, Path(name) / "log") as prober:
                await asyncio.sleep(settling_seconds)
                before, then = await prober.page(_PATIENCE_SECONDS), vitals.look(prober.pid, ())
                floor = await _floor(seconds)
                asked = time.monotonic()
                after, now = await prober.page(_PATIENCE_SECONDS), vitals.look(prober.pid, ())
                scrape = time.monotonic() - asked
                return _lived(chains, seconds, (before, after), (then, now), floor, scrape)


def _lived(  # noqa: PLR0913, PLR0917 - all that was seen
    chains: int,
    seconds: float,
    pages: tuple[str, str],
    looks: tuple[vitals.Vitals, vitals.Vitals],
    floor: float,
    scrape: float,
) -> Lived:
    def counted(name: str, **labels: str) -> int:
        return int(total(pages[1], name, **labels) - total(pages[0], name, **labels))

    cpu, turns = looks[1].cpu_seconds - looks[0].cpu_seconds, counted("prober_slots_recorded_total")
    buckets = [_buckets(page) for page in pages]
    late = [(bound, count - buckets[0].get(bound, 0.0)) for bound, count in sorted(buckets[1].items())]
    return Lived(
        chains=chains,
        turns=turns,
        missed=counted("prober_slots_missed_total") - counted("prober_slots_missed_total", reason="process_down"),
        failed=counted("prober_chain_runs_total", trigger="schedule")
        - counted("prober_chain_runs_total", verdict="pass", trigger="schedule"),
        late_p50=round(quantile(late, 0.5), 2),
        late_p99=round(quantile(late, 0.99), 2),
        floor_p99=floor,
        turn_microseconds=round(cpu / max(1, turns) * 1e6),
        cores=round(cpu / seconds, 3),
        rss_mebibytes=round(looks[1].rss_bytes / 2**20, 1),
        scrape=round(scrape * 1e3, 1),
        lines=pages[1].count("\n"),
    )


def _buckets(page: str) -> dict[float, float]:
    return {float(each.labels["le"]): each.value for each in samples(page, _LATENESS)}


async def _floor(seconds: float) -> float:
    """How late a sleeper wakes that does nothing else, p99 in ms: what this machine and its neighbours take."""
    until, late = time.monotonic() + seconds, []
    while (began := time.monotonic()) < until:
        await asyncio.sleep(0.02)
        late.append(time.monotonic() - began - 0.02)
    return round(sorted(late)[int(len(late) * 0.99)] * 1e3, 2)


def main(words: Sequence[str] | None = None) -> int:
    """Measure, and print; 1 where a slot was missed or a turn failed."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.live", description=__doc__)
    parser.add_argument("--chains", type=int, default=100)
    parser.add_argument("--interval", type=int, default=60)
    parser.add_argument("--seconds", type=float, default=60.0)
    asked = parser.parse_args(words)
    found = asyncio.run(measure(asked.chains, asked.interval, asked.seconds))
    sys.stdout.write("".join(f"{name:<18} {value}\n" for name, value in asdict(found).items()))
    return int(bool(found.missed or found.failed > 0))


if __name__ == "__main__":
    sys.exit(main())
