"""The whole of it, once for all tests: two stagings, a prober for each, one Prometheus, one Alertmanager, a webhook."""

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

#: Both were seen to come to a turn and to end one, and Prometheus no longer misses who had yet to be scraped.
WELL = """
count(
  increase(prober_chain_runs_total{chain="validation", trigger="schedule", verdict="pass"}[30s]) > 0
  and on (instance) increase(prober_slots_expected_total{chain="validation"}[30s]) > 0
  and on (instance) increase(prober_slots_recorded_total{chain="validation"}[30s]) > 0
) == 2
and on () absent(ALERTS)
"""
WELL_SECONDS = 25.0


def pytest_collection_modifyitems(items):
    """All of this folder is marked, and runs in the loop in which the processes were started."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.prometheus)
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
    """Everything that runs."""

    worlds: Mapping[str, World]
    probers: Mapping[str, Served]
    prometheus: Prometheus
    inbox: Inbox
    well_at: float  # when nothing had been broken yet; Prometheus still knows how it was then


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def outfit(tmp_path_factory) -> AsyncIterator[Outfit]:
    """Started once; whoever breaks a staging heals it."""
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
        assert await eventually(lambda: asked.query(WELL), WELL_SECONDS)
        yield Outfit(worlds, probers, asked, box, time.time())


@asynccontextmanager
async def _staging(folder: Path, dialect: str) -> AsyncIterator[tuple[World, Served]]:
    """A lab, and a prober that looks at it every five seconds."""
    log = folder / f"{dialect}.log"
    async with World(dialect=dialect) as world, serving(CONFIG, world.environment, log) as prober:
        yield world, prober
