"""Gate: go, no-go or not enough evidence, after a deploy; the rounds it rests on, and what held before."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from prober.model.aims import Aims
from prober.model.report import Report
from prober.model.verdict import RunVerdict


class GateVerdict(StrEnum):
    """What a gate came to."""

    PASS = "pass"
    FAIL = "fail"
    INCONCLUSIVE = "inconclusive"


class Because(StrEnum):
    """Why a gate came to its verdict: a closed set."""

    HELD = "held"  # often enough to tell a good service from a bad one
    BROKE = "broke"  # too often for a good one
    SAME_STEP = "same_step"  # each round, by the same step: no matter of chance
    FAIL_OPEN = "fail_open"  # a bad token was let in: no matter of ratios
    UNDECIDED = "undecided"  # as many rounds as allowed, and neither
    BLIND = "blind"  # too many rounds could not be judged, by our own fault
    MOOT = "moot"  # too many rounds could not be judged, by nobody's
    NOT_DEPLOYED = "not_deployed"  # the announced revision never answered, or no longer does
    RESTARTING = "restarting"  # often enough, by a service that is started anew again and again


#: What each reason makes of the gate.
VERDICTS: Mapping[Because, GateVerdict] = {
    Because.HELD: GateVerdict.PASS,
    Because.BROKE: GateVerdict.FAIL,
    Because.SAME_STEP: GateVerdict.FAIL,
    Because.FAIL_OPEN: GateVerdict.FAIL,
    Because.UNDECIDED: GateVerdict.INCONCLUSIVE,
    Because.BLIND: GateVerdict.INCONCLUSIVE,
    Because.MOOT: GateVerdict.INCONCLUSIVE,
    Because.NOT_DEPLOYED: GateVerdict.INCONCLUSIVE,
    Because.RESTARTING: GateVerdict.INCONCLUSIVE,
}


class Standing(StrEnum):
    """How what holds now stands to what held before the deploy."""

    HEALTHY = "healthy"
    REGRESSION = "regression"
    STILL_FAILING = "still_failing"
    FAILING_OTHERWISE = "failing_otherwise"  # then too, of something else
    FIXED = "fixed"
    UNKNOWN = "unknown"  # nobody looked before, or it is not known now


@dataclass(frozen=True, slots=True, kw_only=True)
class Instance:
    """What one service told of itself in one round."""

    revision: str | None
    uptime_seconds: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """One round of a gate."""

    run_id: str
    began: datetime
    verdict: RunVerdict
    failed: tuple[str, ...] = ()  # names of steps
    is_down: bool = False  # one of them failed as it does while a service is being started: the others may follow
    open_doors: tuple[str, ...] = ()  # names of controls that were let in
    instances: Mapping[str, Instance] = field(default_factory=dict)  # by service


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """What held before a deploy."""

    at: datetime  # of the newest run it rests on
    failing: bool | None  # None: it could not be told
    causes: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()  # names of steps
    runs: int = 1
    instances: Mapping[str, Instance] = field(default_factory=dict)  # by service


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """The whole of a gate: what it came to, and why."""

    id: str
    chain: str
    aims: Aims
    began: datetime
    ended: datetime
    because: Because
    warming: tuple[Round, ...]  # reported, not judged
    rounds: tuple[Round, ...]  # judged, if they could be
    samples: int
    failures: int
    lower: float  # what `samples` and `failures` prove, at the confidence of `aims`
    standing: Standing
    remarks: tuple[str, ...]  # what else a release manager should know, in sentences
    before: Baseline | None
    report: Report  # of the round that shows it best, with the diagnosis of all

    @property
    def verdict(self) -> GateVerdict:
        """Go, no-go, or neither."""
        return VERDICTS[self.because]

    @property
    def ratio(self) -> float | None:
        """Of the judged rounds, those that held; None without any."""
        return (self.samples - self.failures) / self.samples if self.samples else None


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a gate is, after each round."""

    newest: Round
    warming: int
    judged: int
    failures: int
    lower: float  # what the rounds so far prove
