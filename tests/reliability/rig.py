"""A real `prober serve` over a store of its own, to be killed and hindered; what its books and metrics say after."""

import asyncio
import json
import os
import signal
import sqlite3
import sys
import time
from asyncio.subprocess import Process
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from prober.publish.history.accounts import Account
from prober.publish.history.engine import in_file
from prober.publish.history.store import SqlStore
from tests import postgres
from tests.live import HOST, listens, samples, total
from tests.reliability.peer import Peer
from tests.reliability.targets import Target

#: Of the repository.
ROOT = Path(__file__).parents[2]

#: The chains of every target.
CHAINS = ("quick", "steady")


class Kept:
    """What is in a store, by whoever has one: a file, or PostgreSQL."""

    __slots__ = ()

    file: Path
    database: str | None

    async def accounts(self) -> Sequence[Account]:
        """The books of every chain."""
        store = SqlStore(self.database or in_file(self.file), "main")
        try:
            return await store.accounts()
        finally:
            await store.aclose()

    def ask(self, query: str) -> list[tuple[object, ...]]:
        """What the store answers."""
        if self.database:
            return [tuple(line.split("|")) for line in postgres.ask(self.database, query).splitlines()]
        with closing(sqlite3.connect(f"file:{self.file}?mode=ro", uri=True, timeout=10)) as file:
            return [tuple(row) for row in file.execute(query)]

    def is_whole(self) -> bool:
        """Whether SQLite finds nothing wrong with the file; of its own PostgreSQL takes care."""
        return self.database is not None or [("ok",)] == self.ask("PRAGMA integrity_check")

    def failures(self) -> int:
        """Steps that failed and runs that did, by the store; the target is well throughout, so there is none."""
        return self._count("steps WHERE verdict = 'fail'") + self._count("runs WHERE verdict = 'fail'")

    def late(self) -> int:
        """Runs that waited for the store."""
        return self._count("runs WHERE late")

    def runs(self) -> set[str]:
        """The runs that are kept."""
        return {str(row[0]) for row in self.ask("SELECT id FROM runs")}

    def runs_not_there(self) -> int:
        """Slots that are recorded, of whose run nothing is known."""
        return self._count("slots WHERE state = 'recorded' AND run NOT IN (SELECT id FROM runs)")

    def _count(self, what: str) -> int:
        return int(str(self.ask(f"SELECT count(*) FROM {what}")[0][0]))  # noqa: S608 - our own words


@dataclass(slots=True)
class Home(Kept):
    """A folder with a config and a store, in which one prober after the other lives."""

    folder: Path
    target: Target
    database: str | None = None  # PostgreSQL instead of the file
    kept: Path | None = None  # where the store and its spool are; None: beside the config and the log
    file: Path = field(init=False)

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.file = (self.kept or self.folder) / "prober.db"
        config = self.target.config()
        config["history"] = {"file": str(self.file)}
        if self.database:
            config["secrets"]["database"] = "env:DATABASE"
            config["history"]["database"] = "database"
        (self.folder / "probes.yaml").write_text(json.dumps(config), encoding="utf-8")

    async def live(self, *, log: str = "log", wrapped: Sequence[str] = (), **environment: str) -> "Life":
        """Start a prober here."""
        words = [sys.executable, "-m", "tests.reliability.hasty", "serve"]
        words += ["--config", "probes.yaml", "--listen", f"{HOST}:0"]
        given = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "PROBER_DEBUGGABLE": "1"} | {
            **self.target.environment,
            **environment,
        }
        given |= {"DATABASE": self.database} if self.database else {}
        path = self.folder / log
        with path.open("wb") as stderr:
            began = time.monotonic()
            process = await asyncio.create_subprocess_exec(
                *wrapped, *words, stderr=stderr, stdout=stderr, env=given, cwd=self.folder
            )
        return Life(process, path, began)


@dataclass(slots=True)
class Life:
    """A prober from its start to its end."""

    process: Process
    log: Path
    began: float
    url: str = ""

    async def listens(self) -> None:
        """Until it answers."""
        async with asyncio.timeout(60):
            self.url = await listens(self.process, self.log)

    async def page(self) -> str:
        """Its metrics page."""
        async with httpx.AsyncClient(trust_env=False, verify=False, timeout=10) as client:  # noqa: S501 - it is http
            return (await client.get(f"{self.url}/metrics")).raise_for_status().text

    async def first_probe_seconds(self, peer: Peer, patience_seconds: float = 60.0) -> float:
        """How long after its start the peer was asked for the first time."""
        async with asyncio.timeout(patience_seconds):
            while not (times := [at for at in await peer.asked() if at > self.began]):  # noqa: ASYNC110 - another process raises no event
                await asyncio.sleep(0.1)
        return times[0] - self.began

    async def at_rest(self, chains: Sequence[str], patience_seconds: float = 30.0, *, least: int = 1) -> str:
        """Its metrics page at a moment when nothing is under way, and each chain has so many runs."""
        async with asyncio.timeout(patience_seconds):
            page = await self.page()
            while not all(balances(page, chain, least) for chain in chains):
                await asyncio.sleep(0.07)
                page = await self.page()
        return page

    def cpu_seconds(self) -> float:
        """How much of the machine it has used so far."""
        stat = Path(f"/proc/{self.process.pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        return (int(stat[11]) + int(stat[12])) / os.sysconf("SC_CLK_TCK")

    async def kill(self) -> None:
        """SIGKILL."""
        if self.process.returncode is None:
            self.process.kill()
        await self.process.wait()

    async def stop(self) -> tuple[int, float]:
        """SIGTERM; its exit code, and how many seconds it took."""
        asked = time.monotonic()
        if self.process.returncode is None:
            self.process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(30):
            code = await self.process.wait()
        return code, time.monotonic() - asked

    def said(self) -> str:
        """Its log."""
        return self.log.read_text(encoding="utf-8")


def balances(page: str, chain: str, least: int = 1) -> bool:
    """Whether each turn of a chain that was due is recorded or missed, by the metrics."""
    expected, recorded = (total(page, f"prober_slots_{what}_total", chain=chain) for what in ("expected", "recorded"))
    missed = total(page, "prober_slots_missed_total", chain=chain)
    return recorded >= least and expected == recorded + missed


def blame(page: str) -> Sequence[str]:
    """Whatever on a metrics page is held against the target, which is healthy throughout."""
    wrong = [str(sample) for sample in samples(page, "prober_step_failures_total") if sample.value]
    wrong += [str(each) for each in samples(page, "prober_chain_runs_total", verdict="fail") if each.value]
    wrong += [str(each) for each in samples(page, "prober_success_ratio") if each.value < 1]
    return wrong


def missed(accounts: Sequence[Account]) -> Counter[str]:
    """Missed slots of all chains, by reason."""
    return sum((Counter(account.missed) for account in accounts), Counter())


@asynccontextmanager
async def living(home: Home, **more: Any) -> AsyncIterator[Life]:
    """A prober that listens, stopped in the end."""
    life = await home.live(**more)
    try:
        await life.listens()
        yield life
    finally:
        await life.kill()
