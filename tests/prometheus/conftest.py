"""The whole of it, once for all tests: two stagings, a prober for each, a Prometheus, an Alertmanager, a webhook."""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import pytest
import pytest_asyncio

from prober.lab.world import World
from tests.live import Served, serving
from tests.prometheus.moments import ALERTS, BROKEN, FAULTS, HEALED, SOON, WELL
from tests.prometheus.programs import (
    BINARIES,
    Inbox,
    Prometheus,
    alertmanager,
    binary,
    eventually,
    inbox,
    prometheus,
)

CONFIG = Path(str(files("prober.lab") / "probes.yaml"))
DIALECTS = ("real", "reports")

#: What the first test may take, for it pays for what all tests look at; 40 s on an idle machine.
_STORY_SECONDS = 240


def pytest_collection_modifyitems(items):
    """All of this folder is marked, and runs in the loop in which the processes were started."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.prometheus)
            item.add_marker(pytest.mark.timeout(_STORY_SECONDS))
            if pytest_asyncio.is_async_test(item):
                item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


@pytest.fixture(scope="session", autouse=True)
def _programs():
    """Skip where they are missing; fail where they are required, for there nobody reads what was skipped."""
    missing = [name for name in BINARIES if not binary(name)]
    if missing:
        message = f"not installed: {', '.join(missing)} (packages prometheus and prometheus-alertmanager)"
        (pytest.fail if os.environ.get("PROBER_REQUIRE_PROMETHEUS") == "1" else pytest.skip)(message)


@dataclass(frozen=True, slots=True)
class Outfit:
    """Everything that runs, and when it was in which state: Prometheus can be asked how it was then."""

    worlds: Mapping[str, World]
    probers: Mapping[str, Served]
    prometheus: Prometheus
    inbox: Inbox
    well_at: float
    broken_at: float
    healed_at: float


@pytest_asyncio.fixture(scope="package", loop_scope="session")
async def outfit(tmp_path_factory) -> AsyncIterator[Outfit]:
    """Started, looked at while well, broken, and healed, once for all; tests ask what was seen and told meanwhile."""
    folder = tmp_path_factory.mktemp("prometheus")
    async with AsyncExitStack() as stack:
        box = stack.enter_context(inbox())
        teller, *stagings = await asyncio.gather(
            stack.enter_async_context(alertmanager(folder, box.url)),
            *(stack.enter_async_context(_staging(folder, dialect)) for dialect in DIALECTS),
        )
        worlds, probers = (dict(zip(DIALECTS, each, strict=True)) for each in zip(*stagings, strict=True))
        targets = {dialect: prober.url.removeprefix("http://") for dialect, prober in probers.items()}
        asked = await stack.enter_async_context(prometheus(folder, targets, teller))
        yield Outfit(worlds, probers, asked, box, *await _live_through(worlds, asked, box))


async def _live_through(worlds: Mapping[str, World], asked: Prometheus, box: Inbox) -> tuple[float, float, float]:
    """Well, broken, healed: the moments at which everything that belongs to each state was there."""
    well_at = await _reached(asked, WELL)
    await asyncio.gather(*(world.change(*FAULTS[dialect]) for dialect, world in worlds.items()))
    broken_at = await _reached(asked, BROKEN)
    for alert in ALERTS:
        assert await box.hears("firing", SOON, **alert), alert
    await asyncio.gather(*(world.change() for world in worlds.values()))
    healed_at = await _reached(asked, HEALED)
    for alert in ALERTS[:2]:
        assert await box.hears("resolved", SOON, **alert), alert
    return well_at, broken_at, healed_at


async def _reached(asked: Prometheus, state: str) -> float:
    """The very moment for which Prometheus says that this state holds."""

    async def check() -> float | None:
        at = time.time()
        return at if await asked.query(state, at) else None

    at = await eventually(check, SOON)
    assert at, state
    return at


@asynccontextmanager
async def _staging(folder: Path, dialect: str) -> AsyncIterator[tuple[World, Served]]:
    """A lab, and a prober that looks at it every five seconds."""
    log, past = folder / f"{dialect}.log", {"PROBER_HISTORY": str(folder / f"{dialect}.db")}
    async with World(dialect=dialect) as world, serving(CONFIG, world.environment | past, log) as prober:
        yield world, prober
