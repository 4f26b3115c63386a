"""Who looks at the page and what it costs: `python -m tests.page.viewers --chains 20 --viewers 50 --seconds 60`.

Fills a store with thirty days of so many chains, then prints how soon a browser shows something of the page and of a
long view, and how late turns begin without and with so many viewers who are told of each run and fetch what changed, as
page.js does. Exits with 1 when something shows after more than a second, or a turn is later by 50 ms for the viewers.
"""

import argparse
import asyncio
import json
import os
import random
import sqlite3
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import httpx

from tests.benchmarks.vitals import look
from tests.live import Served, serving
from tests.page import history
from tests.page.reader import Reader, chromium, reading

LIMIT_SECONDS = 1.0
TOLERANCE_SECONDS = 0.05

#: Until each chain was looked at for the first time.
_SETTLING_SECONDS = 20.0

#: People do not come in the same moment.
_BETWEEN_SECONDS = 0.1

#: A crowd is told of a few runs within this.
_TOLD_SECONDS = 40.0

_FIRST_PAINT = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime"
_ANSWER = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 15\r\n\r\n" + b'{"status":"ok"}'


# ── what is looked at ────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class There:
    """A prober, and its store."""

    served: Served
    file: Path


@asynccontextmanager
async def backend() -> AsyncIterator[str]:
    """A service that is well and costs little; its address."""
    server = await asyncio.start_server(_answer, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while await reader.readuntil(b"\r\n\r\n"):
            writer.write(_ANSWER)
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()


@asynccontextmanager
async def looked_at(folder: Path, chains: int, interval: str) -> AsyncIterator[There]:
    """A prober that serves, in a process of its own, with thirty days behind it."""
    await history.fill(folder / "prober.db", chains, datetime.now(UTC))
    async with backend() as url:
        path = history.config(folder, chains, interval, url)
        async with serving(path, {"PATH": os.environ["PATH"]}, folder / "log") as served:
            yield There(served, folder / "prober.db")


# ── how soon something shows ─────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Shown:
    """How long a browser took, in seconds, and how much it was given."""

    first_paint: Sequence[float]
    live: Sequence[float]
    long_view: Sequence[float]
    kilobytes: float

    def __str__(self) -> str:
        told = {"first paint": self.first_paint, "live": self.live, "a long view of 30 days": self.long_view}
        lines = [f"{what:<24} {' '.join(f'{each * 1e3:.0f}' for each in took)} ms" for what, took in told.items()]
        return "\n".join([*lines, f"{'the page':<24} {self.kilobytes:.0f} kB"])


async def shown(url: str, times: int = 3) -> Shown:
    """Open the page so often, each time as a stranger, and a long view of the first chain."""
    paints, lives, views = [], [], []
    async with chromium() as browser:
        for _ in range(times):
            async with reading(browser) as reader:
                began = time.perf_counter()
                await reader.opens(url)
                lives.append(time.perf_counter() - began)
                paints.append(await reader.page.evaluate(_FIRST_PAINT) / 1e3)
                views.append(await _long_view(reader))
    async with httpx.AsyncClient(trust_env=False) as client:
        size = len((await client.get(url, timeout=30)).content)
    return Shown(paints, lives, views, size / 1000)


async def _long_view(reader: Reader) -> float:
    await reader.unfolds_long_view()
    began = time.perf_counter()
    await reader.card.get_by_role("button", name="30d", exact=True).click()
    await reader.card.locator("button[data-span='30d'][aria-pressed=true]").wait_for()
    return time.perf_counter() - began


# ── how late turns are ───────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(slots=True)
class Heard:
    """What the viewers were told and fetched."""

    reports: int = 0
    parts: int = 0
    refused: int = 0
    broken: Sequence[str] = ()


async def view(url: str, chains: int, heard: Heard) -> None:
    """One viewer, as page.js is: the cards of runs that ended are fetched after a while, with the head of the page."""
    changed: set[str] = set()
    limits = httpx.Limits(max_connections=2)
    asked = {"params": {"brief": "true"}}
    async with (
        httpx.AsyncClient(base_url=url, trust_env=False, timeout=60, limits=limits) as client,
        client.stream("GET", "/api/v1/events", **asked) as answer,
        asyncio.TaskGroup() as group,
    ):
        heard.refused += answer.status_code != 200
        await client.get("/page/body")
        fetching = group.create_task(_fetch(client, chains, changed, heard))
        async for line in answer.aiter_lines():
            if line.startswith("data:") and "verdict" in (told := json.loads(line[5:])):
                heard.reports += 1
                changed.add(told["chain"])
        fetching.cancel()


async def _fetch(client: httpx.AsyncClient, chains: int, changed: set[str], heard: Heard) -> None:
    while True:
        await asyncio.sleep(0.05 + random.random() / 2 * max(1, chains / 5))
        if changed:
            wanted = sorted(changed)
            changed.clear()
            answer = await client.get("/page/summary", params={"chain": wanted})
            heard.refused += answer.status_code != 200
            heard.parts += len(wanted)


@dataclass(frozen=True, slots=True)
class Crowd:
    """So many viewers for so long, and until they have been told so many reports."""

    viewers: int
    seconds: float
    chains: int = 1
    reports: int = 0


@asynccontextmanager
async def viewed(url: str, crowd: Crowd) -> AsyncIterator[Heard]:
    """A crowd comes, one by one, and goes in the end."""
    heard, tasks = Heard(), []
    for _ in range(crowd.viewers):
        tasks.append(asyncio.create_task(view(url, crowd.chains, heard)))
        await asyncio.sleep(_BETWEEN_SECONDS)
    yield heard
    for task in tasks:
        task.cancel()
    ended = await asyncio.gather(*tasks, return_exceptions=True)
    heard.broken = [repr(error) for error in ended if not isinstance(error, asyncio.CancelledError)]


def lateness(file: Path, since: float) -> Sequence[float]:
    """By how much each turn that was due after a moment began too late, in seconds, the least first."""
    with sqlite3.connect(f"file:{file}?mode=ro", uri=True) as store:
        rows = store.execute(
            "SELECT runs.began - slots.due FROM slots JOIN runs ON runs.id = run WHERE due > ?", [since]
        )
        return sorted(max(0.0, late) for (late,) in rows)


def percentile(values: Sequence[float], part: int) -> float:
    """Of a hundred so many were no more; of values that are sorted."""
    return values[max(0, -(-part * len(values) // 100) - 1)]


@dataclass(frozen=True, slots=True)
class Phase:
    """A while in which so many looked."""

    viewers: int
    late: Sequence[float]
    cpu: float  # of the prober, in seconds a second
    heard: Heard

    def __str__(self) -> str:
        milliseconds = ", ".join(f"p{part} {percentile(self.late, part) * 1e3:.0f} ms" for part in (50, 90, 99))
        late = f"turns late {milliseconds} of {len(self.late)}; CPU {self.cpu:.0%} of a core"
        told = f"told {self.heard.reports} reports, fetched {self.heard.parts} cards, refused {self.heard.refused}"
        return f"{self.viewers} look: {late}; {told}, broken {self.heard.broken}"


async def measured(there: There, crowd: Crowd) -> Phase:
    """How late turns were meanwhile."""
    async with viewed(there.served.url, crowd) as heard:
        since, before = time.time(), look(there.served.pid, ()).cpu_seconds
        await asyncio.sleep(crowd.seconds)
        async with asyncio.timeout(_TOLD_SECONDS):
            while heard.reports < crowd.reports:  # noqa: ASYNC110 - nobody tells
                await asyncio.sleep(0.5)
        cpu = (look(there.served.pid, ()).cpu_seconds - before) / (time.time() - since)
    await asyncio.sleep(3)  # what was due is written down
    return Phase(crowd.viewers, lateness(there.file, since), cpu, heard)


# ── all of it ────────────────────────────────────────────────────────────────────────────────────────────────────────


async def measure(chains: int, viewers: int, seconds: float, interval: str, say: Callable[[object], None]) -> bool:
    """Say all of it; whether everything is within its bounds."""
    with tempfile.TemporaryDirectory(prefix="prober-viewers-") as folder:
        async with looked_at(Path(folder), chains, interval) as there:
            await asyncio.sleep(_SETTLING_SECONDS)
            seen = await shown(there.served.url)
            say(f"{chains} chains, 30 days, {len(history.STEPS)} steps each\n{seen}")
            say(alone := await measured(there, Crowd(0, seconds)))
            say(beside := await measured(there, Crowd(viewers, seconds, chains)))
    say(f"load {os.getloadavg()[0]:.1f}")
    later = percentile(beside.late, 99) - percentile(alone.late, 99)
    is_slow = max(seen.first_paint) > LIMIT_SECONDS or later > TOLERANCE_SECONDS
    return not (is_slow or beside.heard.refused or beside.heard.broken)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m tests.page.viewers", description=__doc__)
    parser.add_argument("--chains", type=int, default=20)
    parser.add_argument("--viewers", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=180.0)
    parser.add_argument("--interval", default="10s")
    given = parser.parse_args()

    def say(told: object) -> None:
        sys.stdout.write(f"{told}\n")
        sys.stdout.flush()

    if not asyncio.run(measure(given.chains, given.viewers, given.seconds, given.interval, say)):
        sys.exit(1)


if __name__ == "__main__":
    main()
