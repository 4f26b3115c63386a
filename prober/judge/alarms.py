"""Alarms: the keeper of every chain's alarms, fed with each report in turn; no clock, no disk, but a memory.

Rule 1: only scheduled turns are evidence; any other tells of a deploy at most.
Rule 2: turns taken during a maintenance are no evidence, then or later.
Rule 3: all of it can be dumped as plain data and restored: a restart loses no alarm and tells none anew.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from prober.judge.alarm import ROUNDS, RULES, Moment, advance, limits
from prober.judge.recall import recall_of
from prober.judge.samples import Samples, samples_of
from prober.model.alarm import Alarm, AlarmState, Alert, Alerting, Counts, Evidence
from prober.model.chain import Chain, Plan, Trigger
from prober.model.report import Report
from prober.model.trend import Recall
from prober.model.verdict import RunVerdict

#: Of what `dump` returns; another number would be another shape.
SCHEMA = 1

_NEVER = float("-inf")


@dataclass(slots=True)
class _Watched:
    """What is remembered of one chain."""

    samples: Samples
    alarms: dict[Alert, Alarm] = field(default_factory=dict)
    rounds: tuple[Mapping[str, bool], ...] = ()  # the last of them: step → failed
    open_doors: dict[str, bool] = field(default_factory=dict)  # control's step → its bad token was accepted

    def evidence(self) -> Evidence:
        doors = tuple(sorted(step for step, is_open in self.open_doors.items() if is_open))
        return Evidence(*self.samples.counts(), len(self.rounds), failing(self.rounds), doors)


class Alarms:
    """Gives each report the alarms of its chain, as they stand after it."""

    def __init__(self, plan: Plan) -> None:
        """Watch the chains of `plan`; nothing is known of them yet."""
        self._chains: dict[str, _Watched] = {}
        self._revisions: dict[str, str] = {}
        self._deployed_at: datetime | None = None
        self.adopt(plan)

    def adopt(self, plan: Plan) -> tuple[Alarm, ...]:
        """Go on with `plan`: chains it no longer has are forgotten, the others go on; which alarms fired and are gone.

        A chain that turns at another interval starts its samples anew: its slots have become other ones.
        """
        before, self._plan = self._chains, plan
        kept = {name: before.get(name) for name in plan.chains}
        self._chains = {name: _adopted(plan.chains[name], known, plan.alerting) for name, known in kept.items()}
        firing = (alarm for known in before.values() for alarm in known.alarms.values() if _fires(alarm))
        return tuple(alarm for alarm in firing if not self._watches(alarm))

    def _watches(self, alarm: Alarm) -> bool:
        return alarm.chain in self._chains and alarm.alert in self._chains[alarm.chain].alarms

    def heed(self, report: Report) -> Report:
        """The report with its chain's alarms; a chain that a reload removed meanwhile has none."""
        told = recall_of(report)
        self._notice_deploys(told)
        self._count(told)
        return replace(report, alarms=self.of(report.run.chain.name))

    def hear(self, told: Iterable[Recall]) -> None:
        """Take up the runs of other instances: each alarm is everybody's."""
        for recall in told:
            if self._is_late(recall):
                self._hear_late(recall)
            else:
                self._notice_deploys(recall)
                self._count(recall)

    def catch_up(self, told: Iterable[Recall]) -> None:
        """After `restore`, take up the runs that what was dumped did not know; `told` may begin long before."""
        reached = {name: known.samples.newest for name, known in self._chains.items()}
        self.hear(recall for recall in told if not self._knew(recall, reached.get(recall.chain, _NEVER)))

    def _knew(self, told: Recall, reached: float) -> bool:
        """What is no sample leaves no trace but the newest time."""
        if told.turn.timestamp() > reached:
            return False
        return told.sample is None or told.turn in self._chains[told.chain].samples

    def of(self, chain: str) -> tuple[Alarm, ...]:
        """The alarms of one chain as they stand; none of a chain that is not watched."""
        known = self._chains.get(chain)
        return tuple(known.alarms.values()) if known else ()

    # ── one turn ─────────────────────────────────────────────────────────────────────────────────────────────────

    def _is_counted(self, told: Recall) -> bool:
        return told.chain in self._chains and told.trigger is Trigger.SCHEDULE

    def _is_late(self, told: Recall) -> bool:
        """Whether a later turn was counted before this run was heard of."""
        return self._is_counted(told) and told.turn.timestamp() < self._chains[told.chain].samples.newest

    def _hear_late(self, told: Recall) -> None:
        """It counts where it belongs, and says nothing of now; the next turn judges."""
        known = self._chains[told.chain]
        if told.sample is not None and not self._is_maintained(told.chain, told.began):
            known.samples.add(told.turn, failed=not told.sample, late=True)
        known.open_doors = {**told.doors, **known.open_doors}

    def _count(self, told: Recall) -> None:
        if not self._is_counted(told):
            return
        chain, known, at = self._plan.chains[told.chain], self._chains[told.chain], told.ended
        if self._is_maintained(chain.name, told.began):
            known.samples.turn_to(told.turn)
        else:
            _learn(known, told)
        evidence, limit = known.evidence(), limits(chain.threshold)
        for alert, alarm in known.alarms.items():
            moment = Moment(at, chain.interval_seconds, self._is_held(alarm, at))
            known.alarms[alert] = advance(alarm, evidence, limit, moment)

    def _notice_deploys(self, told: Recall) -> None:
        """Somebody said so, or a service tells another revision than before."""
        if told.trigger is Trigger.DEPLOY:
            self._deployed_at = told.began
        for facts in told.facts:
            if facts.revision is not None:
                if self._revisions.setdefault(facts.service, facts.revision) != facts.revision:
                    self._deployed_at = told.ended
                self._revisions[facts.service] = facts.revision

    def _is_held(self, alarm: Alarm, at: datetime) -> bool:
        waits = RULES[alarm.alert].waits_for_deploys
        return self._is_maintained(alarm.chain, at) or (waits and self._is_graced(at))

    def _is_maintained(self, chain: str, at: datetime) -> bool:
        return any(time.covers(chain, at) for time in self._plan.maintenance)

    def _is_graced(self, at: datetime) -> bool:
        grace = timedelta(seconds=self._plan.alerting.deploy_grace_seconds)
        return self._deployed_at is not None and self._deployed_at <= at < self._deployed_at + grace

    # ── across restarts ──────────────────────────────────────────────────────────────────────────────────────────

    def dump(self, chains: Iterable[str] | None = None) -> dict[str, Any]:
        """Everything that is remembered, or of these chains only, ready for `json.dumps`; 15 KB a chain."""
        wanted = self._chains.keys() if chains is None else self._chains.keys() & set(chains)
        return {
            "schema": SCHEMA,
            "deployedAt": _told(self._deployed_at),
            "revisions": dict(self._revisions),
            "chains": {name: _dumped(self._chains[name]) for name in sorted(wanted)},
        }

    def restore(self, data: Mapping[str, Any]) -> tuple[Alarm, ...]:
        """Go on from what `dump` told; what the plan has no longer is left out: which alarms of that fired.

        Of chains that it does not tell of, nothing changes: so dumps of single chains can be restored one by one.

        Raises:
            ValueError: this is no such dump; nothing has changed.
        """
        try:
            if data["schema"] != SCHEMA:
                message = f"alarms of schema {data['schema']!r} cannot be restored; this program writes {SCHEMA}"
                raise ValueError(message)
            known = {name: _restored(each) for name, each in data["chains"].items()}
            deployed_at, revisions = _read(data["deployedAt"]), dict(data["revisions"])
        except (KeyError, TypeError, AttributeError) as error:
            message = f"these are no alarms that were dumped: {error!r}"
            raise ValueError(message) from error
        self._chains, self._deployed_at, self._revisions = self._chains | known, deployed_at, revisions
        return self.adopt(self._plan)


def _learn(known: _Watched, told: Recall) -> None:
    """Blind and partial turns are samples of nothing; a blind round is no round."""
    known.samples.turn_to(told.turn)
    if told.sample is not None:
        known.samples.add(told.turn, failed=not told.sample)
    if told.verdict is not RunVerdict.BLIND:
        known.rounds = (*known.rounds, _round(told))[-ROUNDS:]
    known.open_doors.update(told.doors)


def _round(told: Recall) -> dict[str, bool]:
    """Whether each step failed, of those that looked at something good; controls have an alert of their own."""
    return {step: not success for step, success in told.steps.items() if step not in told.controls}


def failing(rounds: Iterable[Mapping[str, bool]]) -> tuple[str, ...]:
    """The steps that failed in each of the rounds, where others passed in each and no step did both.

    Were failures random, eight steps would agree with themselves over three rounds once in 16,000 times.
    """
    rounds = tuple(rounds)
    steps = sorted({step for each in rounds for step in each})
    seen = {step: [each[step] for each in rounds if step in each] for step in steps}
    each_time = [step for step, told in seen.items() if all(told) and len(told) == len(rounds)]
    has_others = any(not any(told) and len(told) == len(rounds) for told in seen.values())
    has_mixed = any(any(told) and not all(told) for told in seen.values())
    return tuple(each_time) if has_others and not has_mixed else ()


# ── what is watched ──────────────────────────────────────────────────────────────────────────────────────────────────


def _adopted(chain: Chain, known: _Watched | None, alerting: Alerting) -> _Watched:
    before = known or _Watched(Samples(chain.interval_seconds))
    is_same = before.samples.interval_seconds == chain.interval_seconds
    steps = {step.name for step in chain.steps}
    return _Watched(
        samples=before.samples if is_same else Samples(chain.interval_seconds),
        alarms={alert: before.alarms.get(alert) or _new(chain, alert) for alert in _wanted(alerting)},
        rounds=before.rounds,
        open_doors={step: is_open for step, is_open in before.open_doors.items() if step in steps},
    )


def _fires(alarm: Alarm) -> bool:
    return alarm.state is AlarmState.FIRING


def _wanted(alerting: Alerting) -> Iterable[Alert]:
    unwanted = {Alert.PAGE: not alerting.page, Alert.TICKET: not alerting.ticket}
    return (alert for alert in RULES if not unwanted.get(alert, False))


def _new(chain: Chain, alert: Alert) -> Alarm:
    return Alarm(chain=chain.name, alert=alert, severity=RULES[alert].severity)


# ── as data ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _dumped(known: _Watched) -> dict[str, Any]:
    return {
        "samples": known.samples.dump(),
        "alarms": {str(alert): _alarm(alarm) for alert, alarm in known.alarms.items()},
        "rounds": [dict(each) for each in known.rounds],
        "openDoors": dict(known.open_doors),
    }


def _restored(data: Mapping[str, Any]) -> _Watched:
    alarms = (_alarm_of(each) for name, each in data["alarms"].items() if name in set(Alert))
    return _Watched(
        samples=samples_of(data["samples"]),
        alarms={alarm.alert: alarm for alarm in alarms},
        rounds=tuple(data["rounds"])[-ROUNDS:],
        open_doors=dict(data["openDoors"]),
    )


def _alarm(alarm: Alarm) -> dict[str, Any]:
    told = asdict(alarm)
    return told | {"since": _told(alarm.since), "quiet_since": _told(alarm.quiet_since)}


def _alarm_of(data: Mapping[str, Any]) -> Alarm:
    return Alarm(
        chain=data["chain"],
        alert=Alert(data["alert"]),
        severity=RULES[Alert(data["alert"])].severity,
        state=AlarmState(data["state"]),
        since=_read(data["since"]),
        episode=data["episode"],
        quiet_since=_read(data["quiet_since"]),
        evidence=Evidence(**{name: _READ.get(name, _as_counts)(value) for name, value in data["evidence"].items()}),
    )


def _as_counts(value: Iterable[int]) -> Counts:
    return Counts(*value)


_READ: Mapping[str, Callable[[Any], Any]] = {"rounds": int, "failing": tuple, "open_doors": tuple}


def _told(at: datetime | None) -> str | None:
    return at.astimezone(UTC).isoformat() if at else None


def _read(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
