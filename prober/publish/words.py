"""A report in words and marks, for the outlets people read: the verdict as a sentence, what each step saw, how long."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from prober.judge.signals import control_role, verifier_role
from prober.judge.words import close_text, describe_websocket, status_text
from prober.model.chain import STALE_INTERVALS, Chain, Step
from prober.model.copies import Copy
from prober.model.diagnosis import Confidence, Diagnosis, Named, State
from prober.model.observation import HttpSeen, Initiator, Match, Pair, Stage, WebSocketSeen
from prober.model.report import Report
from prober.model.trouble import Trouble, TroubleKind
from prober.model.verdict import Outcome, Reason, RunVerdict, StepResult, Verdict
from prober.publish import phrases

_REFUSALS = (401, 403)

#: Shape before colour: readable without colours, and by those who do not see them.
MARKS: Mapping[Verdict, str] = {Verdict.PASS: "✓", Verdict.FAIL: "✗", Verdict.BLIND: "◌", Verdict.SKIP: "–"}

RUN_MARKS: Mapping[RunVerdict, str] = {
    RunVerdict.PASS: "✓",
    RunVerdict.FAIL: "✗",
    RunVerdict.BLIND: "◌",
    RunVerdict.PARTIAL: "–",
}

#: In place of a verdict that is too old to be one.
STALE_MARK = "?"

OUTCOME_MARKS: Mapping[Outcome, str] = {Outcome.ACCEPTED: "✓", Outcome.REFUSED: "✗", Outcome.UNCLEAR: "?"}

MATCH_WORDS: Mapping[Match, str] = {
    Match.EQUAL: "hold the same",
    Match.EQUAL_AFTER_STRIP: "differ by white space only",
    Match.DIFFERENT: "differ",
    Match.UNKNOWN: "could not be compared",
}


def sentence(report: Report) -> str:
    """The verdict in one plain sentence."""
    chain, results = report.run.chain.name, report.run.results
    counts = {verdict: sum(result.verdict is verdict for result in results) for verdict in Verdict}
    match report.run.verdict:
        case RunVerdict.PASS:
            return f"{chain} passes: all {_steps(len(results))} held."
        case RunVerdict.FAIL:
            return f"{chain} FAILS: {counts[Verdict.FAIL]} of {_steps(len(results))} did not hold."
        case RunVerdict.BLIND:
            count = f"{counts[Verdict.BLIND]} of {_steps(len(results))} could not be judged"
            return f"{chain} is BLIND by {own_fault(report)}: {count}; {_nothing_counted(report)}."
    return f"{chain} is partial: {counts[Verdict.PASS]} of {_steps(len(results))} held, the others were moot."


def own_fault(report: Report) -> str:
    """What a BLIND run is blind by: surely ours, or what nobody can tell from the target's."""
    return "what may be the prober's own fault" if is_doubtful(report) else "the prober's own fault"


def is_doubtful(report: Report) -> bool:
    """Whether a failure may be the target's as well as ours."""
    return any(result.reason is Reason.MAYBE_OWN for result in report.run.results)


def staleness(chain: Chain) -> str:
    """What is said of a verdict that is over three intervals old, before the verdict itself."""
    return f"What holds now is not known: {chain.name} has not run for over {STALE_INTERVALS} of its intervals."


def _steps(count: int) -> str:
    return f"{count} step" if count == 1 else f"{count} steps"


def _nothing_counted(report: Report) -> str:
    """What everybody wants to know first of a fault that is ours."""
    return f"nothing was counted against {_services(report)}"


def _services(report: Report) -> str:
    return listed(step.service.name for step in report.run.chain.steps) or "anybody"


# ── an open door ─────────────────────────────────────────────────────────────────────────────────────────────────────


def open_doors(report: Report) -> tuple[StepResult, ...]:
    """The steps in which auth was failing open: what must be refused was accepted. Outranks every other finding."""
    return tuple(result for result in report.run.results if result.reason is Reason.ACCEPTED)


def open_doors_sentence(report: Report) -> str:
    """Who lets in what they must refuse; empty when nobody does."""
    let_in: dict[str, list[str]] = {}
    for result in open_doors(report):
        door, token = _door_and_token(result.step)
        let_in.setdefault(door, []).append(token)
    told = "; ".join(f"{door} accepts {listed(tokens)}" for door, tokens in let_in.items())
    return f"Auth is failing OPEN: {told}." if told else ""


def open_door_text(result: StepResult) -> str:
    """`backend's WebSocket accepts a forged token`."""
    door, token = _door_and_token(result.step)
    return f"{door} accepts {token}"


def _door_and_token(step: Step) -> tuple[str, str]:
    names = phrases.names_of(step)
    return phrases.verifier_text(verifier_role(step), names), phrases.token_text(control_role(step), names)


def listed(items: Iterable[str]) -> str:
    """`a, b and c`, each once; empty for none."""
    *others, last = dict.fromkeys(items) or [""]
    return f"{', '.join(others)} and {last}" if others else last


# ── the cause ────────────────────────────────────────────────────────────────────────────────────────────────────────


def summary(report: Report) -> str:
    """The diagnosis in the sentences people read: open doors first, then the cause, then whose fault it is."""
    whose = "may be" if is_doubtful(report) else "is"
    ours = f"The fault {whose} the prober's own; {_nothing_counted(report)}."
    told = (open_doors_sentence(report), cause_sentence(report), ours if _is_blind(report) else "")
    return " ".join(filter(None, told)) or _NOTHING_TOLD[report.run.verdict]


def _is_blind(report: Report) -> bool:
    return report.run.verdict is RunVerdict.BLIND


_NOTHING_TOLD: Mapping[RunVerdict, str] = {
    RunVerdict.PASS: "Nothing is wrong.",
    RunVerdict.PARTIAL: "Nothing wrong was seen, but not everything could be looked at.",
}


def cause_sentence(report: Report) -> str:
    """The cause in one sentence, and by which names the services of its text go here; empty when all is well."""
    told = _CAUSE_SENTENCES[report.diagnosis.state](report)
    return " ".join(filter(None, (told, _names_sentence(report) if report.diagnosis.causes else "")))


def _healthy(report: Report) -> str:
    if report.run.verdict is RunVerdict.FAIL:
        return "No cause is named: what failed is nothing that causes are told by. Go by the failed steps."
    return ""


def _unknown(report: Report) -> str:
    first, *others = [phrases.reading_text(each, report.run.chain) for each in report.diagnosis.unexplained] or [""]
    seen = f": {first}" if first else ""
    more = f", and {len(others)} more" if others else ""
    return f"Something is wrong that no known cause explains{seen}{more}."


def _named_causes(report: Report) -> str:
    certain, possible = sure_and_not(report.diagnosis)
    told = f"Because {' and '.join(map(_titled, certain))}." if certain else ""
    also = _one_of(possible) if possible else ""
    return " ".join(filter(None, (told, f"Besides, {also[0].lower()}{also[1:]}" if told and also else also)))


_CAUSE_SENTENCES: Mapping[State, Callable[[Report], str]] = {
    State.HEALTHY: _healthy,
    State.DIAGNOSED: _named_causes,
    State.AMBIGUOUS: _named_causes,
    State.UNKNOWN: _unknown,
}


def _titled(named: Named) -> str:
    return f"{named.cause.title} ({named.cause.name})"


def sure_and_not(diagnosis: Diagnosis) -> tuple[list[Named], list[Named]]:
    """The causes that every explanation shares, and those of which only one need hold."""
    certain = [each for each in diagnosis.causes if each.confidence is Confidence.HIGH]
    return certain, [each for each in diagnosis.causes if each not in certain]


#: More than these make no sentence; the section on why lists them.
_NAMED_IN_A_SENTENCE = 3


def _one_of(possible: Sequence[Named]) -> str:
    """What is not certain must not sound as if it were."""
    if len(possible) > _NAMED_IN_A_SENTENCE:
        names = ", ".join(each.cause.name for each in possible)
        return f"One of {len(possible)} causes, and this run cannot tell which: {names}."
    if len(possible) == 1:
        return f"Perhaps because {_titled(possible[0])}."
    return f"Either {', or '.join(map(_titled, possible))}: this run cannot tell which."


def _names_sentence(report: Report) -> str:
    """`The backend is «api» here.`: the texts of causes know services by their role only."""
    told = [f"{generic} is {_quoted(own)}" for generic, own in phrases.otherwise_called(report.run.chain).items()]
    text = ", ".join(told)
    return f"{text[0].upper()}{text[1:]} here." if text else ""


def _quoted(names: Sequence[str]) -> str:
    return " or ".join(f"«{name}»" for name in names)


# ── doubts ───────────────────────────────────────────────────────────────────────────────────────────────────────────

#: More than these are summed up: what rules out most is first.
_RULED_OUT_SHOWN = 3
_NAMES_SHOWN = 4
_STEPS_CITED = 2


def doubts(report: Report) -> Iterator[tuple[str, str]]:
    """What speaks for care, each with its label: the unexplained, what would tell, what was ruled out and by what."""
    diagnosis, chain = report.diagnosis, report.run.chain
    for reading in diagnosis.unexplained:
        yield "unexplained", f"{phrases.reading_text(reading, chain)}{cited(reading.steps)}"
    for signal in diagnosis.would_split:
        yield "would tell", phrases.would_tell_text(signal, chain)
    yield from _ruled_out(report)
    if diagnosis.masked:
        yield "could hide", _first(diagnosis.masked, _NAMES_SHOWN)


def _ruled_out(report: Report) -> Iterator[tuple[str, str]]:
    """Causes that the same reading speaks against share a line."""
    against: dict[str, list[str]] = {}
    for out in report.diagnosis.ruled_out:
        told = f"{phrases.reading_text(out.by, report.run.chain)}{cited(out.by.steps)}"
        against.setdefault(told, []).append(out.name)
    lines = sorted(against.items(), key=lambda line: -len(line[1]))
    for told, names in lines[:_RULED_OUT_SHOWN]:
        yield "ruled out", f"{_first(names, _NAMES_SHOWN)}: {told}"
    more = sum(len(names) for _, names in lines[_RULED_OUT_SHOWN:])
    if more:
        yield "", f"and {more} more cause{'s' if more > 1 else ''}"


def cited(steps: Sequence[str]) -> str:
    """`  [messages, stream and 3 more]`; nothing where no step is cited."""
    return f"  [{_first(steps, _STEPS_CITED)}]" if steps else ""


def _first(items: Sequence[str], count: int) -> str:
    more = f" and {len(items) - count} more" if len(items) > count else ""
    return f"{', '.join(items[:count])}{more}"


# ── one step ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def looks(report: Report) -> Iterator[tuple[StepResult, bool]]:
    """Every look of the run, and whether it was a second one, taken for the diagnosis alone."""
    yield from ((result, False) for result in report.run.results)
    yield from ((result, True) for result in report.run.second_looks)


def told(result: StepResult, *, second: bool = False) -> str:
    """What a good step saw in few words, and the whole account of any other."""
    return marked(seen_text(result) if result.verdict is Verdict.PASS else result.detail, result, second=second)


def look_kind(result: StepResult, *, second: bool = False) -> str:
    """What a look was taken for, where that is not the plain order of the chain."""
    if second:
        return "second look"
    return "follow-up" if result.step.is_follow_up else ""


def marked(text: str, result: StepResult, *, second: bool = False) -> str:
    """`follow-up: 200 OK`."""
    return ": ".join(filter(None, (look_kind(result, second=second), text)))


def seen_text(result: StepResult) -> str:
    """What one step saw, in few words; its full account is `result.detail`."""
    if result.observation is None:
        return result.detail
    if result.reason is Reason.UNPAIRED:
        return f"{_seen(result)}; proves nothing"
    return _seen(result)


def _seen(result: StepResult) -> str:
    seen = result.observation.seen if result.observation else None
    if isinstance(seen, HttpSeen) and result.outcome is Outcome.REFUSED and seen.status not in _REFUSALS:
        return f"{status_text(seen.status)}, token refused"  # a validation route may say no in the body of a 200
    return _SEEN_TEXTS[type(seen)](seen) if type(seen) in _SEEN_TEXTS else result.detail


def _http_text(seen: HttpSeen) -> str:
    return f"{status_text(seen.status)}{', first event' if seen.first_event else ''}"


def _websocket_text(seen: WebSocketSeen) -> str:
    closed = seen.stage is not Stage.HANDSHAKE and seen.initiator is not Initiator.CLIENT
    if closed and seen.close_code is not None:
        return f"{_STAGE_WORDS[seen.stage]}, then {close_text(seen.close_code)}"
    return describe_websocket(seen)


_STAGE_WORDS: Mapping[Stage, str] = {Stage.POST_ACCEPT: "accepted", Stage.WELCOMED: "welcomed"}


def _trouble_text(trouble: Trouble) -> str:
    return _TROUBLE_WORDS[trouble.kind]


_TROUBLE_WORDS: Mapping[TroubleKind, str] = {
    TroubleKind.DNS: "name does not resolve",
    TroubleKind.CONNECTION_REFUSED: "connection refused",
    TroubleKind.UNREACHABLE: "unreachable",
    TroubleKind.RESET: "connection cut",
    TroubleKind.TLS: "TLS failed",
    TroubleKind.TIMEOUT: "no answer in time",
    TroubleKind.PROTOCOL: "answer makes no sense",
    TroubleKind.TOO_LARGE: "answer too large",
    TroubleKind.NO_TOKEN: "no token to send",
    TroubleKind.OWN_SECRET: "our secret is missing",
    TroubleKind.OWN_FAULT: "our own fault",
    TroubleKind.OWN_PAUSE: "paused by an operator",
}


_SEEN_TEXTS: Mapping[type, Callable[[Any], str]] = {
    HttpSeen: _http_text,
    WebSocketSeen: _websocket_text,
    Trouble: _trouble_text,
}


def duration_text(result: StepResult) -> str:
    """Milliseconds, or nothing for a step that was not run."""
    return milliseconds(result.observation.latency_seconds) if result.observation else ""


def milliseconds(seconds: float) -> str:
    """`12 ms`, and one decimal below ten."""
    value = seconds * 1000
    return f"{value:.1f} ms" if value < 10 else f"{value:,.0f} ms"  # noqa: PLR2004 - two digits are enough to compare


def pair_text(pair: Pair) -> str:
    """One comparison of two parties' copies."""
    why = f" ({pair.why})" if pair.why else ""
    return f"{pair.secret}: {pair.left} and {pair.right} {MATCH_WORDS[pair.match]}{why}"


def copy_text(copy: Copy) -> str:
    """Which version of a secret we hold, and what is to be said of it."""
    said = (
        f", pinned; the newest is {copy.latest}" if copy.is_behind else "",
        f"; {' and '.join(filter(None, copy.previous))} still counts beside it" if any(copy.previous) else "",
        "; its source gave nothing when last asked" if copy.failing else "",
    )
    return f"version {copy.version}{''.join(said)}"


def printable(text: str) -> str:
    """`text` without control characters: a target's words must not steer the terminal they are shown on."""
    return "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in text)


def percent(ratio: float | None) -> str:
    """`97.5 %`; a dash when there is nothing to go by."""
    return "–" if ratio is None else f"{ratio * 100:.4g} %"
