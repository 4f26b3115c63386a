"""Board: the latest report and the running totals of each chain, for whoever asks now."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any, TypeVar

from prober.model.alarm import Alarm
from prober.model.chain import STALE_INTERVALS, Plan
from prober.model.copies import Copy, Fetch
from prober.model.facts import Facts
from prober.model.gate import GateVerdict
from prober.model.notice import Delivery
from prober.model.observation import Match, Pair
from prober.model.pause import Stopped
from prober.model.report import Report
from prober.model.selftest import SelfTest
from prober.model.slot import Missed
from prober.model.verdict import Outcome, RunVerdict
from prober.publish import labels
from prober.publish.counted import COUNTERS, TIMINGS
from prober.publish.remembered import Remembered
from prober.publish.revisions import Revisions
from prober.publish.series import BESIDE, Series, series_of
from prober.publish.totals import Born, Labels, Lives, Mark, Timings, Totals

T = TypeVar("T")

_LATENESS_BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)

#: Only these say something about the target.
_CLEAR = {RunVerdict.PASS: True, RunVerdict.FAIL: False}


@dataclass(frozen=True, slots=True)
class Reload:
    """How the last attempt to load a config ended, and when one last succeeded."""

    successful: bool
    succeeded_at: datetime


def utc_now() -> datetime:
    """This machine's clock."""
    return datetime.now(UTC)


#: The alarms of a chain as they stand, whoever saw what they rest on: this instance, another, or one before a restart.
AlarmsOf = Callable[[str], tuple[Alarm, ...]]


def _unwatched(_chain: str) -> tuple[Alarm, ...]:
    """Nobody watches: there are none."""
    return ()


class Board:
    """Keeps what is true now. One event loop feeds and reads it, so nothing here locks or waits; others read a copy."""

    name = "board"

    def __init__(
        self,
        plan: Plan,
        causes: Sequence[str],
        now: Callable[[], datetime] = utc_now,
        alarms_of: AlarmsOf = _unwatched,
    ) -> None:
        """Start every series of `plan` at zero; `causes` are the names of all causes a diagnosis can give."""
        self.now, self.alarms_of = now, alarms_of
        self.reload = Reload(successful=True, succeeded_at=now())
        self.causes = tuple(causes)
        self.counters = {counted.name: Totals() for counted in COUNTERS}
        self.timings = {timed.name: Timings(timed.bounds) for timed in TIMINGS}
        self.slots_expected, self.slots_recorded, self.slots_missed = Totals(), Totals(), Totals()
        self.triggers, self.internal_errors, self.notifications = Totals(), Totals(), Totals()
        self.gates, self.fetches = Totals(), Totals()
        self.copies: dict[str, Copy] = {}  # of our secrets, by name, as they were when last asked for
        self.lateness = Timings(_LATENESS_BOUNDS)
        self.runs_in_flight = 0
        self.history_size: int | None = None
        self.loop_lag_seconds: float | None = None  # None: nobody watches
        self.selftest: SelfTest | None = None  # None: none has ended yet
        self.stopped = Stopped()
        self.latest: dict[str, Report] = {}
        self.before: dict[str, Remembered] = {}  # by chain, its last run before we were started
        self.last_success: dict[str, datetime] = {}
        self.trouble_since: dict[str, datetime] = {}  # by chain, when its first run began that did not pass
        self.facts: dict[str, Facts] = {}
        self.revisions = Revisions()
        self.revision_changed: dict[str, datetime] = {}
        self._clear: dict[str, Report] = {}
        self._controls: dict[tuple[str, str], tuple[str, bool]] = {}
        self.triggers.adopt(Born((outcome,) for outcome in labels.TRIGGER_OUTCOMES))
        self.internal_errors.adopt(Born((component,) for component in labels.COMPONENTS))
        self.lateness.adopt(Born([()]))
        self.plan, self.series = plan, series_of(plan)
        self.take_up(self.series)

    # ── the plan ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def adopt(self, plan: Plan) -> None:
        """Go on with `plan`: series of what it no longer has vanish, its new ones start at zero, the others go on."""
        self.take_up(series_of(plan))

    def take_up(self, series: Series) -> None:
        """The same, with what was made of the plan elsewhere; no series is looked at unless something is gone."""
        is_lost, self.plan, self.series = series.lost_since(self.series), series.plan, series

        def hand(totals: Totals | Timings, name: str, labels: Labels) -> None:
            totals.adopt(series.born[name], series.lives(labels) if is_lost(labels) else None)

        for counted in COUNTERS:
            hand(self.counters[counted.name], counted.name, counted.labels)
        for timed in TIMINGS:
            hand(self.timings[timed.name], timed.name, timed.labels)
        for name, beside in BESIDE.items():
            for totals in self._beside(name):
                hand(totals, name, beside.labels)
        self._forget()

    def _beside(self, name: str) -> tuple[Totals, ...]:
        return {
            "slots": (self.slots_expected, self.slots_recorded),
            "missed": (self.slots_missed,),
            "gates": (self.gates,),
            "notices": (self.notifications,),
            "fetches": (self.fetches,),
        }[name]

    def _forget(self) -> None:
        plan, steps = self.plan, self.series.steps
        self.latest = _within(self.latest, plan.chains)
        self.before = _within(self.before, plan.chains)
        self._clear = _within(self._clear, plan.chains)
        self.last_success = _within(self.last_success, plan.chains)
        self.trouble_since = _within(self.trouble_since, plan.chains)
        self.copies = _within(self.copies, plan.references)
        self.facts = _within(self.facts, plan.services)
        self.revisions.adopt(plan.services)
        self.revision_changed = _within(self.revision_changed, plan.services)
        self._controls = {place: seen for place, seen in self._controls.items() if place[1] in steps.get(place[0], ())}

    def reloaded(self, *, successful: bool) -> None:
        """A config was loaded, or refused: then the one before stays."""
        at = self.now() if successful else self.reload.succeeded_at
        self.reload = Reload(successful, at)

    # ── what is fed ──────────────────────────────────────────────────────────────────────────────────────────────────

    async def write(self, report: Report) -> None:
        """Take one report. One of a chain that a reload has removed meanwhile is left out: its series are gone."""
        if report.run.chain.name not in self.plan.chains:
            return
        self._count(report)
        self._keep(report)
        for facts in report.facts:
            self._learn(facts, report.run.ended)

    def remember(self, told: Iterable[Remembered]) -> None:
        """What held before we were started holds until the next run says otherwise."""
        for before in told:
            if before.chain in self.plan.chains and before.chain not in self.latest:
                self.before[before.chain] = before
                self._recall_doors(before)
                for facts in before.facts:
                    if facts.service not in self.facts:
                        self._learn(facts, before.ended)
        self._forget()

    def _recall_doors(self, before: Remembered) -> None:
        """A door that stood open is told until it is seen shut, however long ago that was; a shut one while fresh."""
        fresh = not self.is_old(before.chain, before.ended)
        doors = {step: seen for step, seen in before.controls.items() if fresh or seen[1]}
        for step, seen in doors.items():
            self._controls.setdefault((before.chain, step), seen)

    def passed_before(self, told: Iterable[Remembered]) -> None:
        """The last runs that passed before we were started."""
        for before in told:
            if before.chain in self.plan.chains:
                self.last_success.setdefault(before.chain, before.ended)

    def _count(self, report: Report) -> None:
        mark, lives = (report.run.id, report.run.ended), self._lives(report)
        for counted in COUNTERS:
            for series in filter(lives(counted.labels), counted.told(report)):
                self.counters[counted.name].add(series)
        for timed in TIMINGS:
            is_alive = lives(timed.labels)
            for series, seconds in timed.told(report):
                if is_alive(series):
                    self.timings[timed.name].add(series, seconds, Mark(seconds, *mark))

    def _lives(self, report: Report) -> Callable[[Labels], Lives]:
        """A run that began under another config may tell of steps and services that a reload has removed meanwhile."""
        is_of_plan = report.run.chain is self.plan.chains[report.run.chain.name]
        return (lambda _names: _any) if is_of_plan else self.series.lives

    def _keep(self, report: Report) -> None:
        chain = report.run.chain.name
        self._note_trouble(report)
        self.latest[chain] = report
        self.before.pop(chain, None)
        if report.run.verdict in _CLEAR:
            self._clear[chain] = report
        if report.run.verdict is RunVerdict.PASS:
            self.last_success[chain] = report.run.ended
        for control in report.controls:
            if control.outcome is not Outcome.UNCLEAR:  # the last clear answer stands until there is another
                self._controls[chain, control.step] = control.service, control.outcome is Outcome.ACCEPTED

    def _note_trouble(self, report: Report) -> None:
        """Of trouble that was there before we were started nobody here knows when it began."""
        chain = report.run.chain.name
        last = self.latest.get(chain) or self.before.get(chain)
        verdict = last.run.verdict if isinstance(last, Report) else last.verdict if last else RunVerdict.PASS
        if report.run.verdict is RunVerdict.PASS:
            self.trouble_since.pop(chain, None)
        elif verdict is RunVerdict.PASS:
            self.trouble_since[chain] = report.run.began

    def _learn(self, told: Facts, at: datetime) -> None:
        """Facts a run did not tell stay as they were; the first revision of a service is no change."""
        known = self.facts.get(told.service, Facts(service=told.service))
        if None not in (known.revision, told.revision) and known.revision != told.revision:
            self.revision_changed[told.service] = at
        if told.revision:
            self.revisions.told(told.service, told.revision, at)
        self.facts[told.service] = _fresher(known, told)

    def expected(self, chain: str, slots: int = 1) -> None:
        """`slots` turns of `chain` came due."""
        self._count_slots(self.slots_expected, (chain,), slots)

    def recorded(self, chain: str) -> None:
        """A due turn of `chain` was taken and reported."""
        self._count_slots(self.slots_recorded, (chain,), 1)

    def missed(self, chain: str, reason: Missed, slots: int = 1) -> None:
        """`slots` due turns of `chain` were not taken."""
        self._count_slots(self.slots_missed, (chain, str(reason)), slots)

    def _count_slots(self, totals: Totals, series: Labels, slots: int) -> None:
        if series[0] in self.plan.chains:  # else a reload removed it meanwhile
            totals.add(series, slots)

    def late(self, seconds: float) -> None:
        """A scheduled run began this long after it was due."""
        self.lateness.add((), max(0.0, seconds))

    def history_bytes(self, size: int) -> None:
        """The past takes this much room."""
        self.history_size = size

    def trigger_requested(self, outcome: str) -> None:
        """Somebody asked for a run; `outcome` is one of `labels.TRIGGER_OUTCOMES`."""
        self.triggers.add((outcome,))

    def gated(self, chain: str, verdict: GateVerdict) -> None:
        """A gate of `chain` came to this."""
        if chain in self.plan.chains:  # else a reload removed it meanwhile
            self.gates.add((chain, str(verdict)))

    def notified(self, receiver: str, delivery: Delivery) -> None:
        """A try to tell `receiver` ended like this."""
        if receiver in self.plan.receivers:  # else a reload removed it meanwhile
            self.notifications.add((receiver, str(delivery)))

    def internal_error(self, component: str) -> None:
        """A part of ours failed; `component` is one of `labels.COMPONENTS`."""
        self.internal_errors.add((component if component in labels.COMPONENTS else "publish",))

    def fetched(self, fetch: Fetch) -> None:
        """The source of a secret was asked."""
        if fetch.copy.name in self.plan.references:  # else a reload removed it meanwhile
            self.fetches.add((fetch.copy.name, str(fetch.outcome)))
            self.copies[fetch.copy.name] = fetch.copy

    def paused(self, stopped: Stopped) -> None:
        """So much operators have stopped."""
        self.stopped = stopped

    def lagged(self, worst_seconds: float) -> None:
        """The event loop's worst lag of late, as whoever watches it tells."""
        self.loop_lag_seconds = worst_seconds

    def examined(self, selftest: SelfTest) -> None:
        """A self-test ended."""
        self.selftest = selftest
        if not selftest.passed:
            self.internal_error("selftest")

    @contextmanager
    def in_flight(self) -> Iterator[None]:
        """Count the body as a run in flight."""
        self.runs_in_flight += 1
        try:
            yield
        finally:
            self.runs_in_flight -= 1

    # ── what is asked ────────────────────────────────────────────────────────────────────────────────────────────────

    def snapshot(self) -> "Board":
        """A board that stays as this one is now, for another thread to read; copies references, not what is frozen."""
        still = copy(self)
        for name, value in vars(self).items():
            setattr(still, name, _still(value))
        still.counters = {name: totals.copy() for name, totals in self.counters.items()}
        still.timings = {name: timings.copy() for name, timings in self.timings.items()}
        still.alarms_of = {chain: self.alarms_of(chain) for chain in self.plan.chains}.__getitem__
        return still

    def is_up(self, chain: str) -> bool | None:
        """Whether the last run that could tell passed; None before the first, when that was too long ago, or paused."""
        if chain in self.stopped.chains:
            return None
        report, before = self._clear.get(chain), self.before.get(chain)
        if report is None and before is not None:
            return None if self.is_old(chain, before.ended) else _CLEAR.get(before.verdict)
        return None if report is None or self.is_stale(report) else _CLEAR[report.run.verdict]

    def is_stale(self, report: Report) -> bool:
        """Whether a report is too old to tell what holds now."""
        return self.is_old(report.run.chain.name, report.run.ended)

    def is_old(self, chain: str, ended: datetime) -> bool:
        """Whether what ended then is too long ago to tell what holds now."""
        interval = self.plan.chains[chain].interval_seconds
        return self.now() - ended > timedelta(seconds=STALE_INTERVALS * interval)

    def _fresh_before(self) -> Iterable[Remembered]:
        """Of what held before we were started, what is recent enough to hold still."""
        return [before for chain, before in self.before.items() if not self.is_old(chain, before.ended)]

    def last_runs(self) -> Mapping[str, datetime]:
        """When the last run of each chain ended, before a restart or after."""
        ended = {chain: before.ended for chain, before in self.before.items()}
        return ended | {chain: report.run.ended for chain, report in self.latest.items()}

    def reports(self) -> tuple[Report, ...]:
        """The latest report of each chain, the oldest first, so that who merges them ends with what was seen last."""
        return tuple(sorted(self.latest.values(), key=lambda report: report.run.ended))

    def fresh_reports(self) -> tuple[Report, ...]:
        """Those of them that still tell what holds now."""
        return tuple(report for report in self.reports() if not self.is_stale(report))

    def fail_open(self) -> Mapping[str, bool]:
        """Of each service that a control gave a clear answer of: whether one of them was last seen accepted."""
        seen = set(self._controls.values())
        return {service: (service, True) in seen for service in sorted({service for service, _ in seen})}

    def alarms(self) -> Iterable[Alarm]:
        """Those of all chains, as they stand."""
        return [alarm for chain in self.plan.chains for alarm in self.alarms_of(chain)]

    def secret_pairs(self) -> Mapping[tuple[str, str, str], bool]:
        """Of each pair that could be compared: whether the copies are the same, byte for byte."""
        pairs = {key: match for before in self._fresh_before() for key, match in before.pairs.items()}
        pairs |= {_pair_key(pair): pair.match for report in self.reports() for pair in report.secrets}
        return {key: match is Match.EQUAL for key, match in pairs.items() if match is not Match.UNKNOWN}

    def active_causes(self) -> Iterator[tuple[tuple[str, str], bool]]:
        """Of each chain and cause: whether its latest report names it."""
        named = {(chain, each.cause.name) for chain, report in self.latest.items() for each in report.diagnosis.causes}
        named |= {(before.chain, cause) for before in self._fresh_before() for cause in before.causes}
        for known in product(self.plan.chains, self.causes):
            yield known, known in named
            named.discard(known)
        yield from ((unknown, True) for unknown in sorted(named))


def _any(_labels: Labels) -> bool:
    return True


def _still(value: object) -> object:
    match value:
        case Totals() | Timings() | Revisions() | dict():
            return value.copy()
    return value


def _fresher(known: Facts, told: Facts) -> Facts:
    fresh: dict[str, Any] = {field.name: getattr(told, field.name) for field in fields(Facts)}
    return replace(known, **{name: value for name, value in fresh.items() if value is not None})


def _pair_key(pair: Pair) -> tuple[str, str, str]:
    return pair.secret, pair.left, pair.right


def _within(values: Mapping[str, T], names: Mapping[str, object]) -> dict[str, T]:
    return {name: value for name, value in values.items() if name in names}
