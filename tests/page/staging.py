"""The lab, broken one way at a time, with a real prober before it, all in this process: what a reader looks at."""

import asyncio
import os
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from importlib.resources import files
from pathlib import Path

from prober.app import Prober
from prober.lab.faults import Fault
from prober.lab.world import World
from prober.publish.history.memory import MemoryHistory
from prober.publish.web.app import create
from prober.publish.web.server import serve
from tests.publish.web.conftest import World as Pretended

_LAB = Path(str(files("prober.lab") / "probes.yaml"))

#: The lab's other chain tries every bad token there is, and takes its time.
_ONE_CHAIN = _LAB.read_text(encoding="utf-8").partition("\n  controls:\n")[0]

#: Whoever bears it may do everything.
TOKEN = "trigger-token-of-these-tests"


class Served(Prober):
    """A prober that ends when it is told to, and leaves the signals to the tests."""

    stop: asyncio.Event

    def _heed_signals(self, stop: asyncio.Event) -> None:
        self.stop = stop


def config_in(folder: Path, more: str = "") -> Path:
    """The lab's config with its first chain alone, and more of it before."""
    path = folder / "probes.yaml"
    path.write_text(_ONE_CHAIN.replace("\ntrigger: {secret: trigger}\n", more or "\ntrigger: {secret: trigger}\n"))
    return path


@asynccontextmanager
async def prober_of(world: World, folder: Path, more: str = "", **environment: str) -> AsyncIterator[str]:
    """Serves what it sees of `world`, on a free port, until the end; gives its address."""
    given = {"PROBER_HISTORY": str(folder / "prober.db"), "LAB_INTERVAL": "10s", **environment}
    prober = Served(config_in(folder, more), {**_ours(), **world.environment, **given})
    ready = asyncio.get_running_loop().create_future()
    serving = asyncio.create_task(prober.serve("127.0.0.1", 0, ready.set_result))
    try:
        await asyncio.wait([ready, serving], return_when=asyncio.FIRST_COMPLETED)
        yield ready.result() if ready.done() else serving.result()
    finally:
        prober.stop.set()
        await serving


def _ours() -> Mapping[str, str]:
    return {"PATH": os.environ["PATH"]}


@asynccontextmanager
async def broken(world: World, *faults: str | Fault) -> AsyncIterator[World]:
    """The world, with these faults until the end."""
    await world.change(*faults)
    try:
        yield world
    finally:
        await world.change()


class _NoLongView(MemoryHistory):
    """What is told is kept, and nothing is known of long ago."""

    async def bars(self, *_: object) -> Sequence[object]:
        return ()

    cause_times = revision_marks = coverage = bars


class Told(Pretended):
    """A prober that looks at nothing: what is seen is what the test tells."""

    def __init__(self) -> None:
        super().__init__()
        self.history = _NoLongView(self.board.now)
        self.app = create(self.operator, self.board, self.history, self.feed)


@asynccontextmanager
async def served(told: Told) -> AsyncIterator[str]:
    """The real app over it, on a free port; its address."""
    stop, ready = asyncio.Event(), asyncio.get_running_loop().create_future()
    serving = asyncio.create_task(serve(told.app, "127.0.0.1", 0, ready.set_result, stop))
    try:
        yield await ready
    finally:
        stop.set()
        told.feed.close()
        await serving
