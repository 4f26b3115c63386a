"""A prober as a process of its own, which looks every other second, and may be killed, halted and started again."""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from tests.live import listens

_SERVE = Path(__file__).parent.parent / "instances" / "serve.py"

_CONFIG = """
version: 1
environment: staging
history: {file: prober.db}
services:
  backend: {role: backend, url: "${BACKEND_URL}"}
chains:
  alive:
    interval: 2s
    deadline: 1s
    steps:
      - {name: health, probe: http, service: backend, get: /health, shows: health}
"""


@dataclass
class Hurried:
    """One prober, life after life, at one address."""

    folder: Path
    environment: Mapping[str, str]
    process: Process | None = None
    url: str = ""

    async def start(self) -> None:
        """Begin a life; the first takes a free port, and the others the same."""
        port = self.url.rpartition(":")[2] or "0"
        log = next(path for number in count() if not (path := self.folder / f"log-{number}").exists())
        words = ("serve", "--config", str(self.folder / "probes.yaml"), "--listen", f"127.0.0.1:{port}")
        with log.open("wb") as stderr:
            self.process = await asyncio.create_subprocess_exec(
                sys.executable, str(_SERVE), *words, stderr=stderr, env=self.environment, cwd=self.folder
            )
        async with asyncio.timeout(30):
            self.url = await listens(self.process, log)

    async def kill(self) -> None:
        """End it at once."""
        if self.process and self.process.returncode is None:
            self.process.kill()
            await self.process.wait()

    def halt(self) -> None:
        """It stands still, and says nothing."""
        os.kill(self.process.pid, signal.SIGSTOP)

    def go_on(self) -> None:
        """As if nothing had been."""
        os.kill(self.process.pid, signal.SIGCONT)


@asynccontextmanager
async def hurried(folder: Path, backend_url: str) -> AsyncIterator[Hurried]:
    """Before this backend, until the end."""
    (folder / "probes.yaml").write_text(_CONFIG, encoding="utf-8")
    root = str(_SERVE.parents[2])
    prober = Hurried(folder, {"PATH": os.environ["PATH"], "PYTHONPATH": root, "BACKEND_URL": backend_url})
    await prober.start()
    try:
        yield prober
    finally:
        await prober.kill()
