import asyncio
import json
from contextlib import ExitStack, asynccontextmanager
from dataclasses import replace

import pytest

from prober.model.errors import StoreUnavailable
from prober.model.order import Aborted, Intent, Kind, Order, OrderState
from prober.publish.feed import MOST_LISTENERS
from prober.publish.web.routes import events
from tests import builders as b
from tests.publish import builders as p
from tests.publish.web.conftest import READER, World

EVENTS = "/api/v1/events"
OF_RUN = "/api/v1/runs/run-1/events"
RUNS = "/api/v1/chains/validation/runs"


class Stream:
    """Server-sent events as a browser reads them."""

    def __init__(self, answer):
        """From this answer."""
        self.answer, self._lines = answer, answer.aiter_lines()

    async def next(self):
        """The next event: its kind and data; None at the end. Comments, which keep the way open, are none."""
        event = {}
        async with asyncio.timeout(10):
            async for line in self._lines:
                if not line and event:
                    return event["event"], json.loads(event["data"])
                field, _, value = line.partition(": ")
                if field in ("event", "data"):
                    event[field] = value
        return None


@asynccontextmanager
async def stream(client, path, **more):
    """Listen."""
    async with client.stream("GET", path, timeout=20, **more) as answer:
        yield Stream(answer)


async def until(so):
    """Until something is so."""
    async with asyncio.timeout(5):
        while not so():  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.01)


async def test_a_run_is_told_step_by_step(client, world, bearer):
    """Then its report, then that it is over; and then the stream ends."""
    await client.post(RUNS, headers=bearer)
    report = p.build_report(id="run-1")
    first, *others = report.run.results
    world.feed.step("run-1", first)
    async with stream(client, OF_RUN) as told:
        seen = [await told.next()]
        for each in others:
            world.feed.step("run-1", each)
        world.operator.finish(report)
        await world.tell(report)
        while event := await told.next():
            seen.append(event)

    names = [result.step.name for result in report.run.results]
    assert "text/event-stream" in told.answer.headers["content-type"]
    assert names == [data["name"] for kind, data in seen if kind == "step"]
    assert ["report", "end"] == [kind for kind, _ in seen][len(names) :]
    assert {"id": "run-1", "state": "done"} == seen[-1][1]


async def test_of_a_run_that_is_over_the_report_is_told(client, world):
    """At once."""
    await world.tell(p.build_report(id="run-1"))
    async with stream(client, OF_RUN) as told:
        seen = [await told.next(), await told.next(), await told.next()]

    assert ["report", "end", None] == [event and event[0] for event in seen]


async def test_what_we_keep_ourselves_is_told_while_the_store_is_away(client, world):
    """A report in memory needs no store."""
    await world.tell(p.build_report(id="run-1"))
    world.operator.intents = StoreUnavailable("away")
    async with stream(client, OF_RUN) as told:
        assert ["report", "end"] == [(await told.next())[0], (await told.next())[0]]


async def test_of_a_run_that_came_to_nothing_that_is_told(client, world):
    """And why."""
    world.operator.intents["run-1"] = intent(OrderState.ABORTED, Aborted.CHAIN_GONE)
    async with stream(client, OF_RUN) as told:
        seen = [await told.next(), await told.next()]

    assert ("end", "chain_gone", None) == (seen[0][0], seen[0][1]["why"], seen[1])


def intent(state, why=None):
    """A run that was asked for, here or elsewhere."""
    return Intent(id="run-1", order=Order(chain="validation"), caller="ci", asked=b.NOON, state=state, why=why)


async def test_a_run_that_another_instance_takes_is_told_when_it_is_over(client, world, monkeypatch):
    """Its steps are heard there only."""
    monkeypatch.setattr(events, "_LOOK_SECONDS", 0.05)
    world.operator.intents["run-1"] = intent(OrderState.RUNNING)
    async with stream(client, OF_RUN) as told:
        waiting = asyncio.create_task(told.next())
        await asyncio.sleep(0.1)
        world.operator.intents["run-1"] = intent(OrderState.DONE)
        await world.history.write(p.build_report(id="run-1"))

        assert ["report", "end"] == [(await waiting)[0], (await told.next())[0]]


@pytest.mark.parametrize(
    ("state", "why", "told_as"),
    [
        (OrderState.DONE, None, "done"),  # its report was let go, or lies where we cannot look
        (OrderState.ABORTED, Aborted.BROKE, "aborted"),
        (None, None, "unknown"),  # on schedule, and it broke before its first step
    ],
)
async def test_a_run_that_ends_without_a_report_ends(client, world, monkeypatch, state, why, told_as):  # noqa: PLR0913, PLR0917 - a table
    """It goes on no more and nobody told us: that is said, and the stream ends."""
    monkeypatch.setattr(events, "_LOOK_SECONDS", 0.05)
    world.operator.running["run-1"] = asyncio.get_running_loop().create_future()
    async with stream(client, OF_RUN) as told:
        waiting = asyncio.create_task(told.next())
        await asyncio.sleep(0.15)
        assert not waiting.done()
        if state is not None:
            world.operator.intents["run-1"] = intent(state, why)
        del world.operator.running["run-1"]
        kind, data = await waiting

        assert ("end", "run-1", told_as) == (kind, data["id"], data["state"])
        assert await told.next() is None


async def test_a_run_that_goes_on_is_not_over(client, world, monkeypatch):
    """However long it says nothing, here or elsewhere, and also while the store is away."""
    monkeypatch.setattr(events, "_LOOK_SECONDS", 0.02)
    world.operator.intents["run-1"] = intent(OrderState.RUNNING)
    async with stream(client, OF_RUN) as told:
        waiting = asyncio.create_task(told.next())
        await asyncio.sleep(0.2)
        world.operator.intents = StoreUnavailable("away")
        await asyncio.sleep(0.2)

        assert not waiting.done()
        world.feed.close()
        assert await waiting is None


async def test_the_report_is_told_of_a_run_that_ends_while_we_look(client, world, monkeypatch):
    """It was written between our question after the report and that after its order."""
    monkeypatch.setattr(events, "_LOOK_SECONDS", 0.02)
    looked = world.history.get
    world.operator.intents["run-1"] = intent(OrderState.RUNNING)
    async with stream(client, OF_RUN) as told:

        async def get(run_id):
            """Just too early."""
            found = await looked(run_id)
            if found is None:
                world.operator.intents["run-1"] = intent(OrderState.DONE)
                await world.history.write(p.build_report(id="run-1"))
            return found

        monkeypatch.setattr(world.history, "get", get)

        assert ["report", "end"] == [(await told.next())[0], (await told.next())[0]]


@pytest.mark.parametrize("state", OrderState)
async def test_a_gate_is_no_run(client, world, state):
    """404, at once, and where it is told of: its progress is among all events."""
    order = Order(kind=Kind.GATE, chain="validation")
    world.operator.intents["gate-1"] = replace(intent(state), id="gate-1", order=order)
    answer = await client.get("/api/v1/runs/gate-1/events")

    assert 404 == answer.status_code
    assert "/api/v1/gates/gate-1" in answer.json()["detail"]
    assert EVENTS in answer.json()["detail"]


async def test_a_run_whose_report_is_kept_no_longer_has_no_events(client, world):
    """404, as its report."""
    world.operator.intents["run-1"] = intent(OrderState.DONE)

    assert [404, 404] == [(await client.get(path)).status_code for path in (OF_RUN, "/api/v1/runs/run-1")]


async def test_a_run_nobody_knows_has_no_events(client, world):
    """404; and while the store is away nobody knows."""
    unknown = await client.get(OF_RUN)
    world.operator.intents = StoreUnavailable("away")
    away = await client.get(OF_RUN)

    assert [404, 503] == [unknown.status_code, away.status_code]
    assert set() == world.feed._listeners


async def test_reports_are_told_to_all_who_listen(client, world):
    """As they come; who goes away is forgotten."""
    async with stream(client, EVENTS) as one, stream(client, EVENTS) as other:
        await until(lambda: len(world.feed._listeners) == 2)
        await world.tell(p.broken_report(id="7"))
        seen = [await one.next(), await other.next()]
    await until(lambda: not world.feed._listeners)

    assert [("report", "7"), ("report", "7")] == [(kind, data["run"]["id"]) for kind, data in seen]


async def test_a_report_is_brief_for_who_asks_so(client, world):
    """A hundredth of it: fifty pages on show are told of each run."""
    async with stream(client, EVENTS, params={"brief": "true"}) as brief, stream(client, EVENTS) as whole:
        await until(lambda: len(world.feed._listeners) == 2)
        await world.tell(p.broken_report(id="7"))
        (_, said), (_, report) = await brief.next(), await whole.next()

    assert {key: report["run"][key] for key in ("id", "chain", "verdict", "ended")} == said


async def test_too_many_are_told_to_come_again(client, world):
    """503, and when."""
    with ExitStack() as listening:
        for _ in range(MOST_LISTENERS):
            listening.enter_context(world.feed.listening())
        answer = await client.get(EVENTS)

    assert (503, "10") == (answer.status_code, answer.headers["retry-after"])


async def test_who_does_not_read_holds_up_nobody(client, world):
    """However much is told meanwhile; what it missed is told first when it reads again."""
    async with stream(client, EVENTS) as told:
        await until(lambda: world.feed._listeners)
        (listener,) = world.feed._listeners
        async with asyncio.timeout(20):
            for number in range(600):
                await world.feed.write(p.build_report(id=str(number)))
                await asyncio.sleep(0)
        assert len(listener._unheard) <= 100
        world.feed.close()
        kinds = []
        while event := await told.next():
            kinds.append(event)

    missed = sum(data["events"] for kind, data in kinds if kind == "dropped")
    heard = sum(kind == "report" for kind, _ in kinds)
    assert missed + heard + len(listener._unheard) == 600


async def test_at_the_end_the_streams_end(client, world):
    """So that they do not hold up the end."""
    async with stream(client, EVENTS) as told:
        await until(lambda: world.feed._listeners)
        world.feed.close()

        assert await told.next() is None


@pytest.mark.parametrize("path", [EVENTS, OF_RUN])
async def test_events_are_read_by_those_who_may(house, client, path):
    """Like reports."""
    house.world = World(reads_are_open=False)

    assert 401 == (await client.get(path)).status_code


async def test_a_reader_may_listen(house, client):
    """With a token."""
    house.world = World(reads_are_open=False)
    async with stream(client, EVENTS, headers={"Authorization": f"Bearer {READER}"}) as told:
        assert 200 == told.answer.status_code
