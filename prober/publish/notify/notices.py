"""What is worth a notice: alarms that began to fire or are over, turned into notices; and the sink that posts them.

An alarm that fires is told of once an episode, and the outbox knows what was told. So after a restart, when nothing is
known of what was before, whatever fires is posted again, and comes to nothing where it was posted already.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol

from prober.model.alarm import Alarm, AlarmState, Alert, Counts
from prober.model.diagnosis import Named
from prober.model.notice import Kind, Notice, Suspect
from prober.model.report import Report
from prober.publish import words

#: What was over before we began to look, and longer ago than this, is no news.
_OLD_NEWS = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Letterhead:
    """What all notices of one config have in common."""

    environment: str
    link: str = ""


Alarms = Mapping[Alert, Alarm]  # of one chain


def by_alert(alarms: Iterable[Alarm]) -> dict[Alert, Alarm]:
    """The alarms of one chain."""
    return {alarm.alert: alarm for alarm in alarms}


def notices(before: Alarms | None, report: Report, head: Letterhead) -> tuple[Notice, ...]:
    """A notice of each alarm of `report` that began to fire or was over since `before`; None: that is not known."""
    pairs = ((before.get(alarm.alert) if before else None, alarm) for alarm in report.alarms)
    told = (_told(was, alarm, report, head) for was, alarm in pairs if _is_news(was, alarm, report.run.ended))
    return tuple(notice for notice in told if notice)


def _is_news(was: Alarm | None, alarm: Alarm, now: datetime) -> bool:
    if was is None:
        return alarm.state is AlarmState.FIRING or (alarm.since is not None and now - alarm.since < _OLD_NEWS)
    return (was.state, was.episode) != (alarm.state, alarm.episode)


def _told(was: Alarm | None, alarm: Alarm, report: Report, head: Letterhead) -> Notice | None:
    fired = was if was is not None and was.state is AlarmState.FIRING else None
    notice = _notice(alarm, report, head)
    over = replace(notice, since=fired.since if fired else None, until=alarm.since)
    match alarm.state:
        case AlarmState.FIRING:
            return notice
        case AlarmState.RESOLVED:
            return replace(over, kind=Kind.RESOLVED)
        case _ if fired:  # its chain was blind or away for long
            return replace(over, kind=Kind.LOST, episode=fired.episode)
        case AlarmState.INSUFFICIENT if was is None and alarm.episode:  # it fired before a restart
            return replace(over, kind=Kind.LOST)
    return None


def _notice(alarm: Alarm, report: Report, head: Letterhead) -> Notice:
    suspects = tuple(map(_suspect, report.diagnosis.causes))
    return replace(_bare(alarm, Kind.FIRING, head), suspects=suspects, text=_SEEN[alarm.alert](alarm, report))


def _bare(alarm: Alarm, kind: Kind, head: Letterhead) -> Notice:
    return Notice(
        environment=head.environment,
        chain=alarm.chain,
        alert=str(alarm.alert),
        severity=alarm.severity,
        episode=alarm.episode,
        kind=kind,
        since=alarm.since,
        link=head.link,
    )


def _suspect(named: Named) -> Suspect:
    cause = named.cause
    return Suspect(
        name=cause.name, title=cause.title, confidence=named.confidence, remedy=cause.remedy, ours=cause.ours
    )


# ── without a report ─────────────────────────────────────────────────────────────────────────────────────────────────


def gone(alarm: Alarm, head: Letterhead, now: datetime) -> Notice:
    """That an alarm which fires is over because nobody watches it any more: the config has it no longer."""
    return replace(_bare(alarm, Kind.RESOLVED, head), until=now, text=_GONE)


_GONE = "nothing: the config has this chain, or this alert of it, no longer. Whether it is well, nobody looks any more."

#: How an episode ended, by the state that followed it.
_ENDS: Mapping[AlarmState, Kind] = {AlarmState.RESOLVED: Kind.RESOLVED, AlarmState.INSUFFICIENT: Kind.LOST}


def ends(alarms: Iterable[Alarm], head: Letterhead, now: datetime) -> Iterator[Notice]:
    """Of the alarms that a restart took up, those of which we may not have lived to tell that they are over."""
    for alarm in alarms:
        if alarm.episode and alarm.state in _ENDS and _is_news(None, alarm, now):
            yield replace(_bare(alarm, _ENDS[alarm.state], head), since=None, until=alarm.since)


# ── what was seen ────────────────────────────────────────────────────────────────────────────────────────────────────


def _outage_text(alarm: Alarm, report: Report) -> str:
    return _counted(alarm.evidence.last30, report)


def _degraded_text(alarm: Alarm, report: Report) -> str:
    return _counted(alarm.evidence.last720, report)


def _counted(counts: Counts, report: Report) -> str:
    wanted = words.percent(report.run.chain.threshold)
    return f"{counts.failures} of the last {counts.samples} turns failed; {wanted} should pass."


def _open_text(alarm: Alarm, report: Report) -> str:
    """Who lets in what; from the steps' names where this very run could not see it."""
    doors = words.listed(alarm.evidence.open_doors)
    seen = words.open_doors_sentence(report)
    return seen or (f"A token that must be refused was accepted: {doors}." if doors else "Every door refuses again.")


def _step_text(alarm: Alarm, _report: Report) -> str:
    steps = words.listed(alarm.evidence.failing)
    return f"Failed each of the last three times, while others passed: {steps}." if steps else ""


_SEEN: Mapping[Alert, Callable[[Alarm, Report], str]] = {
    Alert.PAGE: _outage_text,
    Alert.TICKET: _degraded_text,
    Alert.FAIL_OPEN: _open_text,
    Alert.STEP: _step_text,
}


# ── posting ──────────────────────────────────────────────────────────────────────────────────────────────────────────


class Post(Protocol):
    """Whoever takes notices."""

    async def tell(self, notices: Iterable[Notice]) -> int:
        """Post them."""
        ...


class NoticeSink:
    """Compares each report's alarms with those of the report before, and posts what is news."""

    name = "notify"

    def __init__(self, post: Post, head: Callable[[], Letterhead]) -> None:
        """Post to `post`; `head` is asked each time, since a reload may change it."""
        self._post, self._head = post, head
        self._before: dict[str, Alarms] = {}

    async def write(self, report: Report) -> None:
        """Post what is news. What could not be posted is still news at the next report."""
        chain = report.run.chain.name
        await self._post.tell(notices(self._before.get(chain), report, self._head()))
        self._before[chain] = by_alert(report.alarms)

    def forget(self, chain: str) -> None:
        """A chain is watched no longer: should it come back, it begins anew."""
        self._before.pop(chain, None)
