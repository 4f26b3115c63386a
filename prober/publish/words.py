"""A report in words and marks, for the outlets people read: the verdict as a sentence, what each step saw, how long."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from prober.judge.words import close_text, describe_websocket, status_text
from prober.model.diagnosis import Confidence, Diagnosis, Named, State
from prober.model.observation import HttpSeen, Initiator, Match, Pair, Stage, WebSocketSeen
from prober.model.report import Report
from prober.model.trouble import Trouble, TroubleKind
from prober.model.verdict import Outcome, Reason, RunVerdict, StepResult, Verdict

_REFUSALS = (401, 403)

#: Shape before colour: readable without colours, and by those who do not see them.
MARKS: Mapping[Verdict, str] = {Verdict.PASS: "✓", Verdict.FAIL: "✗", Verdict.BLIND: "◌", Verdict.SKIP: "–"}

RUN_MARKS: Mapping[RunVerdict, str] = {
    RunVerdict.PASS: "✓",
    RunVerdict.FAIL: "✗",
    RunVerdict.BLIND: "◌",
    RunVerdict.PARTIAL: "–",
}

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
            return f"{chain} is blind: the prober could not look at {_steps(_unseen(counts))}; no word on the target."
    return f"{chain} is partial: {counts[Verdict.PASS]} of {_steps(len(results))} held, the others were moot."


def _steps(count: int) -> str:
    return f"{count} step" if count == 1 else f"{count} steps"


def _unseen(counts: Mapping[Verdict, int]) -> int:
    return counts[Verdict.BLIND]


def cause_sentence(report: Report) -> str:
    """The cause in one sentence; empty when there is nothing to explain."""
    if report.diagnosis.state is State.UNKNOWN:
        return "Something is wrong that no known cause explains."
    certain, possible = sure_and_not(report.diagnosis)
    told = " and ".join(f"{each.cause.title} ({each.cause.name})" for each in certain)
    also = f"{'Also because' if certain else 'Because'} {_one_of(possible)}." if possible else ""
    return " ".join(filter(None, (f"Because {told}." if told else "", also)))


def sure_and_not(diagnosis: Diagnosis) -> tuple[list[Named], list[Named]]:
    """The causes that every explanation shares, and those of which only one need hold."""
    certain = [each for each in diagnosis.causes if each.confidence is Confidence.HIGH]
    return certain, [each for each in diagnosis.causes if each not in certain]


#: More than these make no sentence; the section on why lists them.
_NAMED_IN_A_SENTENCE = 3


def _one_of(possible: Sequence[Named]) -> str:
    if len(possible) > _NAMED_IN_A_SENTENCE:
        return f"of one of {len(possible)} causes that this run cannot tell apart; see below"
    return "of one of these: " + ", or ".join(f"{each.cause.title} ({each.cause.name})" for each in possible)


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
}


_SEEN_TEXTS: Mapping[type, Callable[[Any], str]] = {
    HttpSeen: _http_text,
    WebSocketSeen: _websocket_text,
    Trouble: _trouble_text,
}


def duration_text(result: StepResult) -> str:
    """Milliseconds, or nothing for a step that was not run."""
    return milliseconds(result.observation.duration_seconds) if result.observation else ""


def milliseconds(seconds: float) -> str:
    """`12 ms`, and one decimal below ten."""
    value = seconds * 1000
    return f"{value:.1f} ms" if value < 10 else f"{value:,.0f} ms"  # noqa: PLR2004 - two digits are enough to compare


def pair_text(pair: Pair) -> str:
    """One comparison of two parties' copies."""
    why = f" ({pair.why})" if pair.why else ""
    return f"{pair.secret}: {pair.left} and {pair.right} {MATCH_WORDS[pair.match]}{why}"


def printable(text: str) -> str:
    """`text` without control characters: a target's words must not steer the terminal they are shown on."""
    return "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in text)


def percent(ratio: float | None) -> str:
    """`97.5 %`; a dash when there is nothing to go by."""
    return "–" if ratio is None else f"{ratio * 100:.4g} %"
