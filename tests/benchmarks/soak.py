"""Many chains against the lab for minutes: `python -m tests.benchmarks.soak --chains 30 --interval 5 --minutes 10`.

A real `prober serve`, scraped as Prometheus would. Prints what became of the slots, how late they began, whether memory
grew, and who used the machine; exits with 1 when a line is not met: no slot missed, none unaccounted for, lateness p99
under 250 ms, at least 99 % of the runs passed, memory flat. Flat: the straight line through the second half, by when
the histories are full (fifty reports a chain), rises by at most 1 % within it, with 95 % confidence. The longer the
run, the smaller the leak it shows: after ten minutes the heap is still settling by half a per cent, of twenty minutes
the last thirteen were level to 0.1 MiB.
"""

import argparse
import asyncio
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from prober.lab.world import World
from tests.benchmarks.chains import write_config
from tests.benchmarks.vitals import Vitals, look, slope
from tests.live import Served, samples, serving, total

LATENESS_SECONDS = 0.25
PASS_RATIO = 0.99
GROWTH = 0.01
SCRAPE_SECONDS = 15.0

_MINUTE = 60.0
_MEBIBYTE = 1024 * 1024

#: Too short to tell a slope: then memory is shown and not judged.
_SHORTEST_TREND_SECONDS = 240.0


@dataclass(frozen=True, slots=True)
class Setup:
    """What is asked for."""

    chains: int
    interval_seconds: int
    seconds: float
    scrape_seconds: float = SCRAPE_SECONDS


@dataclass(frozen=True, slots=True)
class Moment:
    """One scrape, and how the process was then."""

    at_seconds: float
    vitals: Vitals
    page: str
    scrape_seconds: float


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the result; `met` is None where nothing was asked."""

    what: str
    found: str
    met: bool | None = None

    def __str__(self) -> str:
        mark = {True: "ok  ", False: "MISS", None: "    "}[self.met]
        return f"{mark}  {self.what:<22} {self.found}"


# ── the run ──────────────────────────────────────────────────────────────────────────────────────────────────────────


async def soak(setup: Setup, folder: Path) -> list[Moment]:
    """Run it, and bring back every scrape; the last is taken just before the end."""
    config = write_config(folder / "probes.yaml", setup.chains, setup.interval_seconds)
    async with World() as world, serving(config, world.environment, folder / "prober.log") as prober:
        lab = [child.pid for child in (world._auth, world._backend) if child.pid]
        began = time.monotonic()
        return [await _moment(prober, lab, began, at) for at in _times(setup)]


def _times(setup: Setup) -> Iterator[float]:
    """When to scrape, the end included."""
    count = max(1, round(setup.seconds / setup.scrape_seconds))
    return (setup.seconds * number / count for number in range(count + 1))


async def _moment(prober: Served, lab: Sequence[int], began: float, at: float) -> Moment:
    await asyncio.sleep(max(0.0, began + at - time.monotonic()))
    started = time.monotonic()
    vitals = await asyncio.to_thread(look, prober.pid, lab)  # first, for a page takes memory for a moment
    asked = time.monotonic()
    page = await prober.page()
    return Moment(started - began, vitals, page, time.monotonic() - asked)


# ── what came of it ──────────────────────────────────────────────────────────────────────────────────────────────────


def judge(setup: Setup, moments: Sequence[Moment]) -> Iterator[Line]:
    """Line by line, what was found, and whether it will do."""
    page = moments[-1].page
    yield from _slots(setup, moments)
    yield from _lateness(page)
    yield _passes(page)
    yield from _memory(moments)
    yield from _use(moments)


def _slots(setup: Setup, moments: Sequence[Moment]) -> Iterator[Line]:
    page = moments[-1].page
    expected, recorded = total(page, "prober_slots_expected_total"), total(page, "prober_slots_recorded_total")
    missed = total(page, "prober_slots_missed_total")
    under_way = expected - recorded - missed
    due = setup.chains * (moments[-1].at_seconds // setup.interval_seconds)
    reasons = {s.labels["reason"]: 0.0 for s in samples(page, "prober_slots_missed_total")}
    reasons = {reason: total(page, "prober_slots_missed_total", reason=reason) for reason in reasons}
    yield Line("slots due", f"{expected:.0f}, at least {due:.0f} by the clock", expected >= due)
    yield Line("slots recorded", f"{recorded:.0f}, and {under_way:.0f} under way", 0 <= under_way <= setup.chains)
    yield Line("slots missed", ", ".join(f"{reason} {count:.0f}" for reason, count in reasons.items()), not missed)


def _lateness(page: str) -> Iterator[Line]:
    buckets = sorted((float(s.labels["le"]), s.value) for s in samples(page, "prober_schedule_lateness_seconds_bucket"))
    figures = {share: quantile(buckets, share) for share in (0.5, 0.99, 1.0)}
    within = next(count for bound, count in buckets if bound >= LATENESS_SECONDS)
    told = f"p50 {figures[0.5]:.1f} · p99 {figures[0.99]:.1f} · max under {figures[1.0]:.1f}"
    count = buckets[-1][1]
    share = within / count if count else 0.0
    may_be_late = max(1.0, 0.01 * count)  # of a few turns, one: a hundredth of eight is none at all
    yield Line(
        "lateness, ms",
        f"{told} · within {LATENESS_SECONDS * 1e3:.0f} ms: {share:.3%}",
        0 < count <= within + may_be_late,
    )


def quantile(buckets: Sequence[tuple[float, float]], share: float) -> float:
    """Milliseconds under which this share lies; within a bucket as Prometheus reckons, by a straight line."""
    rank = share * buckets[-1][1]
    for (low, before), (high, count) in pairwise([(0.0, 0.0), *buckets]):
        if count >= rank and count > before:
            return (low + (high - low) * (rank - before) / (count - before)) * 1e3
    return 0.0


def _passes(page: str) -> Line:
    runs = total(page, "prober_chain_runs_total")
    passed = total(page, "prober_chain_runs_total", verdict="pass")
    verdicts = {s.labels["verdict"] for s in samples(page, "prober_chain_runs_total") if s.value}
    told = ", ".join(f"{v} {total(page, 'prober_chain_runs_total', verdict=v):.0f}" for v in sorted(verdicts))
    return Line("runs", f"{told} ({passed / max(1.0, runs):.2%} passed)", passed >= PASS_RATIO * max(1.0, runs))


def _memory(moments: Sequence[Moment]) -> Iterator[Line]:
    minutes = {int(moment.at_seconds // _MINUTE): moment.vitals.rss_bytes / _MEBIBYTE for moment in reversed(moments)}
    yield Line("RSS by minute, MiB", " ".join(f"{minutes[minute]:.1f}" for minute in sorted(minutes)))
    half = [moment for moment in moments if moment.at_seconds >= moments[-1].at_seconds / 2]
    if half[-1].at_seconds - half[0].at_seconds < _SHORTEST_TREND_SECONDS:
        yield Line("RSS, growth", "too short a run to tell")
        return
    line = slope([(moment.at_seconds, moment.vitals.rss_bytes) for moment in half])
    share = (half[-1].at_seconds - half[0].at_seconds) / half[0].vitals.rss_bytes
    told = f"{line.per_second * share:+.2%}, at most {line.upper_per_second * share:+.2%} (95 %)"
    yield Line("RSS, second half", told, line.upper_per_second * share <= GROWTH)


def _use(moments: Sequence[Moment]) -> Iterator[Line]:
    first, last = moments[0], moments[-1]
    elapsed = last.at_seconds - first.at_seconds

    def share(of: Callable[[Vitals], float]) -> float:
        return (of(last.vitals) - of(first.vitals)) / elapsed

    prober, lab = share(lambda v: v.cpu_seconds), share(lambda v: v.lab_cpu_seconds)
    others = share(lambda v: v.machine_cpu_seconds) - prober - lab
    files = [moment.vitals.files for moment in moments]
    scrapes = sorted(moment.scrape_seconds * 1e3 for moment in moments)
    size = f"{last.page.count(chr(10))} lines, {len(last.page) / 1024:.0f} KB"
    yield Line("open files", f"{min(files)} to {max(files)}, at the end {files[-1]}")
    yield Line("CPU, cores", f"prober {prober:.2f} · lab {lab:.2f} · everybody else {others:.2f}")
    loads = [f"{moment.vitals.load:.1f}" for moment in moments[:: max(1, len(moments) // 10)]]
    yield Line("waiting for a core", f"{share(lambda v: v.waited_seconds):.1%} of the time, because of neighbours")
    yield Line("load average", " ".join(loads))
    yield Line("scrape, ms", f"p50 {scrapes[len(scrapes) // 2]:.0f} · max {scrapes[-1]:.0f} · {size}")


# ── the command ──────────────────────────────────────────────────────────────────────────────────────────────────────


def main(words: Sequence[str] | None = None) -> int:
    """Soak as asked on the command line, print the result, and say whether it will do."""
    asked = _parser().parse_args(words)
    setup = Setup(asked.chains, asked.interval, asked.minutes * _MINUTE)
    with tempfile.TemporaryDirectory() as folder:
        lines = list(judge(setup, asyncio.run(soak(setup, Path(folder)))))
    sys.stdout.write(f"{asked.chains} chains every {asked.interval} s for {asked.minutes:g} min\n")
    sys.stdout.writelines(f"{line}\n" for line in lines)
    return int(any(line.met is False for line in lines))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.soak", description=__doc__)
    parser.add_argument("--chains", type=int, default=30)
    parser.add_argument("--interval", type=int, default=5, help="seconds between two turns of a chain")
    parser.add_argument("--minutes", type=float, default=10.0)
    return parser


if __name__ == "__main__":
    sys.exit(main())
