"""The real app on a real port, over a fake operator, and a client that talks to it."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import httpx
import pytest
import pytest_asyncio
from starlette import types

from prober.model.caller import Admission, Bearer, Caller, Scope
from prober.model.chain import Plan
from prober.model.errors import ConfigError, NothingMatched, ProberError, StoreUnavailable
from prober.model.gate import Progress
from prober.model.order import Asker, Intent, Order, Outcome, Taken
from prober.model.pause import EVERYTHING, Pause, Pulled
from prober.model.report import Report
from prober.model.secret import Secret
from prober.model.trend import Recall
from prober.publish.board import Board
from prober.publish.document import Document, document
from prober.publish.feed import Feed
from prober.publish.history.memory import MemoryHistory
from prober.publish.web.app import create
from prober.publish.web.server import serve
from tests import builders as b
from tests.publish import builders as p

TOKEN = "trigger-token-of-this-test"
READER, RUNNER = "token-of-one-who-only-reads", "token-of-one-who-has-chains-run"
BEARER = {"Authorization": f"Bearer {TOKEN}"}
CALLERS = (
    Caller(name="trigger", secret="trigger", scopes=frozenset(Scope)),
    Caller(name="reader", secret="reader", scopes=frozenset({Scope.READ})),
    Caller(name="runner", secret="runner", scopes=frozenset({Scope.RUN})),
)


class FakeOperator:
    """Runs nothing: a run ends when the test says so."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.ready = True
        self.started: list[tuple[Order, Asker]] = []
        self.so_far: dict[str, Progress] = {}
        self.fails: ProberError | None = None
        self.intents: dict[str, Intent] | StoreUnavailable = {}
        self.running: dict[str, asyncio.Future[Report]] = {}
        self.orders: dict[str, Order] = {}
        self.complaints: list[str] = []
        self.reloads = 0
        self.next: datetime | None = None
        self.asked = asyncio.Event()
        self.probed: Document | None = None
        self.probes: list[tuple[str, float, bool]] = []
        self.may_answer = asyncio.Event()
        self.may_answer.set()
        self.tokens: dict[str, str] = {}
        self.heard: dict[str, Recall] = {}
        self.pauses: dict[str, tuple[Pause, float | None]] = {}
        self.store_is_away, self.lingers = "", False

    def bearers(self) -> Sequence[Bearer]:
        """Those who have a token."""
        known = [caller for caller in self.plan.admission.callers if caller.name in self.tokens]
        return [Bearer(each, Secret(each.secret, self.tokens[each.name])) for each in known]

    async def ask(self, order: Order, asker: Asker) -> Taken:
        """Begin, or join, or fail as the test says."""
        if order.chain not in self.plan.chains:
            raise NothingMatched(order.chain, tuple(self.plan.chains))
        if self.fails:
            raise self.fails
        going = next((id_ for id_, each in self.orders.items() if each == order.wanted), None)
        if going:
            return Taken(going, Outcome.COALESCED)
        self.started.append((order, asker))
        intent_id = f"{order.kind}-{len(self.started)}"
        self.orders[intent_id] = order.wanted
        self.running[intent_id] = asyncio.get_running_loop().create_future()
        self.asked.set()
        return Taken(intent_id, Outcome.ACCEPTED)

    async def intent(self, intent_id: str) -> Intent | None:
        """What the test says."""
        if isinstance(self.intents, StoreUnavailable):
            raise self.intents
        return self.intents.get(intent_id)

    async def gates(self, limit: int) -> Sequence[Intent]:
        """Those of the test, the newest first."""
        if isinstance(self.intents, StoreUnavailable):
            raise self.intents
        return list(reversed(self.intents.values()))[:limit]

    def last_heard(self, chain: str) -> Recall | None:
        """What the test says that others did."""
        return self.heard.get(chain)

    async def wait(self, run_id: str, timeout_seconds: float) -> Document | None:
        """Until the test ends it."""
        await asyncio.wait([self.running[run_id]], timeout=timeout_seconds)
        return document(self.running[run_id].result()) if self.running[run_id].done() else None

    async def probe(self, chain: str, timeout_seconds: float, *, anew: bool) -> Document | None:
        """What the test laid there."""
        self.probes.append((chain, timeout_seconds, anew))
        await self.may_answer.wait()
        if self.fails:
            raise self.fails
        return self.probed

    async def followed(self, intent_id: str, timeout_seconds: float) -> Intent | None:  # noqa: ARG002
        """As it is: a fake gate ends when the test says so."""
        return await self.intent(intent_id)

    def progress(self, gate_id: str) -> Progress | None:
        """What the test says."""
        return self.so_far.get(gate_id)

    def next_turn(self, chain: str) -> datetime | None:
        """As the test says."""
        return self.next if chain in self.plan.chains else None

    def is_running(self, run_id: str) -> bool:
        """Until then."""
        return run_id in self.running and not self.running[run_id].done()

    async def pause(self, service: str, *, reason: str, by: str, seconds: float | None) -> Pulled:
        """Note it."""
        if service not in {*self.plan.services, EVERYTHING}:
            raise NothingMatched(service, tuple(self.plan.services), what="service")
        pause = Pause(service=service, reason=reason, by=by, since=b.NOON)
        self.pauses[service] = pause, seconds
        return Pulled(pause=pause, unwritten_because=self.store_is_away, lingers=self.lingers)

    async def resume(self, service: str, *, by: str) -> Pause | None:  # noqa: ARG002
        """Forget it, if the store is there."""
        if service not in {*self.plan.services, EVERYTHING}:
            raise NothingMatched(service, tuple(self.plan.services), what="service")
        if self.store_is_away:
            raise StoreUnavailable(self.store_is_away)
        found = self.pauses.pop(service, None)
        return found[0] if found else None

    async def reload(self) -> None:
        """Refuse when there are complaints."""
        if self.complaints:
            raise ConfigError(self.complaints)
        self.reloads += 1

    def finish(self, report: Report) -> None:
        """End the run that `report` is of."""
        self.orders.pop(report.run.id, None)
        self.running[report.run.id].set_result(report)


class World:
    """The app and everything behind it."""

    def __init__(self, token: str | None = TOKEN, **admission: object) -> None:
        given = {"per_minute": 1000, "burst": 1000, **admission}
        plan = replace(p.build_plan(), admission=Admission(callers=tuple(CALLERS), **given))
        now = lambda: b.NOON + timedelta(seconds=11)  # noqa: E731
        self.operator = FakeOperator(plan)
        self.board = Board(plan, p.CAUSES, now)
        self.history, self.feed = MemoryHistory(now), Feed()
        self.operator.tokens = {"trigger": token, "reader": READER, "runner": RUNNER} if token else {}
        self.app = create(self.operator, self.board, self.history, self.feed)

    async def tell(self, report: Report) -> None:
        """A run was reported."""
        await self.board.write(report)
        await self.history.write(report)
        await self.feed.write(report)

    def triggers(self) -> dict[str, int]:
        """Trigger requests counted so far, by outcome."""
        return {series[0]: count for series, count in self.board.triggers.counts.items() if count}


def pytest_collection_modifyitems(items):
    """Tests that talk to the one server run in its loop."""
    in_its_loop = pytest.mark.asyncio(loop_scope="session")
    for item in items:
        if pytest_asyncio.is_async_test(item) and "house" in item.fixturenames:
            item.add_marker(in_its_loop, append=False)


class House:
    """One server for all tests, in which the app of the moment lives: to start one takes longer than a test."""

    def __init__(self) -> None:
        self.url = ""
        self.world: World | None = None

    async def __call__(self, scope: types.Scope, receive: types.Receive, send: types.Send) -> None:
        """Pass the request to whoever lives here."""
        await self.world.app(scope, receive, send)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def house() -> AsyncIterator[House]:
    """The server, on a free port."""
    house, stop, ready = House(), asyncio.Event(), asyncio.get_running_loop().create_future()
    serving = asyncio.create_task(serve(house, "127.0.0.1", 0, ready.set_result, stop))
    house.url = await ready
    yield house
    stop.set()
    await serving


@pytest.fixture
def world():
    return World()


@pytest_asyncio.fixture(loop_scope="session")
async def client(house, world):
    """A client of `world`."""
    house.world = world
    async with httpx.AsyncClient(base_url=house.url, trust_env=False) as client:
        yield client


@pytest_asyncio.fixture(loop_scope="session")
async def shut(house):
    """A client of an app without a trigger token."""
    house.world = World(token=None)
    async with httpx.AsyncClient(base_url=house.url, trust_env=False) as client:
        yield client


@pytest.fixture
def bearer():
    """The header that opens the door."""
    return dict(BEARER)
