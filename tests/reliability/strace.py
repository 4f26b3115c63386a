"""Errors of the disk, made by the kernel's own interface: strace answers a process' writes to its store with them."""

import asyncio
import os
import shutil
import signal
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

_WRITES = "write,pwrite64,fsync,fdatasync,ftruncate"


def words(store: Path, error: str, when: str, told: Path) -> Sequence[str]:
    """Strace, and what it is to do: each thread's writes to the store or its spool fail, counted as `when` says."""
    # never with --seccomp-bpf: that filter outlives strace, and answers all writes with ENOSYS once it has let go
    files = [store.with_name(f"{store.name}{end}") for end in ("", "-wal", "-shm", ".spool", ".spool.new")]
    paths = [word for file in files for word in ("-P", str(file))]
    inject = f"inject={_WRITES}:error={error}:when={when}"
    return ["strace", "-f", "-qq", "-I", "2", "-o", str(told), "-e", f"trace={_WRITES}", "-e", inject, *paths]


@asynccontextmanager
async def failing(pid: int, store: Path, error: str, when: str = "1+") -> AsyncIterator[None]:
    """The writes of a process that runs already fail meanwhile."""
    told = store.with_name("strace")
    tracer = await asyncio.create_subprocess_exec(*words(store, error, when, told), "-p", str(pid))
    try:
        async with asyncio.timeout(10):
            while not _is_traced(pid, tracer.pid):  # noqa: ASYNC110 - another process raises no event
                await asyncio.sleep(0.05)
        yield
    finally:
        if tracer.returncode is None:
            tracer.send_signal(signal.SIGINT)  # it lets go of the process
        async with asyncio.timeout(10):
            await tracer.wait()


async def let_go_after_one(pid: int, told: Path) -> None:
    """Once a write did fail, the disk is well again.

    Strace counts each thread's writes anew, and each new connection is a thread: left alone it would fail for ever.
    """
    while not await asyncio.to_thread(came_to_it, told):  # noqa: ASYNC110 - another process raises no event
        await asyncio.sleep(0.01)
    if tracer := _tracer(pid):  # to none would be to ourselves and all around us
        os.kill(tracer, signal.SIGINT)


def _is_traced(pid: int, by: int) -> bool:
    return _tracer(pid) == by


def _tracer(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    return int(status.partition("TracerPid:")[2].split()[0])


def came_to_it(told: Path) -> bool:
    """Whether a write did fail."""
    return told.exists() and "(INJECTED)" in told.read_text(encoding="utf-8")


def installed_or_skip() -> None:
    """Skip where it is missing; fail where it is required, for there nobody reads what was skipped."""
    if shutil.which("strace") is None:
        message = "not installed: strace"
        (pytest.fail if os.environ.get("PROBER_REQUIRE_STRACE") == "1" else pytest.skip)(message)
