"""A real `prober serve`, started as a process of its own, and what its metrics page says."""

import asyncio
import os
import re
import signal
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

HOST = "127.0.0.1"

_READY_SECONDS = 30.0
_RETIRE_SECONDS = 30.0
_LOOK_SECONDS = 0.05

_LISTENING = re.compile(r"listening on (http://\S+)")
_SERIES = re.compile(r"(?P<name>\w+)(?:\{(?P<labels>.*)\})? (?P<value>\S+)")
_LABEL = re.compile(r'(\w+)="([^"]*)"')


@dataclass(frozen=True, slots=True)
class Served:
    """A prober that listens."""

    pid: int
    url: str
    log: Path

    async def page(self, patience_seconds: float = 10.0) -> str:
        """Its metrics page, as Prometheus text."""
        async with httpx.AsyncClient(trust_env=False, verify=False, timeout=patience_seconds) as client:  # noqa: S501 - it is http
            answer = await client.get(f"{self.url}/metrics")
        return answer.raise_for_status().text


@asynccontextmanager
async def serving(
    config: Path, environment: Mapping[str, str], log: Path, *more: str, program: Sequence[str] = ("-m", "prober")
) -> AsyncIterator[Served]:
    """`prober serve` with this config, on a free port, its log in a file; told to stop at the end."""
    words = (*program, "serve", "--config", str(config), "--listen", f"{HOST}:0", *more)
    with log.open("wb") as stderr:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *words,
            stderr=stderr,
            env={"PATH": os.environ["PATH"], "PROBER_DEBUGGABLE": "1", **environment},
            cwd=log.parent,
        )
    try:
        async with asyncio.timeout(_READY_SECONDS):
            url = await listens(process, log)
        yield Served(process.pid, url, log)
    finally:
        await _retire(process)


async def listens(process: Process, log: Path) -> str:
    """Until a process says in its log where it listens; the address."""
    while not (found := _LISTENING.search(text := await asyncio.to_thread(log.read_text, encoding="utf-8"))):
        if process.returncode is not None:
            message = f"prober serve ended with {process.returncode}: {text[-2000:]}"
            raise RuntimeError(message)
        await asyncio.sleep(_LOOK_SECONDS)
    return found[1]


async def _retire(process: Process) -> None:
    if process.returncode is None:
        process.send_signal(signal.SIGTERM)
        try:
            await asyncio.wait_for(process.wait(), _RETIRE_SECONDS)
        except TimeoutError:
            process.kill()
            await process.wait()


@dataclass(frozen=True, slots=True)
class Sample:
    """One line of a page."""

    name: str
    labels: Mapping[str, str]
    value: float


def samples(page: str, name: str, **labels: str) -> Iterator[Sample]:
    """The samples called `name` on a page of Prometheus text that have at least these labels."""
    for line in page.splitlines():
        if line.startswith(name) and (found := _SERIES.fullmatch(line)) and found["name"] == name:
            told = dict(_LABEL.findall(found["labels"] or ""))
            if labels.items() <= told.items():
                yield Sample(name, told, float(found["value"]))


def total(page: str, name: str, **labels: str) -> float:
    """Their sum."""
    return sum(sample.value for sample in samples(page, name, **labels))
