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

from tests.live import serving
from tests.page import history
from tests.page.reader import Reader, chromium, reading

LIMIT_SECONDS = 1.0
TOLERANCE_SECONDS = 0.05

#: Until each chain was looked at for the first time.
_SETTLING_SECONDS = 20.0

_FIRST_PAINT = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime"
_ANSWER = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 15\r\n\r\n" + b'{"status":"ok"}'


# ── what is looked at ────────────────────────────────────────────────────────────────────────────────────────────────


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
async def looked_at(folder: Path, chains: int, interval: str) -> AsyncIterator[str]:
    """A prober that serves, in a process of its own, with thirty days behind it; its address."""
    await history.fill(folder / "prober.db", chains, datetime.now(UTC))
    async with backend() as url:
        path = history.config(folder, chains, interval, url)
        async with serving(path, {"PATH": os.environ["PATH"]}, folder / "log") as served:
            yield served.url


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


async def view(url: str, heard: Heard) -> None:
    """One viewer, as page.js is: of each run that ends it fetches the card and the head of the page."""
    limits = httpx.Limits(max_connections=2)
    async with httpx.AsyncClient(base_url=url, trust_env=False, timeout=60, limits=limits) as client:
        await client.get("/page/body")
        async with client.stream("GET", "/api/v1/events", params={"brief": "true"}) as answer:
            heard.refused += answer.status_code != 200
            async for line in answer.aiter_lines():
                if line.startswith("data:") and "verdict" in (told := json.loads(line[5:])):
                    heard.reports += 1
                    await asyncio.sleep(random.random() / 2)
                    for path in (f"/page/chains/{told['chain']}", "/page/summary"):
                        answered = await client.get(path)
                        heard.refused += answered.status_code != 200
                        heard.parts += 1


async def viewed(url: str, viewers: int, seconds: float, reports: int = 0) -> Heard:
    """So many viewers for so long, and until they have been told so many reports."""
    heard = Heard()
    tasks = [asyncio.create_task(view(url, heard)) for _ in range(viewers)]
    await asyncio.sleep(seconds)
    while heard.reports < reports and not any(task.done() for task in tasks):  # noqa: ASYNC110 - nobody tells
        await asyncio.sleep(0.5)
    for task in tasks:
        task.cancel()
    ended = await asyncio.gather(*tasks, return_exceptions=True)
    heard.broken = [repr(error) for error in ended if not isinstance(error, asyncio.CancelledError)]
    return heard


def lateness(file: Path, since: float) -> Sequence[float]:
    """By how much each turn that was due after a moment began too late, in seconds, the least first."""
    with sqlite3.connect(f"file:{file}?mode=ro", uri=True) as store:
        rows = store.execute(
            "SELECT runs.began - slots.due FROM slots JOIN runs ON runs.id = run WHERE due > ?", [since]
        )
        return sorted(max(0.0, late) for (late,) in rows)


def p99(values: Sequence[float]) -> float:
    """Of a hundred one was more."""
    return values[max(0, -(-99 * len(values) // 100) - 1)]


async def measured(
    file: Path, url: str, viewers: int, seconds: float, reports: int = 0
) -> tuple[Sequence[float], Heard]:
    """How late turns were meanwhile."""
    since = time.time()
    heard = await viewed(url, viewers, seconds, reports)
    await asyncio.sleep(3)  # what was due is written down
    return lateness(file, since), heard


# ── all of it ────────────────────────────────────────────────────────────────────────────────────────────────────────


async def measure(chains: int, viewers: int, seconds: float, interval: str, say: Callable[[object], None]) -> bool:
    """Say all of it; whether everything is within its bounds."""
    with tempfile.TemporaryDirectory(prefix="prober-viewers-") as folder:
        file = Path(folder) / "prober.db"
        async with looked_at(Path(folder), chains, interval) as url:
            await asyncio.sleep(_SETTLING_SECONDS)
            seen = await shown(url)
            say(f"{chains} chains, 30 days, {len(history.STEPS)} steps each\n{seen}")
            alone, _ = await measured(file, url, 0, seconds)
            beside, heard = await measured(file, url, viewers, seconds)
    say(f"{'turns late, nobody looks':<24} p99 {p99(alone) * 1e3:.0f} ms of {len(alone)}")
    say(f"{f'turns late, {viewers} look':<24} p99 {p99(beside) * 1e3:.0f} ms of {len(beside)}")
    say(f"told {heard.reports} reports, fetched {heard.parts} parts, refused {heard.refused}, broken {heard.broken}")
    say(f"load {os.getloadavg()[0]:.1f}")
    is_slow = max(seen.first_paint) > LIMIT_SECONDS or p99(beside) - p99(alone) > TOLERANCE_SECONDS
    return not (is_slow or heard.refused or heard.broken)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m tests.page.viewers", description=__doc__)
    parser.add_argument("--chains", type=int, default=20)
    parser.add_argument("--viewers", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--interval", default="10s")
    given = parser.parse_args()

    def say(told: object) -> None:
        sys.stdout.write(f"{told}\n")
        sys.stdout.flush()

    if not asyncio.run(measure(given.chains, given.viewers, given.seconds, given.interval, say)):
        sys.exit(1)


if __name__ == "__main__":
    main()
