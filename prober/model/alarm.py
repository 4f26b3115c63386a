"""Alarm: whether somebody should be told now, since when, and the counts that say so; and what a config says of it.

Alarms are plain frozen values, so that a store can keep them and a restart neither loses one nor tells it anew.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

#: Over how many of a chain's last due turns its successes are counted: 5 min, 15 min, 1 h, 6 h at one turn in 30 s.
SPANS = (10, 30, 120, 720)


class Alert(StrEnum):
    """What a chain can be told for; the `alert` label of `prober_alert_state`."""

    PAGE = "success_ratio_low"  # an outage, or surely below the threshold over the last 120 turns
    TICKET = "success_ratio_degraded"  # surely below the threshold over the last 720 turns
    FAIL_OPEN = "auth_fail_open"  # a bad token was accepted
    STEP = "step_failing"  # one step fails each time while others pass: no matter of chance


class Severity(StrEnum):
    """How soon somebody should look."""

    CRITICAL = "critical"
    PAGE = "page"
    TICKET = "ticket"


class AlarmState(StrEnum):
    """Where an alarm stands; only FIRING is for telling."""

    INSUFFICIENT = "insufficient"  # too few samples to say anything
    GOOD = "good"
    PENDING = "pending"  # its rule speaks, and a maintenance or a deploy holds it back
    FIRING = "firing"
    RESOLVED = "resolved"  # good again, after an episode; stands until its rule speaks again


class Counts(NamedTuple):
    """Scheduled turns that said something about the target, and how many of them failed."""

    samples: int
    failures: int


NOTHING = Counts(0, 0)


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the rules judge: the counts over each of SPANS, and what bypasses statistics."""

    last10: Counts = NOTHING
    last30: Counts = NOTHING
    last120: Counts = NOTHING
    last720: Counts = NOTHING
    rounds: int = 0  # how many of the last three rounds there were
    failing: tuple[str, ...] = ()  # steps that failed in the last three rounds, while no step changed its mind
    open_doors: tuple[str, ...] = ()  # controls whose bad token was accepted when last seen


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """One alert of one chain, as it stands."""

    chain: str
    alert: Alert
    severity: Severity
    state: AlarmState = AlarmState.INSUFFICIENT
    since: datetime | None = None  # when this state began; None before the first turn
    #: Which time of trouble goes on, or ended with this state; else empty. Made of chain, alert and moment: the same
    #: history makes the same.
    episode: str = ""
    quiet_since: datetime | None = None  # while FIRING: when its rule fell silent, which it must stay for a while
    evidence: Evidence = Evidence()


@dataclass(frozen=True, slots=True, kw_only=True)
class Alerting:
    """How a config wants people to be told."""

    deploy_grace_seconds: float = 120.0  # no page begins for so long after a deploy was seen
    page: bool = True
    ticket: bool = True
    team: str = ""
    runbook_url: str = ""
    dashboard_url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Maintenance:
    """A time in which chains are expected to fail: nothing new is told, and its turns are no evidence afterwards."""

    begins: datetime
    ends: datetime
    chains: tuple[str, ...] = ()  # empty: all

    def covers(self, chain: str, at: datetime) -> bool:
        """Whether it is going on for `chain` at a moment; its end is no part of it."""
        return self.begins <= at < self.ends and (not self.chains or chain in self.chains)
