"""Several instances of `prober serve` on one PostgreSQL, what may befall each, and what became of their books."""

import asyncio
import contextlib
import json
import os
import re
import signal
import sys
import time
from asyncio.subprocess import Process
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import httpx

from tests.faketime import WallClock
from tests.instances import history
from tests.instances.history import History, Span
from tests.instances.peer import Peer, listening
from tests.instances.wire import Wire, wired
from tests.live import samples, total
from tests.postgres import Postgres

HOST = "127.0.0.1"
CHAINS = ("api", "login", "stream")
INTERVAL_SECONDS = 1.0

#: A claim lives for the deadline and two seconds; the dead are swept every two.
CLAIM_SECONDS, SWEEP_SECONDS = 2.9, 2.0

#: Two intervals, and what starting, joining and two busy cores may take.
PATIENCE_SECONDS = 2 * INTERVAL_SECONDS + 1.0

_SERVE = Path(__file__).with_name("serve.py")
_LISTENING = re.compile(r"listening on (http://\S+)")
_READY_SECONDS = 40.0


@dataclass(slots=True)
class Instance:
    """One process, which may end and be started again."""

    name: str
    folder: Path
    wire: Wire
    database: str  # its address, over the wire
    location: str = "here"
    interval_seconds: float = INTERVAL_SECONDS
    process: Process | None = None
    url: str = ""
    is_paused: bool = False

    @property
    def looks(self) -> bool:
        """Whether it can look at its chains."""
        return bool(self.url) and not self.is_paused

    @property
    def log(self) -> str:
        """All it said, in every life."""
        return (self.folder / "log").read_text(encoding="utf-8")

    def configure(self, peer_port: int, interval_seconds: float = INTERVAL_SECONDS) -> None:
        """Write its config."""
        self.interval_seconds = interval_seconds
        chain = {"interval": f"{interval_seconds}s", "deadline": "900ms"}
        step = {"name": "asks", "probe": "http", "service": "auth"}
        config = {
            "version": 1,
            "environment": "staging",
            "location": self.location,
            "secrets": {"database": "env:DATABASE"},
            "history": {"database": "database", "file": str(self.folder / "prober.db")},
            "services": {"auth": {"role": "auth", "url": f"http://{HOST}:{peer_port}"}},
            "chains": {name: {**chain, "steps": [{**step, "get": f"/{name}@{self.location}"}]} for name in CHAINS},
        }
        (self.folder / "probes.yaml").write_text(json.dumps(config), encoding="utf-8")

    async def start(self) -> None:
        """Start it, and wait until it listens."""
        words = (str(_SERVE), "serve", "--config", str(self.folder / "probes.yaml"), "--listen", f"{HOST}:0")
        said = len(self.log) if (self.folder / "log").exists() else 0
        with (self.folder / "log").open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                sys.executable, *words, stderr=log, env=self._environment(), cwd=self.folder
            )
        async with asyncio.timeout(_READY_SECONDS):
            while not (found := _LISTENING.search(self.log[said:])):
                if self.process.returncode is not None:
                    message = f"{self.name} ended with {self.process.returncode}: {self.log[-3000:]}"
                    raise RuntimeError(message)
                await asyncio.sleep(0.05)
        self.url = found[1]

    def _environment(self) -> dict[str, str]:
        return {"PATH": os.environ["PATH"], "DATABASE": self.database, **self._clock.environment}

    @property
    def _clock(self) -> WallClock:
        return WallClock(self.folder / "clock")

    def set_clock(self, seconds: float) -> None:
        """Its wall clock is wrong by so much from now on."""
        self._clock.set(seconds)

    def _signal(self, number: signal.Signals) -> None:
        if self.process is not None and self.process.returncode is None:
            self.process.send_signal(number)

    async def kill(self) -> None:
        """Without a word."""
        self.url, self.is_paused = "", False
        self._signal(signal.SIGKILL)
        if self.process is not None:
            await self.process.wait()

    async def stop(self) -> None:
        """As an operator would."""
        self.url = ""
        self.go_on()
        self._signal(signal.SIGTERM)
        if self.process is not None:
            async with asyncio.timeout(30):
                await self.process.wait()

    def pause(self) -> None:
        """It stands still."""
        self.is_paused = True
        self._signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """And goes on."""
        self.is_paused = False
        self._signal(signal.SIGCONT)

    def reload(self) -> None:
        """It reads its config again."""
        self._signal(signal.SIGHUP)

    async def page(self) -> str:
        """Its metrics."""
        async with httpx.AsyncClient(trust_env=False, timeout=10) as client:
            return (await client.get(f"{self.url}/metrics")).raise_for_status().text

    async def books(self) -> Counter[str]:
        """What it counted: expected, recorded, missed, and each reason by its name."""
        page = await self.page()
        told = Counter(
            {name: int(total(page, f"prober_slots_{name}_total")) for name in ("expected", "recorded", "missed")}
        )
        for sample in samples(page, "prober_slots_missed_total"):
            told[sample.labels["reason"]] += int(sample.value)
        return told


@dataclass(slots=True)
class Crew:
    """The instances, their database and their target."""

    postgres: Postgres
    database: str
    peer: Peer
    instances: Sequence[Instance] = ()
    alive: list[Span] = field(default_factory=list)
    _since: float | None = None

    def note(self) -> None:
        """Write down whether anybody can look from now on; called after each change."""
        looks, now = any(each.looks for each in self.instances), time.time()
        if self._since is None and looks:
            self._since = now
        elif self._since is not None and not looks:
            self.alive.append(Span(self._since, now))
            self._since = None

    async def start(self, *instances: Instance) -> None:
        """Start some, or all, at once."""
        async with asyncio.TaskGroup() as all_at_once:
            for each in instances or self.instances:
                all_at_once.create_task(each.start())
        async with asyncio.timeout(_READY_SECONDS):
            while True:
                await asyncio.sleep(0.1)
                if self.sql("SELECT 1 FROM slots WHERE state = 'recorded' LIMIT 1"):
                    break
        self.note()

    def address(self) -> str:
        """Of the database, with no wire between."""
        return self.postgres.address(self.database)

    def sql(self, statement: str) -> str:
        """What the database says."""
        return self.postgres.sql(statement, self.database)

    def busiest(self) -> Instance:
        """Whoever took most turns lately."""
        owners = Counter(self.sql("SELECT instance FROM slots ORDER BY due DESC LIMIT 30").split())
        [(most, _)] = owners.most_common(1)
        return next((each for each in self.instances if most in each.log), self.instances[0])

    async def history(self, *, patience_seconds: float = PATIENCE_SECONDS) -> History:
        """All that is recorded, at rest: when nobody's spool holds anything and the dead are swept."""
        asked = time.time()
        alive = [*self.alive, *([Span(self._since, asked)] if self._since is not None else [])]
        looks = {name: list(times) for name, times in self.peer.looks.items()}
        told = await history.read(self.address())
        return replace(
            told,
            looks=looks,
            alive=alive,
            patience_seconds=patience_seconds,
            sweep_seconds=2 * SWEEP_SECONDS + 1.0,
        )

    async def at_rest(self) -> History:
        """Let everybody end in order, so that nothing is under way; their counters are read just before."""
        for each in self.instances:
            each.go_on()
        self.note()
        books = {each.name: await _settled(each) for each in self.instances if each.looks}
        told = await self.history()
        for each in self.instances:
            await each.stop()
        self.note()
        return replace(await self.history(), alive=told.alive, books=books)


async def _settled(instance: Instance) -> Counter[str]:
    """Its counters at a moment when no turn is under way; those that differ after a while do differ."""
    for _ in range(40):
        books = await instance.books()
        if books["expected"] == books["recorded"] + books["missed"]:
            return books
        await asyncio.sleep(0.1)
    return books


@asynccontextmanager
async def crew(
    postgres: Postgres, folder: Path, *, locations: Sequence[str] = ("here", "here", "here")
) -> AsyncIterator[Crew]:
    """So many instances on an empty database, none of them started yet; all gone afterwards."""
    database = postgres.database().rpartition("/")[2]
    async with AsyncExitStack() as stack:
        peer = await stack.enter_async_context(listening())
        made = []
        for number, location in enumerate(locations):
            home = folder / f"instance-{number}"
            home.mkdir()
            wire = await stack.enter_async_context(wired(postgres.port))
            address = postgres.address(database).replace(f":{postgres.port}/", f":{wire.port}/")
            made.append(Instance(f"instance-{number}", home, wire, address, location))
            made[-1].configure(peer.port)
        here = Crew(postgres, database, peer, made)
        try:
            yield here
        finally:
            for each in made:
                await each.kill()


async def until(what: Callable[[], bool], seconds: float) -> bool:
    """Whether it comes true in time."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            while not what():  # noqa: ASYNC110 - a process is polled, it has no event of ours
                await asyncio.sleep(0.05)
    return what()


@contextmanager
def paused(crew: Crew, instance: Instance) -> Iterator[None]:
    """It stands still meanwhile."""
    instance.pause()
    crew.note()
    try:
        yield
    finally:
        instance.go_on()
        crew.note()
