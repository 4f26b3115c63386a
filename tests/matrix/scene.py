"""One fault played out: a prober before a lab behind fronts, before, meanwhile and after; and the reckoning."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from prober.lab.world import World
from tests.live import total
from tests.matrix.expecting import LATE_SECONDS, MOST_MIB, Document, Expected, overruns, own_booked, unclassified
from tests.matrix.front import Front
from tests.matrix.house import CHAIN, INTERVAL_SECONDS, House, Life, hits
from tests.reliability.faults import EXCUSED
from tests.reliability.rig import blame, missed

_PATIENCE_SECONDS = 90.0

#: Runs that are asked for while a fault is steady; where it comes and goes it may take more to meet it.
_ROUNDS, _MOST_ROUNDS = 3, 10

#: Until a prober that has just begun, or a target that has just been mended, is well.
_SETTLING_SECONDS = 45.0


@dataclass(slots=True)
class Findings:
    """What came of one fault."""

    wrong: list[str] = field(default_factory=list)
    is_classified: bool = False
    is_whole: bool = False
    hits: list[str] = field(default_factory=list)
    booked: list[str] = field(default_factory=list)  # own faults on the target
    overrun_seconds: float = float("-inf")
    memory_mib: float = 0.0
    runs: Counter[str] = field(default_factory=Counter)
    missed: Counter[str] = field(default_factory=Counter)
    seen: str = ""
    seconds: float = 0.0
    not_done: str = ""

    @property
    def is_well(self) -> bool:
        """All that was to be shown is."""
        return (
            not self.wrong
            and not self.not_done
            and self.is_classified
            and self.is_whole
            and not self.hits + self.booked
        )


Befalls = Callable[["Scene"], AbstractAsyncContextManager[None]]


@dataclass(slots=True)
class Scene:
    """Where a fault is played."""

    folder: Path
    world: World
    auth: Front
    backend: Front
    chance: random.Random
    is_ours: bool = False  # the target is well throughout
    seconds: float = 1.0  # how long a fault of ours lasts
    found: Findings = field(default_factory=Findings)
    settings: dict[str, Any] = field(default_factory=dict)  # of the house
    environment: dict[str, str] = field(default_factory=dict)  # of its probers
    checks: list[Callable[[], list[str]]] = field(default_factory=list)  # of the manner of a fault
    stood_still_seconds: float = 0.0  # by which deadlines may be missed
    may_miss: frozenset[str] = EXCUSED
    must_miss: str = ""
    named: dict[str, Any] = field(default_factory=dict)  # names that the resolver knows
    authority: Any = None  # a trustme.CA, where the backend is asked by TLS
    tls: Any = None  # an SSLContext, as above
    house: House = field(init=False)

    async def furnish(self) -> House:
        """A house of this scene's own."""
        if self.tls:
            await self.backend.reopen(self.tls)
        self.house = House(self.folder, self.world, self.auth, self.backend, **self.settings)
        self.house.names(self.named)
        return self.house

    def complain(self, *complaints: str) -> None:
        """This is not as it should be."""
        self.found.wrong += complaints

    @asynccontextmanager
    async def living(self, log: str = "log") -> AsyncIterator[Life]:
        """A prober that listens, stopped in the end."""
        life = await self.house.live(log=log, **self.environment)
        try:
            await life.listens()
            yield life
        finally:
            await life.kill()

    # ── looking ──────────────────────────────────────────────────────────────────────────────────────────────────────

    async def well(self, life: Life) -> None:
        """Runs are asked for until one passes."""
        until = time.monotonic() + _SETTLING_SECONDS
        while (report := await life.asked())["run"]["verdict"] != "pass":
            if time.monotonic() > until:
                self.complain(f"not well: {_failed(report)}")
                return
            await asyncio.sleep(0.5)

    async def looks(self, life: Life, expected: Expected, rounds: int = _ROUNDS) -> None:
        """Runs are asked for while a fault lasts; each is classified, and comes to what is expected."""
        if expected.is_unsteady:
            await self._looks_until(life, expected)
            return
        wrong: list[str] = []
        for _ in range(rounds):
            report = await self._asked(life)
            wrong += expected.unmet(report)
        wrong += expected.uncaused(report)
        self._judged(expected, report, wrong)

    async def _looks_until(self, life: Life, expected: Expected) -> None:
        for _ in range(_MOST_ROUNDS):
            report = await self._asked(life)
            wrong = expected.unmet(report) + expected.uncaused(report)
            if not wrong:
                break
        self._judged(expected, report, wrong)

    async def _asked(self, life: Life) -> Document:
        report = await life.asked()
        self.found.runs[report["run"]["verdict"]] += 1
        self.found.booked += own_booked(report) if self.is_ours else []
        return report

    def _judged(self, expected: Expected, report: Document, wrong: list[str]) -> None:
        self.complain(*dict.fromkeys(wrong), *([f"{_failed(report)}"] if wrong else []))
        self.found.seen = str(expected)

    async def turns(self, life: Life, least: int = 1) -> None:
        """So many more runs are over, whoever asked for them."""
        known = total(await life.page(), "prober_chain_runs_total")
        async with asyncio.timeout(_PATIENCE_SECONDS):
            while total(await life.page(), "prober_chain_runs_total") < known + least:  # noqa: ASYNC110 - another process raises no event
                await asyncio.sleep(0.2)

    async def says(self, life: Life, words: str, since: int = 0) -> None:
        """Until the log says so."""
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                while words not in life.said()[since:]:  # noqa: ASYNC110 - another process raises no event
                    await asyncio.sleep(0.1)
        except TimeoutError:
            self.complain(f"the log does not say {words}")

    # ── reckoning ────────────────────────────────────────────────────────────────────────────────────────────────────

    async def begins(self, life: Life) -> float:
        """Its memory before anything befalls it, once all that it tells was asked for."""
        await life.sinks()
        life.forget_peak()
        return life.resident_mib()

    async def reckon(self, life: Life, baseline_mib: float | None = None) -> None:
        """Everything that is asserted of every fault, but for what it is classified as."""
        if baseline_mib is not None:
            self._weigh(life, baseline_mib)
        page = await life.at_rest((CHAIN,), _PATIENCE_SECONDS)
        await self._add_up(page)
        reports = await life.reports()
        self._classify(reports)
        self._time(reports)
        self._blame(page, reports)
        self.found.hits += [f"{hit.secret} ({hit.form}) in {hit.sink}" for hit in await self._searched(life)]
        for check in self.checks:
            self.complain(*check())

    def _weigh(self, life: Life, baseline_mib: float) -> None:
        self.found.memory_mib = max(self.found.memory_mib, life.peak_mib() - baseline_mib)
        if self.found.memory_mib > MOST_MIB:
            self.complain(f"memory grew by {self.found.memory_mib:.1f} MiB")

    async def _add_up(self, page: str) -> None:
        """By SQL, by the metrics (that is what rest means), and by SQLite's own check."""
        accounts = await self.house.accounts()
        self.found.missed = missed(accounts)
        wrong = [f"{account}" for account in accounts if not account.balances or account.doubled or account.unexplained]
        wrong += [] if self.house.is_whole() else ["SQLite finds the file damaged"]
        wrong += ["recorded slots without their runs"] if self.house.runs_not_there() else []
        reasons = set(self.found.missed)
        wrong += [f"missed for {reasons - self.may_miss}"] if reasons - self.may_miss - {self.must_miss} else []
        wrong += [f"nothing missed for {self.must_miss}"] if self.must_miss and self.must_miss not in reasons else []
        self.found.is_whole = not wrong and bool(page)
        self.complain(*wrong)

    def _classify(self, reports: list[Document]) -> None:
        known = [step for step in self.house.deadlines() if not self._is_follow_up(step, reports)]
        wrong = [complaint for report in reports for complaint in unclassified(report, known)]
        self.found.is_classified = bool(reports) and not wrong
        self.complain(*dict.fromkeys(wrong))

    def _is_follow_up(self, name: str, reports: list[Document]) -> bool:
        """Follow-ups are taken where they would tell something, so they may be missing."""
        return name in _FOLLOW_UPS or any(s["followUp"] for r in reports for s in r["steps"] if s["name"] == name)

    def _time(self, reports: list[Document]) -> None:
        deadlines = self.house.deadlines()
        late = [by for report in reports for by in overruns(report, deadlines, INTERVAL_SECONDS)]
        excused = (by - self.stood_still_seconds if by > LATE_SECONDS else by for by in late)
        self.found.overrun_seconds = max(excused, default=0.0)
        if self.found.overrun_seconds > LATE_SECONDS:
            self.complain(f"{self.found.overrun_seconds:.2f} s over a deadline")

    def _blame(self, page: str, reports: list[Document]) -> None:
        if self.is_ours:
            told = [complaint for report in reports for complaint in own_booked(report)]
            self.found.booked += [*told, *blame(page)]
            self.found.booked += [f"{n} in the store"] if (n := self.house.failures()) else []

    async def _searched(self, life: Life) -> list[Any]:
        sinks = await life.sinks()
        return await asyncio.to_thread(hits, self.house, sinks)


_FOLLOW_UPS = frozenset(
    {
        *("auth-validates-resigned", "auth-validates-backdated", "auth-validates-second-user"),
        *("messages-resigned", "messages-backdated", "messages-second-user"),
        *("backend-reaches-auth", "backend-breaker", "backend-ready"),
    }
)


def _failed(report: Document) -> str:
    """What did not pass, in a line."""
    steps = [step for step in report["steps"] if step["verdict"] not in ("pass", "skip")]
    told = "; ".join(
        f"{s['name']} {s['verdict']} {s['reason']} {s['status']} {s['closeCode']}: {s['detail']}" for s in steps
    )
    diagnosis = report["diagnosis"]
    named = ", ".join(cause["name"] for cause in diagnosis["causes"])
    out = ", ".join(f"{each['name']} by {each['by']}" for each in diagnosis["ruledOut"])
    verdict = f"run {report['run']['verdict']}, {diagnosis['verdict']} [{named}]"
    return f"{verdict}: {told}; unexplained {diagnosis['unexplained']}; ruled out: {out}"[:2000]


# ── how faults are played ────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Act:
    """One thing that befalls the target or the way to it, and what is expected meanwhile."""

    befalls: Befalls
    expected: Expected
    prepare: Callable[[Scene], None]  # before there is a prober


async def observed(scene: Scene, acts: tuple[Act, ...]) -> None:
    """The target, or the way to it, is broken while a prober looks, and is mended: one act after the other."""
    for act in acts:
        act.prepare(scene)
    await scene.furnish()
    async with scene.living() as life:
        await scene.well(life)
        baseline = await scene.begins(life)
        for act in acts:
            async with act.befalls(scene):
                await scene.looks(life, act.expected)
            await scene.well(life)
        await scene.reckon(life, baseline)


async def answers(life: Life) -> bool:
    """Whether it answers at all."""
    try:
        async with life.client() as client:
            return (await client.get("/-/healthy")).status_code == httpx.codes.OK
    except httpx.HTTPError:
        return False
