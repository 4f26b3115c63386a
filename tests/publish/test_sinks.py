import asyncio
import time

import structlog

from prober.model.report import Report
from prober.publish.sinks import Sinks
from tests.publish.builders import build_report


class Kept:
    """A sink that keeps what it gets."""

    name = "kept"

    def __init__(self) -> None:
        """Begin with none."""
        self.reports: list[Report] = []

    async def write(self, report: Report) -> None:
        """Keep it."""
        self.reports.append(report)


class Broken:
    """Has no room left."""

    name = "broken"

    async def write(self, _report: Report) -> None:
        """Fail."""
        raise OSError(28, "no space left")


class Cancelled:
    """Cancels itself."""

    name = "cancelled"

    async def write(self, _report: Report) -> None:
        """Stop in the middle."""
        raise asyncio.CancelledError


class Stubborn:
    """Takes no notice of its cancellation."""

    name = "stubborn"

    def __init__(self) -> None:
        """Hold on until let go."""
        self.let_go = asyncio.Event()

    async def write(self, _report: Report) -> None:
        """Wait, and wait again."""
        while not self.let_go.is_set():
            try:
                await self.let_go.wait()
            except asyncio.CancelledError:
                continue
        raise OSError


async def test_each_sink_gets_the_report():
    """One report reaches every sink."""
    first, second, report = Kept(), Kept(), build_report()

    await Sinks([first, second]).write(report)

    assert [report] == first.reports == second.reports


async def test_no_sinks_is_fine():
    """Nobody listening is no error."""
    sinks = Sinks([])

    await sinks.write(build_report())

    assert sinks.failures == {}


async def test_one_that_fails_hurts_no_other_and_is_counted():
    """A sink that raises, or cancels itself, is counted by name; the others get their report."""
    kept, told = Kept(), []
    sinks = Sinks([Broken(), Cancelled(), kept], on_failure=told.append)

    with structlog.testing.capture_logs() as logs:
        await sinks.write(build_report())

    assert sinks.failures == {"broken": 1, "cancelled": 1, "kept": 0}
    assert sorted(told) == ["broken", "cancelled"]
    assert {(line["event"], line["sink"]) for line in logs} == {
        ("sink.write_failed", "broken"),
        ("sink.write_failed", "cancelled"),
    }
    assert len(kept.reports) == 1


async def test_one_that_dawdles_is_left_behind():
    """A sink that takes too long is cancelled, and not even waited for when it ignores that."""
    kept, stubborn = Kept(), Stubborn()
    sinks = Sinks([stubborn, kept], patience_seconds=0.05)
    began = time.perf_counter()

    await sinks.write(build_report())

    assert time.perf_counter() - began < 5
    assert sinks.failures == {"stubborn": 1, "kept": 0}
    assert len(kept.reports) == 1
    stubborn.let_go.set()
    await asyncio.sleep(0.01)  # its late failure is retrieved, or the event loop would complain
    assert sinks._left_behind == set()


async def test_cancelling_the_writer_cancels_the_sinks():
    """When the program stops, no write goes on unseen."""
    stubborn = Stubborn()
    sinks = Sinks([stubborn])
    writing = asyncio.create_task(sinks.write(build_report()))
    await asyncio.sleep(0.01)

    writing.cancel()
    await asyncio.wait([writing])

    assert writing.cancelled()
    stubborn.let_go.set()
    await asyncio.sleep(0.01)
