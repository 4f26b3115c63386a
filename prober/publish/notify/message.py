"""Message: a notice as a person wants to read it at three in the morning; plain text, no secret, no URL but ours."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from prober.model.alarm import Severity
from prober.model.diagnosis import Confidence
from prober.model.notice import Kind, Notice, Suspect
from prober.publish.words import printable

#: Phones cut what is longer.
_LONGEST_TITLE = 100

#: Some services refuse longer texts; what is at the end is the least.
_LONGEST_BODY = 1800

#: More are in the report; a telephone has room for these.
_SUSPECTS_SHOWN = 3
_REMEDIES_SHOWN = 4


@dataclass(frozen=True, slots=True)
class Message:
    """What is sent."""

    title: str
    body: str
    tone: str  # one of apprise's types: failure, warning, success, info


def written(notice: Notice) -> Message:
    """The message of `notice`: what, why, since when, what to do, where to look, and which episode it belongs to."""
    title = _cut(_TITLES[notice.kind](notice), _LONGEST_TITLE)
    last = f"\n{_episode(notice)}"
    body = "\n".join(filter(None, _LINES[notice.kind](notice)))
    return Message(title, _cut(body, _LONGEST_BODY - len(last)) + last, _tone(notice))


def _cut(text: str, longest: int) -> str:
    """`text` within its bounds and without control characters; what a target says may be in it."""
    clean = "\n".join(map(printable, text.split("\n")))
    return clean if len(clean) <= longest else f"{clean[: longest - 1]}…"


def _tone(notice: Notice) -> str:
    return _TONES.get(notice.kind) or ("warning" if notice.severity is Severity.TICKET else "failure")


_TONES: Mapping[Kind, str] = {Kind.RESOLVED: "success", Kind.LOST: "warning", Kind.SAMPLE: "info"}


# ── the title ────────────────────────────────────────────────────────────────────────────────────────────────────────


def _firing_title(notice: Notice) -> str:
    headline = _HEADLINES.get(notice.alert, _ANY_HEADLINE).format(chain=notice.chain, environment=notice.environment)
    return f"{_SEVERITY_WORDS[notice.severity]}: {headline}: {_in_short(notice.suspects)}"


_SEVERITY_WORDS: Mapping[Severity, str] = {
    Severity.CRITICAL: "CRITICAL",
    Severity.PAGE: "PAGE",
    Severity.TICKET: "Ticket",
}

#: What each alert says in few words; one that is not here, of a newer version perhaps, says less.
_HEADLINES: Mapping[str, str] = {
    "success_ratio_low": "{chain} fails in {environment}",
    "success_ratio_degraded": "{chain} is degraded in {environment}",
    "auth_fail_open": "auth fails OPEN in {environment}, seen by {chain}",
    "step_failing": "a step of {chain} fails each time in {environment}",
}
_ANY_HEADLINE = "{chain} is not well in {environment}"


def _in_short(suspects: tuple[Suspect, ...]) -> str:
    if not suspects:
        return "cause unknown"
    certain, possible = _sure_and_not(suspects)
    if certain:
        return " + ".join(each.name for each in certain)
    return f"perhaps {possible[0].name}" if len(possible) == 1 else f"one of {len(possible)} causes"


def _resolved_title(notice: Notice) -> str:
    lasted = _lasted(notice)
    return f"Resolved: {notice.chain} in {notice.environment}{f', after {lasted}' if lasted else ''}"


def _lost_title(notice: Notice) -> str:
    return f"Lost from sight: {notice.chain} in {notice.environment}, which was failing"


def _sample_title(notice: Notice) -> str:
    return f"Sample: the prober of {notice.environment} can reach you"


_TITLES: Mapping[Kind, Callable[[Notice], str]] = {
    Kind.FIRING: _firing_title,
    Kind.RESOLVED: _resolved_title,
    Kind.LOST: _lost_title,
    Kind.SAMPLE: _sample_title,
}


# ── the text ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def _firing_lines(notice: Notice) -> Iterable[str]:
    yield from _why(notice.suspects)
    yield f"Since: {_moment(notice.since)}"
    yield f"Seen: {notice.text}" if notice.text else ""
    yield from _what_to_do(notice.suspects)
    yield _where(notice)


def _why(suspects: tuple[Suspect, ...]) -> Iterator[str]:
    """What is not certain must not sound as if it were."""
    certain, possible = _sure_and_not(suspects)
    if not suspects:
        yield "Why: no cause is named; go by the steps that failed."
    for each in certain:
        yield f"Why: {each.title} ({each.name}, {each.confidence} confidence{_whose(each)})"
    yield from _alternatives(possible, beside=bool(certain))


def _sure_and_not(suspects: Iterable[Suspect]) -> tuple[list[Suspect], list[Suspect]]:
    """The causes that every explanation shares, and those of which only one need hold."""
    told = list(suspects)
    certain = [each for each in told if each.confidence is Confidence.HIGH]
    return certain, [each for each in told if each not in certain]


def _alternatives(possible: list[Suspect], *, beside: bool) -> Iterator[str]:
    label = "Besides" if beside else "Why"
    if len(possible) == 1:
        yield f"{label}: perhaps {possible[0].title} ({_told(possible[0])})"
    elif possible:
        yield f"{label}: one of {len(possible)} causes, it cannot be told which:"
        yield from (f"  - {each.title} ({_told(each)})" for each in possible[:_SUSPECTS_SHOWN])
        more = len(possible) - _SUSPECTS_SHOWN
        yield f"  - and {more} more" if more > 0 else ""


def _told(suspect: Suspect) -> str:
    return f"{suspect.name}, {suspect.confidence} confidence{_whose(suspect)}"


def _whose(suspect: Suspect) -> str:
    return ", the prober's own fault" if suspect.ours else ""


def _what_to_do(suspects: tuple[Suspect, ...]) -> Iterator[str]:
    """All that helps against what is certain; the first thing to try against each of what is not."""
    certain, possible = _sure_and_not(suspects)
    steps = [step for each in certain for step in each.remedy]
    if not certain:
        steps = [f"if {each.name}: {each.remedy[0]}" for each in possible[:_SUSPECTS_SHOWN] if each.remedy]
    for number, step in enumerate(steps[:_REMEDIES_SHOWN], 1):
        yield f"Do: {step}" if len(steps) == 1 else f"Do {number}: {step}"


def _where(notice: Notice) -> str:
    return f"Look: {notice.link}" if notice.link else ""


def _resolved_lines(notice: Notice) -> Iterable[str]:
    began, over = _moment(notice.since), _moment(notice.until)
    yield f"It lasted {_lasted(notice)}: {began} to {over}" if _lasted(notice) else f"It was over at {over}"
    was = ", ".join(each.name for each in notice.suspects[:_SUSPECTS_SHOWN])
    yield f"Last seen cause: {was}" if was else ""
    yield f"Seen: {notice.text}" if notice.text else ""
    yield _where(notice)


def _lost_lines(notice: Notice) -> Iterable[str]:
    """It is not said to have ended well."""
    yield "Nothing was heard of it for so long that nobody can say whether it still holds."
    yield f"Since: {_moment(notice.since)}"
    was = ", ".join(each.name for each in notice.suspects[:_SUSPECTS_SHOWN])
    yield f"Last seen cause: {was}" if was else ""
    yield "Do: see whether the prober can look at all: its log, prober_chain_runs_total by verdict."
    yield _where(notice)


def _sample_lines(notice: Notice) -> Iterable[str]:
    yield "Nothing is wrong: somebody asked whether notices arrive here. They do."
    yield f"Sent: {_moment(notice.since)}"
    yield _where(notice)


_LINES: Mapping[Kind, Callable[[Notice], Iterable[str]]] = {
    Kind.FIRING: _firing_lines,
    Kind.RESOLVED: _resolved_lines,
    Kind.LOST: _lost_lines,
    Kind.SAMPLE: _sample_lines,
}


def _episode(notice: Notice) -> str:
    """By this a duplicate is known, and the end belongs to the beginning."""
    return f"Episode: {notice.alert}/{notice.episode}/{notice.kind}"


# ── time ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _moment(at: datetime | None) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC" if at else "an unknown time"


def _lasted(notice: Notice) -> str:
    """Empty where it is not known."""
    return duration_text(notice.until - notice.since) if notice.until and notice.since else ""


#: The two largest units are enough; seconds only where there is nothing larger.
_UNITS = (("d", 86400), ("h", 3600), ("min", 60), ("s", 1))


def duration_text(lasted: timedelta) -> str:
    """`3 h 5 min`: the two largest units that are not nothing."""
    left, parts = max(0, round(lasted.total_seconds())), []
    for unit, seconds in _UNITS:
        count, left = divmod(left, seconds)
        parts.append((count, unit))
    first = next((place for place, (count, _) in enumerate(parts) if count), len(parts) - 1)
    told = [f"{count} {unit}" for count, unit in parts[first : first + 2] if count]
    return " ".join(told) or "0 s"
