"""The alarm rules and the table by which an alarm goes from good to firing and back; pure.

Rule 1: counts are over turns of the chain, never over minutes, so that the statistics hold at any interval.
Rule 2: too few samples say nothing: neither that all is well nor that it is not.
Rule 3: what is no matter of chance needs no statistics, and fires at once.

The figures are for a chain that meets its threshold exactly: docs/alerting.md has what they come to.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import cache
from hashlib import blake2b
from math import comb, sqrt

from prober.model.alarm import Alarm, AlarmState, Alert, Counts, Evidence, Severity

#: One-sided 99.9 %: Φ⁻¹(0.999).
Z = 3.090232

#: A span says something when this share of its slots was sampled.
COVERAGE = 0.8

#: How often a chain that meets its threshold may have so many failures among its last 30, and its last 10, turns.
_LONG_CHANCE, _SHORT_CHANCE = 1e-4, 0.1

#: One failure wakes nobody, whatever the threshold.
_FEWEST = 2

#: DEGRADED is about now: so many of the last 30 turns failed.
STILL_FAILING = 3

#: An alarm ends when its rule was silent for as many turns: 15 min at one in 30 s.
CALM_SLOTS = 30

#: A step that fails so many rounds running, while others pass each time, is no matter of chance.
ROUNDS = 3

#: An alarm that is held or spoken for was quiet never.
_HALF_A_SLOT = 0.5


@dataclass(frozen=True, slots=True)
class Limits:
    """What follows from a chain's threshold."""

    threshold: float
    of30: int  # an outage is so many failures among the last 30 turns …
    of10: int  # … and so many among the last 10


@cache
def limits(threshold: float) -> Limits:
    """The least counts that chance brings about seldom enough; 8 and 2 at 95 %."""
    wrong = 1 - threshold
    return Limits(threshold, max(_FEWEST, _least(30, wrong, _LONG_CHANCE)), _least(10, wrong, _SHORT_CHANCE))


def _least(samples: int, wrong: float, chance: float) -> int:
    """The least count of failures that `samples` turns reach by `chance` at most; all of them where none is so rare."""
    return next((count for count in range(1, samples) if _tail(samples, wrong, count) <= chance), samples)


def _tail(samples: int, wrong: float, count: int) -> float:
    """How likely `count` failures or more are; the binomial distribution."""
    return sum(comb(samples, k) * wrong**k * (1 - wrong) ** (samples - k) for k in range(count, samples + 1))


def surely_below(counts: Counts, threshold: float, z: float = Z) -> bool:
    """Whether the Wilson upper bound of the success ratio is below `threshold`.

    Written as the score test whose inversion that bound is (Wilson, JASA 22 (1927) 209): in this form it is the same
    expression in Prometheus rules, and exact where the threshold is 100 %.
    """
    expected = counts.samples * (1 - threshold)
    return counts.failures > expected + z * sqrt(expected * threshold)


def is_covered(counts: Counts, slots: int) -> bool:
    """Whether enough of a span was seen to judge it."""
    return counts.samples >= COVERAGE * slots


# ── rules ────────────────────────────────────────────────────────────────────────────────────────────────────────────

#: True: it speaks. False: it is quiet. None: it cannot tell.
Speaks = Callable[[Evidence, Limits], bool | None]


def outage(evidence: Evidence, limit: Limits) -> bool | None:
    """Many of the last 30 turns failed, and some of the last 10."""
    if not is_covered(evidence.last30, 30):
        return None
    return evidence.last30.failures >= limit.of30 and evidence.last10.failures >= limit.of10


def degraded(evidence: Evidence, limit: Limits) -> bool | None:
    """Surely below the threshold over the last 120 turns, and still failing."""
    if not is_covered(evidence.last120, 120):
        return None
    return evidence.last30.failures >= STILL_FAILING and surely_below(evidence.last120, limit.threshold)


def page(evidence: Evidence, limit: Limits) -> bool | None:
    """An outage, or degraded."""
    found = outage(evidence, limit), degraded(evidence, limit)
    return True if True in found else None if found == (None, None) else False


def ticket(evidence: Evidence, limit: Limits) -> bool | None:
    """Surely below the threshold over the last 720 turns, and still below it over the last 120."""
    if not is_covered(evidence.last720, 720):
        return None
    samples, failures = evidence.last120
    is_below_now = samples > 0 and (samples - failures) / samples < limit.threshold
    return is_below_now and surely_below(evidence.last720, limit.threshold)


def fail_open(evidence: Evidence, _limit: Limits) -> bool | None:
    """A bad token was let in."""
    return bool(evidence.open_doors)


def step_failing(evidence: Evidence, _limit: Limits) -> bool | None:
    """A step failed three rounds running, others passed in all three, and none did both."""
    return bool(evidence.failing) if evidence.rounds == ROUNDS else None


@dataclass(frozen=True, slots=True)
class Rule:
    """One alert: when it speaks, and how loudly."""

    alert: Alert
    severity: Severity
    speaks: Speaks
    waits_for_deploys: bool = False  # a service that has just been deployed may stumble


RULES: Mapping[Alert, Rule] = {
    rule.alert: rule
    for rule in (
        Rule(Alert.PAGE, Severity.PAGE, page, waits_for_deploys=True),
        Rule(Alert.TICKET, Severity.TICKET, ticket),
        Rule(Alert.FAIL_OPEN, Severity.CRITICAL, fail_open),
        Rule(Alert.STEP, Severity.TICKET, step_failing),
    )
}


# ── transitions ──────────────────────────────────────────────────────────────────────────────────────────────────────


class Word(StrEnum):
    """What an alarm is told at each turn."""

    SPEAKS = "speaks"
    HELD = "held"  # it speaks, and a maintenance or a deploy holds it back
    QUIET = "quiet"
    CALM = "calm"  # quiet for long enough
    UNKNOWN = "unknown"
    LOST = "lost"  # not heard of for long enough


_I, _G, _P, _F, _R = AlarmState  # INSUFFICIENT, GOOD, PENDING, FIRING, RESOLVED

#: From each state, by each word, to the next. An episode that began goes on until it is calm, held or not.
TRANSITIONS: Mapping[AlarmState, Mapping[Word, AlarmState]] = {
    state: dict(zip(Word, row, strict=True))
    for state, row in {
        #   SPEAKS HELD QUIET CALM UNKNOWN LOST
        _I: (_F, _P, _G, _G, _I, _I),
        _G: (_F, _P, _G, _G, _I, _I),
        _P: (_F, _P, _G, _G, _I, _I),
        _F: (_F, _F, _F, _R, _F, _I),
        _R: (_F, _P, _R, _R, _I, _I),
    }.items()
}


@dataclass(frozen=True, slots=True)
class Moment:
    """When an alarm is asked, of a chain that turns so often, and whether something holds it back."""

    at: datetime
    interval_seconds: float
    is_held: bool = False

    @property
    def calm(self) -> timedelta:
        """How long a rule must have been silent; less half a turn, as turns begin a little late or early."""
        return timedelta(seconds=(CALM_SLOTS - _HALF_A_SLOT) * self.interval_seconds)


def advance(alarm: Alarm, evidence: Evidence, limit: Limits, moment: Moment) -> Alarm:
    """The alarm after one more turn of its chain."""
    speaks = RULES[alarm.alert].speaks(evidence, limit)
    quiet_since = None if speaks or alarm.state is not AlarmState.FIRING else alarm.quiet_since or moment.at
    state = TRANSITIONS[alarm.state][_word(speaks, quiet_since, moment)]
    has_changed = state is not alarm.state
    return Alarm(
        chain=alarm.chain,
        alert=alarm.alert,
        severity=alarm.severity,
        state=state,
        since=moment.at if has_changed or alarm.since is None else alarm.since,
        episode=_episode(alarm, state, moment.at) if has_changed else alarm.episode,
        quiet_since=quiet_since if state is AlarmState.FIRING else None,
        evidence=evidence,
    )


def _episode(alarm: Alarm, state: AlarmState, at: datetime) -> str:
    """The one that begins, or has just ended; once another state has followed on its end, it is over and done with."""
    if state is AlarmState.FIRING:
        return episode(alarm, at)
    return alarm.episode if alarm.state is AlarmState.FIRING else ""


def _word(speaks: bool | None, quiet_since: datetime | None, moment: Moment) -> Word:  # noqa: FBT001 - or neither
    if speaks:
        return Word.HELD if moment.is_held else Word.SPEAKS
    is_over = quiet_since is not None and moment.at - quiet_since >= moment.calm
    return _SILENT[speaks, is_over]


_SILENT: Mapping[tuple[bool | None, bool], Word] = {
    (False, False): Word.QUIET,
    (False, True): Word.CALM,
    (None, False): Word.UNKNOWN,
    (None, True): Word.LOST,
}


def episode(alarm: Alarm, at: datetime) -> str:
    """The name of the time of trouble that begins now: who replays the same history comes to the same name."""
    told = f"{alarm.chain} {alarm.alert} {at.astimezone(UTC).isoformat()}"
    return blake2b(told.encode(), digest_size=8).hexdigest()
