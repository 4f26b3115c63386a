"""The demonstration: the lab, broken as asked, and the prober looking at it; what a newcomer types first."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from importlib.resources import as_file, files
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console
from rich.table import Table
from rich.text import Text

from prober.app import Prober
from prober.gather.runner import Told
from prober.lab.child import NotReady
from prober.lab.faults import FAULTS, ONLY_THE_PLATFORM_SHOWS, SCENARIOS, UnknownFault
from prober.lab.noise import Noise
from prober.lab.world import World
from prober.model.errors import LabUnavailable, NothingMatched
from prober.model.report import Report
from prober.model.verdict import RunVerdict, StepResult
from prober.publish.text import render, step_line

#: A fault that shows the point at once: red everywhere, and only one cause behind it.
_TRY_FIRST = "service_credentials_missing"

#: The chain that tells why tokens are refused; the other one tries every bad token there is, and takes its time.
_CHAIN = "validation"

#: More than anybody types in one line.
_LINE_BYTES = 4096


@asynccontextmanager
async def lab(
    faults: Sequence[str], dialect: str | None, noise: Noise | None = None, platform: str | None = None
) -> AsyncIterator[World]:
    """The lab, running, on a platform where one is named.

    Raises:
        NothingMatched: a fault is unknown.
        LabUnavailable: it does not start.
    """
    try:
        world = World(tuple(faults), dialect, noise=noise, platform=platform)
    except UnknownFault as error:
        raise NothingMatched(error.name, error.near or known_faults(), what="fault") from error
    async with AsyncExitStack() as stack:
        await _enter(world, stack)
        yield world


async def _enter(world: World, stack: AsyncExitStack) -> None:
    """Only the start is translated: what goes wrong inside belongs to whoever is inside."""
    try:
        await stack.enter_async_context(world)
    except* (NotReady, OSError) as group:
        reasons = "; ".join(str(error) for error in group.exceptions)
        raise LabUnavailable(reasons) from group


def known_faults() -> tuple[str, ...]:
    """Every name `--fault` takes."""
    return tuple(row["name"] for row in describe_faults())


def describe_faults() -> list[dict[str, str]]:
    """The catalogue as `prober lab --list --output json` prints it: scenarios first."""
    scenarios = [{"name": s.name, "kind": "scenario", "family": "-", "about": s.about} for s in SCENARIOS]
    faults = (*FAULTS, *ONLY_THE_PLATFORM_SHOWS)
    return scenarios + [{"name": f.name, "kind": "fault", "family": f.family, "about": f.about} for f in faults]


def environment(world: World) -> dict[str, str]:
    """Our own environment with what the lab tells laid over it."""
    return {**os.environ, **world.environment}


async def once(
    faults: Sequence[str],
    dialect: str | None,
    told: Told,
    noise: Noise | None = None,
    platform: str | None = None,
) -> Report:
    """One round against the lab."""
    async with lab(faults, dialect, noise, platform) as world, _config() as path:
        prober = Prober(path, environment(world), told=told)
        try:
            (report,) = await prober.once(())
        finally:
            await prober.aclose()
    return report


@asynccontextmanager
async def _config() -> AsyncIterator[Path]:
    with as_file(files("prober.lab") / "probes.yaml") as path:
        yield path


#: What is no news of a chain that speaks up for the first time beside another.
_AS_HOPED = (RunVerdict.PASS,)


class Screen:
    """A sink that shows each report in which something changed, and says what to open and what to break next."""

    name = "screen"

    def __init__(self, console: Console) -> None:
        self._console = console
        self._last: dict[str, tuple[object, ...]] = {}  # by chain

    def step(self, result: StepResult) -> None:
        """Show the steps of the very first turn as they end, so that one sees the chain turn green."""
        if not self._last and self._console.is_terminal:
            self._console.print(step_line(result))

    async def write(self, report: Report) -> None:
        """Show the report if its verdict or its causes are news."""
        news = (report.run.verdict, *(named.cause.name for named in report.diagnosis.causes))
        chain = report.run.chain.name
        if news != self._last.get(chain, _AS_HOPED if self._last else None):
            is_first = not self._last
            self._last[chain] = news
            self._console.print()
            render(report, self._console, told_live=is_first and self._console.is_terminal, briefly=not is_first)
            self._hint(report)

    def _hint(self, report: Report) -> None:
        if not sys.stdin.isatty():
            return
        if report.run.verdict is RunVerdict.PASS:
            hint = (
                f"Now break it: type a fault and press Enter, e.g. [bold]{_TRY_FIRST}[/] ([bold]list[/] shows all). "
                "I speak up when something changes."
            )
        else:
            hint = "The page shows every step. To heal it, press Enter on an empty line; Ctrl-C ends the demonstration."
        self._console.print(hint, highlight=False)


async def forever(  # noqa: PLR0913 - what the command may say
    faults: Sequence[str],
    dialect: str | None,
    noise: Noise,
    address: tuple[str, int],
    console: Console,
    *,
    platform: str | None = None,
) -> None:
    """Serve against the lab until interrupted; faults typed on the terminal break it while it runs."""
    async with lab(faults, dialect, noise, platform) as world, _config() as path:
        screen = Screen(console)
        with TemporaryDirectory(prefix="prober-demo-") as past, _heeding_terminal(world, console):
            kept = {
                **environment(world),
                "PROBER_HISTORY": f"{past}/prober.db",
            }  # a demonstration leaves nothing behind
            prober = Prober(path, kept, extra=[screen], told=screen.step)
            await prober.serve(*address, lambda url: _welcome(url, prober, console))


def _welcome(url: str, prober: Prober, console: Console) -> None:
    """Say where to look, and take the first turn at once instead of waiting for its slot."""
    console.print(f"[bold]{url}/[/]   the page\n{url}/metrics   for Prometheus\n{url}/api/v1/status   as JSON\n")
    chain = prober.plan.chains[_CHAIN]
    often = f"every {chain.interval_seconds:g} s"
    console.print(f"A small staging environment is running on this machine; the prober looks at it {often}.\n")
    prober.begin([chain])


@contextmanager
def _heeding_terminal(world: World, console: Console) -> Iterator[None]:
    """Break or heal the lab as the person at the terminal types, a line at a time."""
    if not sys.stdin.isatty():
        yield
        return
    loop, keyboard, jobs = asyncio.get_running_loop(), sys.stdin.fileno(), set[asyncio.Task[None]]()

    def heed() -> None:
        line = os.read(keyboard, _LINE_BYTES)  # not a stream: that would make standard output non-blocking too
        if not line:
            loop.remove_reader(keyboard)  # end of input
            return
        job = loop.create_task(_break(world, line.decode(errors="replace").split(), console))
        jobs.add(job)
        job.add_done_callback(jobs.discard)

    loop.add_reader(keyboard, heed)
    try:
        yield
    finally:
        loop.remove_reader(keyboard)


def _table_of_faults() -> Table:
    """What can be typed; the reports' scenarios last, next to the prompt."""
    table = Table.grid(padding=(0, 2))
    for row in reversed(describe_faults()):
        table.add_row(Text(row["name"], "bold"), row["about"])
    return table


async def _break(world: World, names: Sequence[str], console: Console) -> None:
    if names == ["list"]:
        console.print(_table_of_faults())
        return
    try:
        await world.change(*names)
    except UnknownFault as error:
        console.print(str(error), style="red", highlight=False)
        return
    done = f"broken: {', '.join(names)}" if names else "healed"
    console.print(f"The lab is {done}; the next round shows it.", highlight=False)
