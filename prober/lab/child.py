"""The parent's hand on one service: start its process on a port kept for it, tell it things, end it."""

import asyncio
import json
import os
import socket
import ssl
import sys
from asyncio.subprocess import Process
from collections.abc import Mapping
from pathlib import Path
from typing import Any

HOST = "127.0.0.1"
READY_SECONDS = 20.0
RETIRE_SECONDS = 3.0

_WHERE_WE_ARE_IMPORTED_FROM = str(Path(__file__).parents[2])


class NotReady(RuntimeError):
    """A service of the lab did not start."""


class Child:
    """One service: its process, and the port that stays its own while it is down."""

    def __init__(self, module: str, control_key: str) -> None:
        """Be ready to run this module as a process."""
        self._module = module
        self._control_key = control_key
        self._process: Process | None = None
        self._settings: Mapping[str, Any] = {}
        self._watch: asyncio.Task[None] | None = None
        self._kept: socket.socket | None = None
        self._changing = asyncio.Lock()
        self.port = 0

    def keep_port(self, port: int = 0) -> None:
        """Take a port. Bound but not listening: connections are refused, and it stays ours between two lives."""
        self._kept = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._kept.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        self._kept.bind((HOST, port))
        self.port = self._kept.getsockname()[1]

    @property
    def url(self) -> str:
        """Where the service is, or would be."""
        return f"http://{HOST}:{self.port}"

    @property
    def pid(self) -> int | None:
        """The process now running, if one is."""
        return self._process.pid if self._process else None

    async def be(self, settings: Mapping[str, Any]) -> None:
        """Run with these settings, or be down if they say so. Another revision is another process: a deploy."""
        async with self._changing:
            if not settings["up"]:
                await self._end()
            elif self._needs_deploy(settings):
                await self._deploy(settings)
            elif settings != self._settings:
                await self._tell(settings)
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
        if self._kept is not None:
            self._kept.close()

    async def _end(self) -> None:
        """Kill the process, as a crash would; nothing to do if there is none."""
        process, self._process = self._process, None
        await _kill(process)

    async def _deploy(self, settings: Mapping[str, Any]) -> None:
        """Start the new process beside the old one, then let the old finish: nobody is refused in between."""
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
        if line != f"ready {self.port}\n".encode():
            message = f"{self._module} did not start"
            raise NotReady(message)

    def _letter(self, settings: Mapping[str, Any]) -> bytes:
        letter = {"port": self.port, "control_key": self._control_key, "settings": settings}
        return json.dumps(letter).encode() + b"\n"

    async def _tell(self, settings: Mapping[str, Any]) -> None:
        import httpx  # noqa: PLC0415 - only a world that changes needs it

        headers = {"authorization": f"Bearer {self._control_key}"}
        # Nothing here is TLS; a context without certificates saves 30 ms of reading them.
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        async with httpx.AsyncClient(trust_env=False, verify=tls, timeout=READY_SECONDS) as client:
            answer = await client.put(f"{self.url}/-/lab/settings", json=settings, headers=headers)
        answer.raise_for_status()


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
