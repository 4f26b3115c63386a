"""Two worlds, one for each dialect, kept running; and the prober, made anew for each story and looking once."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from importlib.resources import files
from io import StringIO
from pathlib import Path

import pytest_asyncio
from prometheus_client.parser import text_string_to_metric_families
from rich.console import Console

from prober.app import Prober
from prober.lab.world import World
from prober.model.report import Report
from prober.publish.metrics import render
from prober.publish.text import render as render_text

CONFIG = Path(str(files("prober.lab") / "probes.yaml"))


@dataclass(frozen=True)
class Told:
    """What one look at a world came to: the report, and the metrics page after it."""

    report: Report
    page: str

    @property
    def causes(self) -> dict[str, str]:
        """The causes by name, each with how sure we are."""
        return {named.cause.name: str(named.confidence) for named in self.report.diagnosis.causes}

    @property
    def text(self) -> str:
        """All that a person would read: for whoever has to understand a story that went another way."""
        console = Console(file=StringIO())
        render_text(self.report, console)
        return f"\n{console.file.getvalue()}{self.report.readings}"

    def shown_by(self, cause: str) -> set[str]:
        """The steps that show a cause."""
        named = (each for each in self.report.diagnosis.causes if each.cause.name == cause)
        return {step for each in named for reading in each.explains for step in reading.steps}

    def counted(self, metric: str, **labels: str) -> float:
        """The sum of a metric's samples with these labels."""
        samples = [sample for family in text_string_to_metric_families(self.page) for sample in family.samples]
        return sum(s.value for s in samples if s.name == metric and labels.items() <= s.labels.items())


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def real_world() -> AsyncIterator[World]:
    """Services as they really behave."""
    async with World(dialect="real") as world:
        yield world


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def reported_world() -> AsyncIterator[World]:
    """Services as the incident reports tell."""
    async with World(dialect="reports") as world:
        yield world


@pytest_asyncio.fixture(loop_scope="module")
async def tell(real_world: World, reported_world: World) -> Callable[..., Awaitable[Told]]:
    """Break the world of a dialect in these ways, and look at it once with a prober that knows nothing of before."""
    worlds = {"real": real_world, "reports": reported_world}

    async def told(dialect: str, *faults: str, chain: str = "validation") -> Told:
        await worlds[dialect].change(*faults)
        prober = Prober(CONFIG, worlds[dialect].environment)  # a fault of the prober is one of its environment
        try:
            (report,) = await prober.once((chain,))
        finally:
            await prober.aclose()
        return Told(report, render(prober.board, "")[0].decode())

    return told
