"""The one place where concrete parts are chosen and joined: the composition root."""

import asyncio
import contextlib
import gc
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn
from uuid import uuid4

import structlog

from prober.burst import Burst
from prober.config.load import load
from prober.cycle import Memory, cycle
from prober.gate import hold
from prober.gather.budget import Budget, sharing
from prober.gather.clock import SystemClock
from prober.gather.runner import Errand, Gatherer, Told
from prober.gather.secret_check import unavailable, why_unavailable
from prober.gather.secrets import Keyring
from prober.gather.stalls import LoopWatch, Stalls
from prober.gather.switch import Switch
from prober.heartbeat import Pulse
from prober.judge.alarms import Alarms
from prober.judge.assess import assess
from prober.judge.causes import catalogue
from prober.judge.selftest import distrusted
from prober.judge.sharding import narrowed
from prober.model.aims import Aims
from prober.model.alarm import Alarm
from prober.model.caller import Bearer
from prober.model.chain import Chain, Load, Plan, Trigger
from prober.model.copies import Fetch
from prober.model.errors import (
    CannotListen,
    CannotNotify,
    CannotTrace,
    ChainChanged,
    ChainElsewhere,
    ChainPaused,
    NobodyToTell,
    NotATestSubject,
    NothingMatched,
    ProberError,
    SecretUnavailable,
    StoreUnavailable,
)
from prober.model.gate import Baseline, Gate, Progress, Round
from prober.model.notice import Receiver
from prober.model.order import Asker, Intent, Kind, Order, Taken
from prober.model.pause import Pause, Pulled, Stopped
from prober.model.report import Report
from prober.model.secret import Secret
from prober.model.selftest import SelfTest
from prober.model.shard import Shard
from prober.model.slot import Missed, Slot
from prober.model.trend import Recall
from prober.model.trouble import Trouble
from prober.model.verdict import Run, RunVerdict, StepResult
from prober.on_demand import OnDemand
from prober.pausing import Pausing
from prober.process import leave_garbage, sweep
from prober.publish.baseline import of_reports
from prober.publish.board import Board
from prober.publish.document import Document, document
from prober.publish.feed import Feed
from prober.publish.gate_document import gate_document
from prober.publish.history import Store
from prober.publish.history.alarm_notes import AlarmNotes, dumps
from prober.publish.history.keeper import Keeper, Place
from prober.publish.history.paused import PausedFile
from prober.publish.notify.handover import Handed, can_hand_over
from prober.publish.notify.notices import Letterhead, NoticeSink, ends, gone
from prober.publish.notify.notifier import Notifier
from prober.publish.notify.outbox_backed import BackedOutbox
from prober.publish.remembered import Remembered
from prober.publish.series import Series, series_of
from prober.publish.sinks import Sink, Sinks
from prober.publish.traces import TraceSink, endpoint
from prober.refreshing import Refreshing
from prober.schedule import Schedule
from prober.scrape import Scrapes
from prober.selftest.exam import examine
from prober.supervisor import supervised

if TYPE_CHECKING:
    from starlette.types import ASGIApp

    from prober.publish.history.store import SqlStore

_log = structlog.get_logger("prober.app")

#: Beyond its deadline a run needs only the time to write itself down.
_LAST_WORDS_SECONDS = 2.0

#: How long a thread that renders the metrics page may keep the event loop waiting; the interpreter's own is 5 ms.
_SWITCH_SECONDS = 0.001


#: Long enough for another instance, another second of a token's life, a process that starts again.
_BETWEEN_ROUNDS_SECONDS = 0.3


#: Reports that are searched for what held before a deploy, beside a gate's own: those are more.
_REPORTS_BEFORE = 50

#: A redirect is not followed, and is no answer.
_HEARD = range(200, 300)

#: For the last reports from before a start takes so long; beyond that turns begin without.
_LOOKING_BACK_SECONDS = 10.0

#: Of so many chains the last reports are read at once.
_ASKED_AT_ONCE = 100

#: A self-test that failed is taken again so soon: as long as it fails nothing is booked.
_RECOVERY_SECONDS = 30.0

#: Files that we make are for nobody else.
_OURS_ALONE = 0o077


def _to_nobody(_result: object) -> None:
    """Whom later rounds are told to."""


@dataclass(frozen=True, slots=True)
class Engine:
    """What follows from one config: replaced as a whole on reload, so that a run never sees two configs."""

    plan: Plan
    keyring: Keyring
    gatherer: Gatherer


def read_plan(path: Path, environ: Mapping[str, str], shard: Shard | None = None) -> Plan:
    """What the config says, or what `shard` has of it; raises ConfigError."""
    whole = load(path, environ)
    return _part(whole, shard) if shard else whole


def build_engine(  # noqa: PLR0913 - each is a part that a reload keeps
    plan: Plan,
    environ: Mapping[str, str],
    *,
    stalls: Stalls | None = None,
    budget: Budget | None = None,
    switch: Switch | None = None,
    fetched: Callable[[Fetch], None] = lambda _: None,
) -> Engine:
    """Make what follows from a plan."""
    keyring = Keyring(plan.references, environ, overlap_seconds=plan.secrets_overlap_seconds, told=fetched)
    gatherer = Gatherer(
        keyring=keyring,
        clock=SystemClock(),
        stalls=stalls,
        budget=budget,
        reach=plan.reach,
        switch=switch,
        environ=environ,
    )
    return Engine(plan, keyring, gatherer)


def _part(whole: Plan, shard: Shard) -> Plan:
    """What `shard` has of a plan: its chains, and of each host's budget as much as every other shard that asks it."""
    plan = narrowed(whole, shard)
    shared_by = sharing(whole.chains.values(), lambda name: plan.elsewhere.get(name, shard))
    return replace(plan, load=replace(plan.load, shared_by=shared_by))


@dataclass(frozen=True, slots=True)
class Listening:
    """An address to be had, and who is told of the true one: port 0 takes a free one."""

    host: str
    port: int
    on_ready: Callable[[str], None]


class Prober:
    """The running program: one engine, the books, and every turn that is under way."""

    def __init__(
        self,
        path: Path,
        environ: Mapping[str, str],
        extra: Sequence[Sink] = (),
        told: Told = lambda _result: None,
        shard: Shard | None = None,
    ) -> None:
        """Read the config at `path`; raises ConfigError. `told` hears of each step of each turn as it ends."""
        self._path, self._environ, self._told, self._shard = path, environ, told, shard
        self._loop = LoopWatch(self._lagged)
        self._budget, self._switch = Budget(Load()), Switch()
        self._refreshing = Refreshing(lambda: self.engine.keyring, lambda: self.plan.secrets_refresh_seconds)
        self.engine = self._built(read_plan(path, environ, shard))
        self._budget.adopt(self.plan.load)
        self.causes = catalogue()
        self.alarms = Alarms(self.plan)
        self.board = Board(self.plan, causes=[cause.name for cause in self.causes], alarms_of=self.alarms.of)
        self.outbox, self.feed = BackedOutbox(), Feed()
        self._pausing = Pausing(self._switch, lambda: self.plan, self._stopped, self._failure_of("pausing"))
        self._instance = uuid4().hex[:12]
        self.history = Keeper(
            SystemClock(), self.board, instance=self._instance, location=self.plan.location, told=self._heard
        )
        self.notifier = Notifier(self.outbox, self, self.board.notified, now=self.history.time)
        self._alarm_notes = AlarmNotes(self.alarms.dump, self.history.note)
        self._traces = _trace_sink(environ, self.plan, self._failure_of("traces"))
        self._notices = NoticeSink(self.notifier, self._letterhead)
        self._sinks = Sinks(
            [
                self.board,
                self.history,
                self._alarm_notes,
                self._notices,
                self.feed,
                *([self._traces] if self._traces else []),
                *extra,
            ],
            on_failure=lambda _name: self.board.internal_error("publish"),
        )
        self._pulse = Pulse(self._call_heartbeat, self._heartbeat_failed)
        self._schedule = Schedule(self._scheduled, self.history, self.board.late, self._failure_of("schedule"))
        self._turns: dict[str, asyncio.Task[Report]] = {}
        self._scrapes = Scrapes(self._begin)
        self._errands: set[asyncio.Task[None]] = set()
        self._reloading = asyncio.Lock()  # held while the config is read
        self._adopting = asyncio.Lock()  # held while the books change from one config to the next
        self._watching: asyncio.Task[NoReturn] | None = None
        self._minding: asyncio.Task[NoReturn] | None = None
        self._remembering: asyncio.Task[None] | None = None
        self._is_ticking = False
        doers = {Kind.RUN: self._run_asked, Kind.GATE: self._gate_asked}
        self._on_demand = OnDemand(doers, self._failure_of("on_demand"))
        self._heard_of: dict[str, Recall] = {}  # by chain, the last run that others took, or we before a restart
        self._is_caught_up = False  # with what the store knew of the alarms when it was opened
        self._gone: list[Alarm] = []  # those that fired before a restart, and that the config has no longer

    def _built(self, plan: Plan) -> Engine:
        return build_engine(
            plan,
            self._environ,
            stalls=self._loop,
            budget=self._budget,
            switch=self._switch,
            fetched=self._fetched,
        )

    @property
    def ready(self) -> bool:
        """Whether the schedule is ticking and our judgement is not in doubt."""
        return self._is_ticking and not self._doubt()

    @property
    def plan(self) -> Plan:
        """What is configured now."""
        return self.engine.plan

    def receivers(self) -> Mapping[str, Receiver]:
        """Who is told of alerts now."""
        return self.plan.receivers

    def url(self, receiver: Receiver) -> Secret:
        """The address of one of them; raises SecretUnavailable."""
        return self.engine.keyring.get(receiver.secret)

    def _fetched(self, fetch: Fetch) -> None:
        self.board.fetched(fetch)
        self._refreshing.heard(fetch)

    def _letterhead(self) -> Letterhead:
        return Letterhead(self.plan.environment, _link(self.plan))

    def _failure_of(self, component: str) -> Callable[[], None]:
        """What to call when a part of ours fails."""
        return lambda: self.board.internal_error(component)

    def warn_of_exposed_secrets(self) -> None:
        """Log which secrets others on this machine may come by."""
        for each in self.engine.keyring.exposures():
            _log.warning("secrets.exposed", secret=each.name, reference=each.reference, why=each.why)

    def redact(self, text: str) -> str:
        """Blot out every secret the current config knows."""
        return self.engine.keyring.redactor()(text)

    # ── turns ────────────────────────────────────────────────────────────────────────────────────────────────────

    async def turn(self, errand: Errand, past: Memory | None = None) -> Report:
        """Take one turn and tell everybody; `past` stands in for history where only some rounds count."""
        return await self._begin(errand, past)

    def begin(self, chains: Iterable[Chain]) -> None:
        """Take one turn of each of `chains` now, beside the schedule."""
        for chain in chains:
            with contextlib.suppress(ChainPaused):
                self._begin(self._errand(chain, Trigger.MANUAL))

    async def _scheduled(self, chain: Chain, slot: Slot) -> None:
        try:
            task = self._begin(replace(self._errand(chain, Trigger.SCHEDULE), slot=slot))
        except ChainPaused:
            await self.history.lost(slot, Missed.PAUSED)
            return
        try:
            await asyncio.wait([task])
        except asyncio.CancelledError:
            task.cancel()  # the schedule ran out of patience: the run ends with its turn
            raise
        if not task.cancelled() and not task.exception():
            self._beat()
        await self.history.lost(slot, Missed.DIED_MID_RUN)  # unless a report was written, which ended it

    def _begin(self, errand: Errand, past: Memory | None = None) -> asyncio.Task[Report]:
        """Every turn begins here, whoever takes it: a reload waits for what is under way before it closes the wires.

        Raises ChainPaused where an operator has stopped what it would send.
        """
        self._must_not_be_paused(errand.chain.name)

        def told(result: StepResult) -> None:
            errand.told(result)
            self.feed.step(errand.run_id, result)

        turn = self._turn(replace(errand, told=told), self.engine, past or self.history)
        task = asyncio.create_task(turn, name=f"run:{errand.run_id}")
        self._turns[errand.run_id] = task
        task.add_done_callback(lambda done: self._ended(errand, done))
        return task

    async def _turn(self, errand: Errand, engine: Engine, past: Memory) -> Report:
        self._watch_loop()
        with self.board.in_flight():
            return await cycle(errand, engine.gatherer, past, self.causes, self.alarms, self._sinks)

    def _ended(self, errand: Errand, task: asyncio.Task[Report]) -> None:
        """A turn that broke is our own fault: counted and logged, never booked on the target."""
        del self._turns[errand.run_id]  # who comes later asks history
        self.feed.broke(errand.run_id)
        if not task.cancelled() and (error := task.exception()):
            self.board.internal_error("cycle")
            _log.error("cycle.turn_broke", run_id=errand.run_id, chain=errand.chain.name, exc_info=error)

    def _errand(self, chain: Chain, trigger: Trigger, *, reason: str = "", revision: str = "") -> Errand:
        return Errand(
            run_id=uuid4().hex,
            chain=chain,
            trigger=trigger,
            reason=reason,
            revision=revision,
            told=self._told,
            doubt=self._doubt,
        )

    async def once(self, names: Sequence[str]) -> list[Report]:
        """One round of the chains called `names`, one after the other; raises NothingMatched."""
        return [await self._surely(self.plan.chains[name]) for name in self.wanted(names)]

    def wanted(self, names: Sequence[str]) -> Sequence[str]:
        """The chains called `names`; raises NothingMatched.

        Without names, those without a pace: one that is slow on purpose takes minutes, and has to be asked for.
        """
        chains = self.plan.chains
        for name in names:
            if name not in chains:
                raise NothingMatched(name, tuple(chains))
        return names or [name for name, chain in chains.items() if not chain.pace_seconds] or list(chains)

    async def _surely(self, chain: Chain) -> Report:
        """One look, in as many rounds as it takes to be sure; the steps are told of the first round alone."""
        burst = Burst()
        while True:
            errand = self._errand(chain, Trigger.MANUAL)
            report = await self.turn(errand if not burst.reports else replace(errand, told=_to_nobody), burst)
            burst.reports.append(report)
            if burst.is_enough:
                return burst.verdict()
            await asyncio.sleep(_BETWEEN_ROUNDS_SECONDS)

    async def gate(
        self, name: str, aims: Aims, before: Baseline | None = None, told: Callable[[Progress], None] = _to_nobody
    ) -> Gate:
        """Rounds of the chain called `name` until they tell go from no-go.

        `before` says what held before the deploy; without it the reports that are kept do.

        Raises:
            NothingMatched: no chain is called so.
            ChainChanged: a reload came in between, and the chain is not what it was.
        """
        chain = self._chain(name)

        async def turn(burst: Burst) -> Report:
            if self.plan.chains.get(name) != chain:
                raise ChainChanged(name)
            errand = self._errand(chain, Trigger.BURST, revision=aims.revision)
            return await self.turn(replace(errand, told=_to_nobody), burst)

        async def found(now: Sequence[Round], began: datetime) -> Baseline | None:
            return before or await self._before(name, now, began, aims)

        gate = await hold(name, aims, turn, found, told)
        self.board.gated(gate.chain, gate.verdict)
        return gate

    async def _before(self, chain: str, now: Sequence[Round], began: datetime, aims: Aims) -> Baseline | None:
        """What the reports that are kept tell of before a deploy; None where they cannot be had: the verdict stands."""
        try:
            async with self._kept() as kept:
                newest = await kept.newest(chain=chain, verdict=None, limit=_REPORTS_BEFORE, but_for=Trigger.BURST)
                return of_reports(newest, now, began, aims)
        except Exception as error:  # noqa: BLE001 - whatever lies there in the store's place
            why = str(error) if isinstance(error, ProberError) else type(error).__name__
            _log.warning("gate.no_baseline", chain=chain, why=why)
            return None

    @asynccontextmanager
    async def _kept(self) -> "AsyncIterator[Keeper | SqlStore]":
        """What is kept of the past: ours, or what another process writes down, to be read; raises StoreUnavailable."""
        if self.history.is_open or not self._is_written_elsewhere():
            yield self.history
            return
        async with self._kept_elsewhere() as store:
            yield store

    @asynccontextmanager
    async def _kept_elsewhere(self) -> "AsyncIterator[SqlStore]":
        """The store as another process writes it, to be read."""
        store = self._store()
        try:
            yield store
        finally:
            await store.aclose()

    def _is_written_elsewhere(self) -> bool:
        return bool(self.plan.history.database_secret) or Path(self.plan.history.file).exists()

    def _store(self) -> "SqlStore":
        """Where the config says that history is kept; raises SecretUnavailable."""
        from prober.publish.history.engine import in_file  # noqa: PLC0415 - SQLAlchemy is loaded only where it is asked
        from prober.publish.history.store import SqlStore  # noqa: PLC0415 - SQLAlchemy, as in the line before

        keeping = self.plan.history
        secret = keeping.database_secret
        address = self.engine.keyring.get(secret).reveal() if secret else in_file(Path(keeping.file))
        return SqlStore(address, self.plan.location)

    # ── first looks ──────────────────────────────────────────────────────────────────────────────────────────────────

    def _look_first(self, names: Iterable[str]) -> None:
        """Chains that nobody has looked at for an interval are looked at before their turn, which may come in hours."""
        chains = [self.plan.chains[name] for name in names]
        unknown = [chain.name for chain in chains if not self._is_known(chain) and not self._is_crowded(chain)]
        self._schedule.look_first(unknown, lambda chain: self._beside(self._first_look(chain)))

    async def _first_look(self, chain: Chain) -> None:
        """By one of all instances. It takes no slot and counts in no ratio: a loop of crashes must not weigh more."""
        await self.history.recent(chain.name)  # what others did meanwhile
        if self._is_known(chain) or not self._is_ticking:
            return
        if await self.history.claim(f"first look:{chain.name}", chain.deadline_seconds + _LAST_WORDS_SECONDS):
            with contextlib.suppress(ChainPaused):
                self._begin(self._errand(chain, Trigger.START))

    def _is_crowded(self, chain: Chain) -> bool:
        """Whether it is slow on purpose, and its turn comes before a look at it might end."""
        due = self._schedule.next_turn(chain)
        deadline = timedelta(seconds=chain.deadline_seconds)
        return chain.pace_seconds > 0 and due is not None and due - self.board.now() < deadline

    def _is_known(self, chain: Chain) -> bool:
        """Whether anybody has looked at it within its interval."""
        heard = self._heard_of.get(chain.name)
        ended = [self.board.last_runs().get(chain.name), heard.ended if heard else None]
        interval = timedelta(seconds=chain.interval_seconds)
        return any(at is not None and self.board.now() - at < interval for at in ended)

    # ── what the HTTP endpoint may ask (publish/web/operator.py) ─────────────────────────────────────────────────

    async def ask(self, order: Order, asker: Asker) -> Taken:
        """Take an order, or serve it by an equal one that is going.

        Raises NothingMatched for a chain that is not, ChainPaused for one whose services nothing may be sent to.
        """
        self._chain(order.chain)
        self._must_not_be_paused(order.chain)
        return await self._on_demand.ask(self._redacted(order), asker)

    def _redacted(self, order: Order) -> Order:
        """What somebody says of an order is kept and shown; a pipeline may have put its token there by mistake."""
        aims = order.aims and replace(order.aims, revision=self.redact(order.aims.revision))
        return replace(order, reason=self.redact(order.reason), revision=self.redact(order.revision), aims=aims)

    def _chain(self, name: str) -> Chain:
        """As it is configured now; raises NothingMatched, ChainElsewhere."""
        if where := self.plan.elsewhere.get(name):
            raise ChainElsewhere(name, where)
        if name not in self.plan.chains:
            raise NothingMatched(name, tuple(self.plan.chains))
        return self.plan.chains[name]

    def _must_not_be_paused(self, chain: str) -> None:
        if pause := self._pausing.stopped.chains.get(chain):
            raise ChainPaused(chain, pause)

    async def pause(self, service: str, *, reason: str, by: str, seconds: float | None) -> Pulled:
        """Stop what is sent to a service; raises NothingMatched."""
        for name in self.plan.references:  # a redactor knows what was fetched, and a reason is kept for long
            with contextlib.suppress(SecretUnavailable):
                self.engine.keyring.get(name)
        return await self._pausing.pull(service, reason=self.redact(reason), by=by, seconds=seconds)

    async def resume(self, service: str, *, by: str) -> Pause | None:
        """Send to it again; the pause that was lifted. Raises NothingMatched, StoreUnavailable."""
        return await self._pausing.lift(service, by=by)

    def _stopped(self, stopped: Stopped) -> None:
        if stopped != self.board.stopped:
            self.board.paused(stopped)
            self.feed.paused(stopped)

    async def heed_pauses(self) -> None:
        """What operators have stopped holds for a process beside the one they told, too, where it can be known."""
        try:
            found = await asyncio.to_thread(self._paused_file().read)
            pauses = [each for some in found or () for each in some.values()]
            if self.plan.history.database_secret:
                async with self._kept_elsewhere() as store:
                    pauses = [*await store.pauses().all()]
        except (ProberError, OSError, ValueError) as error:
            _log.warning(
                "pausing.not_known", why=str(error) if isinstance(error, ProberError) else type(error).__name__
            )
            return
        self._pausing.heed(pauses, SystemClock().now)

    def _paused_file(self) -> PausedFile:
        file = Path(self.plan.history.file)
        return PausedFile(file.with_name(f"{file.name}.paused"))

    async def _run_asked(self, run_id: str, order: Order, _told: Callable[[Progress], None]) -> None:
        """The run that somebody asked for; its report says what it came to."""
        errand = self._errand(self._chain(order.chain), order.trigger, reason=order.reason, revision=order.revision)
        task = self._begin(replace(errand, run_id=run_id))
        await asyncio.wait([task])  # a turn ends by itself, whatever becomes of who waits
        task.result()

    async def _gate_asked(self, gate_id: str, order: Order, told: Callable[[Progress], None]) -> Document:
        """The gate that somebody asked for."""

        def goes_on(progress: Progress) -> None:
            told(progress)
            self.feed.gate_goes_on(gate_id, order.chain, progress)

        gate = replace(await self.gate(order.chain, order.aims or Aims(), told=goes_on), id=gate_id)
        self.feed.gate_ended(gate)
        return gate_document(gate)

    async def followed(self, intent_id: str, timeout_seconds: float) -> Intent | None:
        """What has become of an order once it ends, or else by the end of the time. Raises StoreUnavailable."""
        await self._on_demand.wait(intent_id, timeout_seconds)
        return await self._on_demand.intent(intent_id)

    def progress(self, gate_id: str) -> Progress | None:
        """How far a gate is that is held here."""
        return self._on_demand.progress(gate_id)

    async def intent(self, intent_id: str) -> Intent | None:
        """What has become of an order; None for one that nobody asked for. Raises StoreUnavailable."""
        return await self._on_demand.intent(intent_id)

    async def gates(self, limit: int) -> Sequence[Intent]:
        """The newest gates, those that are going first. Raises StoreUnavailable."""
        return await self._on_demand.gates(limit)

    def last_heard(self, chain: str) -> Recall | None:
        """The last run of `chain` that others took, or we before a restart; None: none is known."""
        return self._heard_of.get(chain)

    async def probe(self, chain: str, timeout_seconds: float, *, anew: bool) -> Document | None:
        """What a run of `chain` came to; before it is over, what is sure already: that a step has failed.

        Raises NothingMatched, or RunBroke.
        """
        found = self._chain(chain)
        self._must_not_be_paused(chain)
        scrape = self._scrapes.of(found, lambda: self._errand(found, Trigger.MANUAL, reason="/probe"), anew=anew)
        return await scrape.document(timeout_seconds) or await scrape.sure(self._so_far)

    async def _so_far(self, run: Run) -> Document | None:
        """What a run says of which a step has failed before it is over; None where the failure may be ours."""
        run = distrusted(run)
        report = assess(run, await self.history.recent(run.chain.name), self.causes)
        return document(report) if report.run.verdict is RunVerdict.FAIL else None

    def next_turn(self, chain: str) -> datetime | None:
        """When the schedule looks at `chain` next; None while it does not tick."""
        return self._schedule.next_turn(self.plan.chains[chain])

    def is_running(self, run_id: str) -> bool:
        """Whether `run_id` is under way, or waits for its turn."""
        return run_id in self._turns or self._on_demand.is_going(run_id)

    async def wait(self, run_id: str, timeout_seconds: float) -> Document | None:
        """The report of `run_id` when it is there within the time; None when it is not, or broke."""
        await self._on_demand.wait(run_id, timeout_seconds)
        return await self.history.get(run_id)

    async def reload(self) -> None:
        """Read the config again; an invalid one raises ConfigError and changes nothing.

        Beside the event loop: two thousand steps take a second, and whatever met it would be blind.
        """
        async with self._reloading:
            try:
                series = await asyncio.to_thread(self._read)
            except ProberError:
                self.board.reloaded(successful=False)
                raise
            self._take_up(series)

    def _read(self) -> Series:
        """The config as it stands now; raises ConfigError."""
        return series_of(read_plan(self._path, self._environ, self._shard))

    def _take_up(self, series: Series) -> None:
        """From now on another config holds, all of it at once."""
        engine = self._built(series.plan)
        if (engine.plan.location, engine.plan.history) != (self.plan.location, self.plan.history):
            _log.warning(
                "config.restart_needed", keys=["location", "history"], why="they are taken up at the start only"
            )
        self._beside(self._retire(self.engine, (*self._turns.values(), *filter(None, [self._pulse.going]))))
        engine.keyring.take_over(self.engine.keyring)
        before, self.engine = self.plan, engine
        self._budget.adopt(engine.plan.load)
        self.board.take_up(series)
        self._pausing.adopt()
        self._beside(self._tell_gone(self.alarms.adopt(engine.plan), before.receivers))
        self.board.reloaded(successful=True)
        self._schedule.adopt(engine.plan.chains)
        if self._minding:
            self._mind_judgement(after_seconds=0.0)
            self._look_first(engine.plan.chains.keys() - before.chains.keys())
        self._beside(self._adopt_books())
        self._beside(engine.keyring.refresh())
        _log.info("config.reloaded", chains=list(engine.plan.chains))

    async def _tell_gone(self, alarms: Sequence[Alarm], told: Mapping[str, Receiver]) -> None:
        """Those who were `told` that an alarm fires are told that it is watched no longer; so is the next process."""
        head, now = self._letterhead(), self.board.now()
        await self.notifier.tell([gone(alarm, head, now) for alarm in alarms], told)
        for chain in {alarm.chain for alarm in alarms}:
            self._notices.forget(chain)
            await self._alarm_notes.forget(chain)

    async def _adopt_books(self) -> None:
        """One reload after the other, and each by what holds by then: in the end that is what was asked for last."""
        async with self._adopting:
            await self.history.adopt(self.plan.chains.values())

    def _beside(self, what: Coroutine[Any, Any, None]) -> None:
        """Do something that nobody waits for, and that must be seen if it breaks."""
        task = asyncio.create_task(what)
        self._errands.add(task)  # the loop itself holds a task only weakly
        task.add_done_callback(self._done_beside)

    def _done_beside(self, task: asyncio.Task[None]) -> None:
        self._errands.discard(task)
        if not task.cancelled() and (error := task.exception()):
            self.board.internal_error("cycle")
            _log.error("errand.broke", exc_info=error)

    async def _retire(self, engine: Engine, under_way: Sequence[asyncio.Task[Any]]) -> None:
        """What began under the old config ends under it; then its wires are closed."""
        await _ended(under_way, _patience_seconds(engine.plan))
        await engine.gatherer.aclose()

    # ── life ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def bearers(self) -> Sequence[Bearer]:
        """Who may ask something over HTTP, each with its token; without those whose token cannot be had."""
        callers, keyring = self.plan.admission.callers, self.engine.keyring
        there = [each for each in callers if not why_unavailable(keyring, each.secret)]
        return [Bearer(each, version.secret) for each in there for version in keyring.held(each.secret)]

    async def serve(
        self, host: str, port: int, on_ready: Callable[[str], None], metrics: Listening | None = None
    ) -> None:
        """Tick and answer until SIGTERM or SIGINT; then let running turns finish.

        Metrics have an address of their own, or are found where all else is.
        """
        leave_garbage()
        # The web and the store are loaded by those who serve alone; now, while nothing is timed that would wait for it.
        from prober.publish.history import store  # noqa: F401, PLC0415 - for _store()
        from prober.publish.web import app, server  # noqa: F401, PLC0415 - for _answer()

        stop = asyncio.Event()
        self._heed_signals(stop)
        shown = (self, self.board, self.history, self.feed)
        sites = [(app.create(*shown, has_metrics=metrics is None), Listening(host, port, on_ready))]
        sites += [(app.create_for_metrics(*shown), metrics)] if metrics else []
        run_evenly()
        os.umask(_OURS_ALONE)  # what is written down holds evidence
        self._watch_loop()
        await self.engine.keyring.prime()
        for missing in unavailable(self.engine.keyring, self.plan.references):
            _log.warning("secrets.unavailable", secret=missing.name, reference=missing.source, why=missing.why)
        if self.plan.receivers and not can_hand_over():
            _log.warning("notify.unavailable", why=str(CannotNotify()))
        telling = supervised("notifier", self.notifier.run, self._failure_of("notify"))
        refreshing = supervised("secrets", self._refreshing.run, self._failure_of("secrets"))
        hanging_up = asyncio.create_task(self._hang_up(stop), name="hanging up")
        examining = asyncio.create_task(examine(self._loop), name="examining")  # which waits, as the store does
        try:
            await self._open_history()
            if stop.is_set():
                return
            await self._begin_to_tick(examining)
            await _answer(sites, stop)
        finally:
            self._is_ticking = False
            await self.aclose()
            await _ended([telling, refreshing, hanging_up, examining], 0.0)

    async def _hang_up(self, stop: asyncio.Event) -> None:
        """Who listens to what happens would keep the endpoint from ending."""
        await stop.wait()
        self.feed.close()

    # ── who watches the watcher ──────────────────────────────────────────────────────────────────────────────────

    async def _begin_to_tick(self, examining: asyncio.Task[SelfTest]) -> None:
        """Nothing is looked at on schedule before the first self-test has ended."""
        self._examined(await examining)
        self._schedule.start(self.plan.chains)
        self._is_ticking = True
        self._look_first(self.plan.chains)
        self._mind_judgement(self._until_next_selftest())

    def _mind_judgement(self, after_seconds: float) -> None:
        """Put our own judgement to the test so soon, and ever again; whoever did so before ends."""
        if self._minding:
            self._minding.cancel()
        self._minding = supervised(
            "watch:judgement", lambda: self._examine(after_seconds), self._failure_of("selftest")
        )

    async def _examine(self, after_seconds: float) -> None:
        while True:
            await asyncio.sleep(after_seconds)
            self._examined(await examine(self._loop))
            after_seconds = self._until_next_selftest()

    def _until_next_selftest(self) -> float:
        usual = self.plan.selftest_seconds
        return min(usual, _RECOVERY_SECONDS) if self._doubt() else usual

    def _examined(self, selftest: SelfTest) -> None:
        before, seconds = self.board.selftest, round(selftest.seconds, 3)
        self.board.examined(selftest)
        if not selftest.passed:
            _log.error("selftest.failed", complaints=list(selftest.complaints), seconds=seconds)
        elif before is None or not before.passed:
            _log.info("selftest.passed", seconds=seconds)

    def _doubt(self) -> str:
        """Why our own judgement is not to be trusted now; empty: it is, or nobody has put it to the test."""
        told = self.board.selftest
        return "" if told is None or told.passed else f"its self-test fails, {told.complaints[0]}"

    def _watch_loop(self) -> None:
        """From the first turn on somebody notices when we stand still."""
        if self._watching is None or self._watching.done():
            self._watching = supervised("watch:loop", self._loop.watch, self._failure_of("gather"))

    def _lagged(self, worst_seconds: float) -> None:
        self.board.lagged(worst_seconds)

    def _beat(self) -> None:
        """Tell whoever would miss us that a round was completed; not while our verdicts mean nothing."""
        if self.plan.heartbeat and not self._doubt():
            self._pulse.beat(self.plan.shortest_interval_seconds)

    async def _call_heartbeat(self) -> str:
        """Why the call came to nothing; empty: it was heard."""
        heartbeat = self.plan.heartbeat
        if heartbeat is None:  # a reload was quicker
            return ""
        try:
            url = self.engine.keyring.get(heartbeat.secret)
            seen = await self.engine.gatherer.knock(heartbeat.method, url)
        except (SecretUnavailable, ValueError) as error:
            return str(error)
        if isinstance(seen, Trouble):
            return seen.detail
        return "" if seen.status in _HEARD else f"it answered {seen.status}"

    def _heartbeat_failed(self, why: str) -> None:
        self.board.internal_error("heartbeat")
        _log.warning("heartbeat.failed", why=self.redact(why))

    # ── signals, and the end ─────────────────────────────────────────────────────────────────────────────────────

    async def _open_history(self) -> None:
        """Write down from now on what is due and what it came to; raises StoreNotOurs, or SecretUnavailable."""
        keeping = self.plan.history
        secret, file, store = keeping.database_secret, Path(keeping.file), self._store()
        _log.info("history.kept_in", store="PostgreSQL" if secret else keeping.file, location=self.plan.location)
        if self.plan.shard:
            chains, others = len(self.plan.chains), len(self.plan.elsewhere)
            _log.info("shard.taken", shard=str(self.plan.shard), chains=chains, elsewhere=others)
        async with self._adopting:  # a reload that is quicker waits: nothing can be written down yet
            await self.history.open(Place(store=store, keeping=keeping, spool=file.with_name(f"{file.name}.spool")))
        await self._adopt_books()
        await self._pausing.open(store.pauses(), self._paused_file(), self.history.time)
        self.outbox.keep_in(store.outbox())
        self._on_demand.open(store.intents(self._instance), self.history.caught_up)
        remembering = self._remembering = asyncio.create_task(self._look_back(store), name="remembering")
        if self.history.caught_up.is_set():
            await asyncio.wait([remembering], timeout=_LOOKING_BACK_SECONDS)

    def _heard(self, told: Sequence[Recall]) -> None:
        """Runs of before we were started, or of other instances: the alarms rest on them too."""
        self._heard_of |= {recall.chain: recall for recall in told}
        if self._is_caught_up:
            self.alarms.hear(told)
            return
        for name, dumped in dumps(self.history.notes):
            try:
                self._gone += self.alarms.restore(dumped)
            except ValueError as error:  # written by another release
                _log.warning("alarms.not_restored", note=name, why=str(error))
        self.alarms.catch_up(told)
        self._is_caught_up = True

    async def _look_back(self, store: Store) -> None:
        """Show what held before we were started, and tell what we may not have lived to tell, or did not see."""
        await self.history.caught_up.wait()
        await self._remember(store)
        await self.notifier.tell(ends(self.board.alarms(), self._letterhead(), self.board.now()))
        await self._tell_gone(self._gone, self.plan.receivers)

    async def _remember(self, store: Store) -> None:
        """The last report of each chain, and the last that passed, from before we were started."""
        try:
            for chains in _parts(tuple(self.plan.chains)):
                self.board.remember(map(Remembered.of, await store.latest(chains)))
                self.board.passed_before(map(Remembered.of, await store.latest(chains, verdict="pass")))
        except (StoreUnavailable, KeyError, ValueError) as error:  # away, or written by another release
            _log.warning("history.not_remembered", why=str(error))

    def _heed_signals(self, stop: asyncio.Event) -> None:
        loop = asyncio.get_running_loop()
        for name in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(name, stop.set)
        loop.add_signal_handler(signal.SIGHUP, lambda: self._beside(self._reload_and_log()))

    async def _reload_and_log(self) -> None:
        try:
            await self.reload()
        except ProberError as error:
            _log.error("config.reload_refused", complaints=str(error).splitlines())

    async def aclose(self) -> None:
        """No new turns; the running ones get the rest of their deadline; then the wires are closed."""
        patience = _patience_seconds(self.plan)
        await _ended(filter(None, [self._minding, self._remembering]), 0.0)
        await self._schedule.stop(patience)
        await self._on_demand.aclose(patience)
        await _ended((*self._turns.values(), *self._errands), patience)
        await _ended(filter(None, [self._watching]), 0.0)
        await self._pulse.aclose()
        await self._pausing.aclose()
        await self.history.aclose()
        await self.engine.gatherer.aclose()
        if self._traces:
            await asyncio.to_thread(self._traces.close)


def _parts(names: Sequence[str]) -> Iterator[Sequence[str]]:
    """As many at a time as a store is asked about."""
    return (names[at : at + _ASKED_AT_ONCE] for at in range(0, len(names), _ASKED_AT_ONCE))


def _trace_sink(environ: Mapping[str, str], plan: Plan, lost: Callable[[], None]) -> TraceSink | None:
    """What exports traces; none where none are wanted, or where they cannot go out, which is no reason not to look."""
    if not endpoint(environ):
        return None
    try:
        return TraceSink(environ, plan.environment, lost)
    except CannotTrace as error:
        lost()
        _log.warning("traces.unavailable", why=str(error))
        return None


async def _answer(sites: "Sequence[tuple[ASGIApp, Listening]]", stop: asyncio.Event) -> None:
    """At each of the addresses until `stop` is set; where one cannot be had, at none."""
    from prober.publish.web.server import serve  # noqa: PLC0415 - loaded only where it serves

    async def answer(app: "ASGIApp", place: Listening) -> None:
        try:
            with _listening_at(place.host, place.port):
                await serve(app, place.host, place.port, place.on_ready, stop)
        finally:
            stop.set()

    ended = await asyncio.gather(*(answer(*site) for site in sites), return_exceptions=True)
    for error in filter(None, ended):
        raise error


@contextmanager
def _listening_at(host: str, port: int) -> Iterator[None]:
    """Say that the address is at fault where the operating system says so."""
    try:
        yield
    except OSError as error:
        raise CannotListen(host, port, error.strerror or str(error)) from error


def _patience_seconds(plan: Plan) -> float:
    """How long after a stop was asked for the last run of `plan` may still be going."""
    return max((chain.deadline_seconds for chain in plan.chains.values()), default=0.0) + _LAST_WORDS_SECONDS


async def _ended(tasks: Iterable[asyncio.Task[Any]], patience_seconds: float) -> None:
    """Let `tasks` end by themselves, and end those that do not."""
    going = [task for task in tasks if not task.done()]
    if not going:
        return
    _done, pending = await asyncio.wait(going, timeout=patience_seconds)
    for task in pending:
        task.cancel()
    await asyncio.gather(*pending, return_exceptions=True)


def run_evenly() -> None:
    """Keep the interpreter from stalling the event loop, whose every wait would look like the target's latency."""
    sys.setswitchinterval(_SWITCH_SECONDS)
    gc.collect()
    sweep()  # what was made by now stays: going through it all again held the loop for 65 ms, without it for 1


async def send_samples(path: Path, environ: Mapping[str, str], names: Sequence[str]) -> dict[str, Handed]:
    """Send a sample to the receivers called `names`, or to all; what each did with it.

    Raises:
        NobodyToTell: none is configured.
        NothingMatched: none is called so.
        CannotNotify: apprise is not installed.
    """
    prober = Prober(path, environ)
    try:
        return await prober.notifier.sample(
            _wanted(names, prober.plan.receivers), prober.plan.environment, _link(prober.plan)
        )
    finally:
        await prober.aclose()


def _wanted(names: Sequence[str], receivers: Mapping[str, Receiver]) -> Sequence[str]:
    if not receivers:
        raise NobodyToTell
    for name in names:
        if name not in receivers:
            raise NothingMatched(name, tuple(receivers), what="receiver")
    if not can_hand_over():
        raise CannotNotify
    return names or tuple(receivers)


def _link(plan: Plan) -> str:
    """Where people see what holds now; empty where nobody said how they reach us."""
    return f"{plan.external_url}/" if plan.external_url else ""


async def mint_token(path: Path, environ: Mapping[str, str], name: str | None) -> str:
    """A token for a configured test user, of the issuer called `name`; raises NotATestSubject for anybody else."""
    engine = build_engine(read_plan(path, environ), environ)
    good = {issuer.name: issuer for issuer in engine.plan.issuers.values() if issuer.good}
    issuer = good.get(name) if name else next(iter(good.values()), None)
    if issuer is None:
        raise NotATestSubject(name, tuple(good))
    try:
        return await engine.gatherer.mint(issuer)
    finally:
        await engine.gatherer.aclose()
