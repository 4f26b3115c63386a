"""The measure: what one probe of blackbox_exporter costs, `python -m tests.benchmarks.blackbox --probes 1000`.

The distribution's package, its HTTP probe at the same target, a new connection each, driven over kept-alive
connections as cheaply as can be. The figure is the CPU time of its process; where it is not installed, it says so.
"""

import argparse
import asyncio
import re
import shutil
import socket
import sys
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks import vitals
from tests.benchmarks.target import HOST, targets
from tests.benchmarks.turns import KEY

PROGRAM = "prometheus-blackbox-exporter"
_CONFIG = "modules: {plain: {prober: http, timeout: 5s, http: {preferred_ip_protocol: ip4}}}\n"
_CHUNK = re.compile(rb"\r\n[0-9a-f]+\r\n")
_WARM = 50
_PATIENCE_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Probes:
    """What came of it."""

    probes: int
    succeeded: int
    cpu_seconds: float
    rss_bytes: int

    @property
    def microseconds(self) -> float:
        """CPU time of one probe, user and system."""
        return self.cpu_seconds / self.probes * 1e6


def is_installed() -> bool:
    """Whether this machine has it."""
    return shutil.which(PROGRAM) is not None


async def measure(probes: int, at_once: int) -> Probes:
    """So many probes, so many at a time."""
    async with targets(KEY) as port, _exporter() as (pid, door):
        path = f"/probe?module=plain&target=http://{HOST}:{port}/health"
        await _probed(door, path, _WARM, at_once)
        before = vitals.look(pid, ())
        succeeded = await _probed(door, path, probes, at_once)
        after = vitals.look(pid, ())
    return Probes(probes, succeeded, after.cpu_seconds - before.cpu_seconds, after.rss_bytes)


@asynccontextmanager
async def _exporter() -> AsyncIterator[tuple[int, int]]:
    with socket.create_server((HOST, 0)) as held:
        door = held.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "blackbox.yml"
        config.write_text(_CONFIG, encoding="utf-8")
        process = await asyncio.create_subprocess_exec(
            PROGRAM,
            f"--config.file={config}",
            f"--web.listen-address={HOST}:{door}",
            stderr=asyncio.subprocess.DEVNULL,
        )
        try:
            await _listens(door)
            yield process.pid, door
        finally:
            process.kill()
            await process.wait()


async def _listens(door: int) -> None:
    async with asyncio.timeout(_PATIENCE_SECONDS):
        while True:
            try:
                _, writer = await asyncio.open_connection(HOST, door)
            except OSError:
                await asyncio.sleep(0.05)
            else:
                writer.close()
                return


async def _probed(door: int, path: str, probes: int, at_once: int) -> int:
    left, succeeded = iter(range(probes)), 0

    async def ask() -> None:
        nonlocal succeeded
        reader, writer = await asyncio.open_connection(HOST, door)
        for _ in left:
            writer.write(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            answer = await reader.readuntil(b"\r\n0\r\n\r\n")  # it answers in chunks
            succeeded += b"\nprobe_success 1" in _CHUNK.sub(b"", answer)
        writer.close()

    await asyncio.gather(*(ask() for _ in range(at_once)))
    return succeeded


def main(words: Sequence[str] | None = None) -> int:
    """Measure, and print; 1 where it is not installed, or where a probe failed."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.blackbox", description=__doc__)
    parser.add_argument("--probes", type=int, default=1000)
    parser.add_argument("--at-once", type=int, default=20)
    asked = parser.parse_args(words)
    if not is_installed():
        sys.stderr.write(f"{PROGRAM} is not installed\n")
        return 1
    found = asyncio.run(measure(asked.probes, asked.at_once))
    told = f"{found.microseconds:.0f} µs CPU a probe, {found.succeeded} of {found.probes} succeeded"
    sys.stdout.write(f"{told}\n")
    return int(found.succeeded != found.probes)


if __name__ == "__main__":
    sys.exit(main())
