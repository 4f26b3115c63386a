"""The parent's hand on one service: start its process on a port kept for it, tell it things, end it."""

import asyncio
import json
import os
import socket
import ssl
import sys
from asyncio.subprocess import Process
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from prober.lab.parent import CONTROL_PATH, HOST

READY_SECONDS = 20.0
RETIRE_SECONDS = 3.0

_WHERE_WE_ARE_IMPORTED_FROM = str(Path(__file__).parents[2])


class NotReady(RuntimeError):
    """A service of the lab did not start."""


class Child:
    """One service: its process, and the ports that stay its own while it is down."""

    def __init__(self, module: str, control_key: str, doors: int = 1) -> None:
        """Be ready to run this module as a process with so many ports."""
        self.ports = [0] * doors
        self._module = module
        self._control_key = control_key
        self._process: Process | None = None
        self._settings: Mapping[str, Any] = {}
        self._watch: asyncio.Task[None] | None = None
        self._kept: list[socket.socket] = []
        self._changing = asyncio.Lock()
        self._lives = 0

    def keep_ports(self, ports: Sequence[int] = ()) -> None:
        """Take ports, these or free ones. Bound but not listening: connections are refused, and they stay ours."""
        for place, port in enumerate(ports or self.ports):
            kept = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            kept.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            kept.bind((HOST, port))
            self._kept.append(kept)
            self.ports[place] = kept.getsockname()[1]

    @property
    def urls(self) -> list[str]:
        """Where the service is, or would be: an address a port."""
        return [f"http://{HOST}:{port}" for port in self.ports]

    @property
    def pid(self) -> int | None:
        """The process now running, if one is."""
        return self._process.pid if self._process else None

    async def be(self, settings: Mapping[str, Any]) -> None:
        """Run with these settings, or be down if they say so. Another revision is another process: a deploy."""
        async with self._changing:
            if not settings["up"]:
                await self._end()
            elif self._needs_deploy(settings) or not await self._heeds(settings):
                await self._deploy(settings)
            self._settings = settings

    def _needs_deploy(self, settings: Mapping[str, Any]) -> bool:
        """Whether it takes a new process: there is none, it just crashed, or it is of another revision."""
        gone = self._process is None or self._process.returncode is not None
        return gone or settings["revision"] != self._settings["revision"]

    async def close(self) -> None:
        """End the process and give the port away."""
        async with self._changing:
            await self._end()
        if self._watch is not None:
            await self._watch
        for kept in self._kept:
            kept.close()

    async def _end(self) -> None:
        """Kill the process, as a crash would; nothing to do if there is none."""
        process, self._process = self._process, None
        self._lives += 1
        await _kill(process)

    async def _deploy(self, settings: Mapping[str, Any]) -> None:
        """Start the new process beside the old one, then let the old finish: nobody is refused in between."""
        self._lives += 1
        old, self._process = self._process, await self._started(settings)
        self._watch = asyncio.create_task(self._revive(self._process))
        await _retire(old)

    async def _revive(self, process: Process) -> None:
        """Start a process again that ended by itself, as the platform would."""
        await process.wait()
        async with self._changing:
            if self._process is process:
                await self._deploy(self._settings)

    async def _started(self, settings: Mapping[str, Any]) -> Process:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            self._module,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env=_environment(),
            # A Ctrl-C in the terminal is for the parent; the services go when it closes their stdin.
            start_new_session=True,
        )
        try:
            await self._greet(process, settings)
        except BaseException:
            await _kill(process)
            raise
        return process

    async def _greet(self, process: Process, settings: Mapping[str, Any]) -> None:
        """Hand over the settings and wait until the service listens."""
        assert process.stdin is not None  # noqa: S101 - asked for above
        assert process.stdout is not None  # noqa: S101 - asked for above
        process.stdin.write(self._letter(settings))
        try:
            line = await asyncio.wait_for(process.stdout.readline(), READY_SECONDS)
        except TimeoutError:
            line = b""
        if line != f"ready {self.ports[0]}\n".encode():
            message = f"{self._module} did not start"
            raise NotReady(message)

    def _letter(self, settings: Mapping[str, Any]) -> bytes:
        letter = {"ports": self.ports, "control_key": self._control_key, "settings": self._aged(settings)}
        return json.dumps(letter).encode() + b"\n"

    def _aged(self, settings: Mapping[str, Any]) -> Mapping[str, Any]:
        """The settings for the process that lives now: only the first of a world may pretend to be old."""
        if self._lives == 1:
            return settings
        return {name: 0.0 if name == "age_seconds" else value for name, value in settings.items()}

    async def _heeds(self, settings: Mapping[str, Any]) -> bool:
        """Tell it what to be from now on; not heeded by one that has just crashed, of which nobody has heard yet."""
        import httpx  # noqa: PLC0415 - only a world that changes needs it

        headers = {"authorization": f"Bearer {self._control_key}"}
        # Nothing here is TLS; a context without certificates saves 30 ms of reading them.
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        async with httpx.AsyncClient(trust_env=False, verify=tls, timeout=READY_SECONDS) as client:
            try:
                answer = await client.put(self.urls[0] + CONTROL_PATH, json=self._aged(settings), headers=headers)
            except httpx.TransportError:
                return False
        answer.raise_for_status()
        return True


async def _retire(process: Process | None) -> None:
    """Close the stdin of a process, upon which it finishes what it is at and goes."""
    if process is None:
        return
    assert process.stdin is not None  # noqa: S101 - asked for when it was started
    process.stdin.close()
    try:
        await asyncio.wait_for(process.wait(), RETIRE_SECONDS)
    except TimeoutError:
        await _kill(process)


async def _kill(process: Process | None) -> None:
    if process is None:
        return
    if process.returncode is None:
        process.kill()
    await process.wait()


def _environment() -> dict[str, str]:
    """The parent's environment, so that the child finds the same packages; what it is to know comes by stdin."""
    found = os.pathsep.join(filter(None, (_WHERE_WE_ARE_IMPORTED_FROM, os.environ.get("PYTHONPATH"))))
    return {**os.environ, "PYTHONPATH": found}
