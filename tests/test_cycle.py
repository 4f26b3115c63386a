"""One turn of the wheel: look, remember, judge, tell; in this order."""

import pytest

from prober.cycle import cycle
from prober.gather.clock import SystemClock
from prober.gather.runner import Errand, Gatherer
from prober.judge.causes import catalogue
from prober.model.chain import Chain, HttpStep, Shows, Trigger
from prober.model.diagnosis import State
from prober.model.verdict import RunVerdict
from prober.publish.history.memory import MemoryHistory
from tests.gather.peers import answers, keyring, raw_peer, request, service


class Noting:
    """A memory and an outlet that note when they are asked, beside a real history."""

    def __init__(self, seen):
        """Share the notes of the peer."""
        self.seen = seen
        self.history = MemoryHistory(SystemClock().now)
        self.written = []

    async def recent(self, chain):
        """What held before."""
        self.seen.append(f"recalled {chain}")
        return await self.history.recent(chain)

    def heed(self, report):
        """Nobody need be told."""
        self.seen.append("heeded")
        return report

    async def write(self, report):
        """Pass it on."""
        self.seen.append("told")
        self.written.append(report)
        await self.history.write(report)


@pytest.fixture
async def turn():
    """Turn the wheel against a peer that answers so; gives the report, what was told, and what happened in order."""
    worlds = []

    async def turned(status, times=1):
        """Once, or more often."""
        seen = []
        noting = Noting(seen)
        world = Gatherer(keyring=keyring(), clock=SystemClock())
        worlds.append(world)
        async with raw_peer(answers(status, b"{}", seen=seen)) as port:
            asked = request(port, "/health", "GET")
            step = HttpStep(name="health", service=service(port), request=asked, shows=Shows.HEALTH)
            chain = Chain(name="validation", steps=(step,))
            for number in range(times):
                errand = Errand(run_id=f"run-{number}", chain=chain, trigger=Trigger.SCHEDULE)
                report = await cycle(errand, world, noting, catalogue(), noting, noting)
        return report, noting.written, [note if isinstance(note, str) else "looked" for note in seen]

    yield turned
    for world in worlds:
        await world.aclose()


async def test_looking_comes_first_and_telling_last(turn):
    """What held before is recalled only after the look, so that a run that ended meanwhile is in it."""
    _, _, happened = await turn(200)

    assert ["looked", "recalled validation", "heeded", "told"] == happened


async def test_what_is_told_is_what_is_returned(turn):
    """One report, for everybody the same."""
    report, told, _ = await turn(200)

    assert [report] == told
    assert ("run-0", RunVerdict.PASS, State.HEALTHY) == (report.run.id, report.run.verdict, report.diagnosis.state)


async def test_a_report_knows_the_past(turn):
    """Each turn counts in the windows of the next, and in its own."""
    report, told, _ = await turn(503, times=3)

    assert [(1, 0), (2, 0), (3, 0)] == [(each.windows[0].samples, each.windows[0].successes) for each in told]
    assert RunVerdict.FAIL is report.run.verdict


async def test_causes_come_from_the_catalogue(turn):
    """What was seen is explained by the causes that the cycle is given."""
    report, _, _ = await turn(503)

    assert ["backend_down"] == [named.cause.name for named in report.diagnosis.causes]
