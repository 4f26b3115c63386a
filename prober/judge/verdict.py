"""One observation against one expectation: one small function per kind of thing seen, one per matcher."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from prober.judge.attestation import told
from prober.judge.dig import dig
from prober.judge.frontend import Refusal, refusal
from prober.judge.own_clock import undated
from prober.judge.signals import control_name, control_role
from prober.judge.stall import excused
from prober.judge.words import close_text, describe_http, describe_websocket, status_text
from prober.model.chain import (
    CredentialsStep,
    Expectation,
    HttpStep,
    MintStep,
    PlatformStep,
    Step,
    ValidateStep,
    Want,
)
from prober.model.controls import CONTROLS, Made
from prober.model.observation import (
    CUT,
    CertificateSeen,
    HttpSeen,
    Initiator,
    Json,
    Match,
    Observation,
    Pair,
    PlatformSeen,
    SecretsSeen,
    Seen,
    Stage,
    TcpSeen,
    TokenSeen,
    WebSocketSeen,
)
from prober.model.trouble import Trouble, TroubleKind, Whose
from prober.model.verdict import Outcome, Reason, StepResult, Verdict

_SUCCESS = range(200, 300)

#: A refusal, unless the config says otherwise; frameworks differ on 401 and 403 (RFC 9110 §15.5.2, §15.5.4).
_REFUSAL_STATUSES = (401, 403)

#: A route that a follow-up would ask and that is not there, or not for us, says nothing about its question.
_NOTHING_TO_ASK = (401, 403, 404, 405, 501)


def judge(step: Step, observation: Observation) -> StepResult:
    """Judge what `step` saw."""
    seen = observation.seen
    if isinstance(seen, Trouble):
        result = _trouble(step, seen)
    else:
        result = _kept_out(step, seen) or _JUDGES[type(seen)](step, seen, observation)
    return undated(excused(_left_behind(_resting_on(observation, result))))


def _resting_on(look: Observation, result: StepResult) -> StepResult:
    """As `replace` does for any class, in a tenth of the time."""
    return StepResult(
        step=result.step,
        verdict=result.verdict,
        reason=result.reason,
        detail=result.detail,
        outcome=result.outcome,
        origin=result.origin,
        observation=look,
    )


def _left_behind(result: StepResult) -> StepResult:
    """A refusal by who takes a version that counts no longer says which; the newest is that which was refused."""
    look = result.observation
    if look is None or not look.left_behind:
        return result
    newest = look.versions
    told = (f"it still takes version {old or '?'} of {name}" for name, old in look.left_behind.items())
    now = (f"; {newest[name]} is the newest" if name in newest else "" for name in look.left_behind)
    return replace(result, detail=f"{result.detail}; {'; '.join(map(str.__add__, told, now))}")


# ── results ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _passed(step: Step, detail: str, outcome: Outcome | None = None) -> StepResult:
    return StepResult(step=step, verdict=Verdict.PASS, reason=Reason.OK, detail=detail, outcome=outcome)


def _failed(step: Step, reason: Reason, detail: str, outcome: Outcome | None = None) -> StepResult:
    return StepResult(
        step=step, verdict=Verdict.FAIL, reason=reason, detail=detail, outcome=outcome, origin=Whose.TARGET
    )


def _moot(step: Step, reason: Reason, detail: str, outcome: Outcome | None = None) -> StepResult:
    return StepResult(step=step, verdict=Verdict.SKIP, reason=reason, detail=detail, outcome=outcome)


def _blind(step: Step, reason: Reason, detail: str) -> StepResult:
    return StepResult(step=step, verdict=Verdict.BLIND, reason=reason, detail=detail, origin=Whose.PROBER)


# ── turned away ──────────────────────────────────────────────────────────────────────────────────────────────────────


def is_turned_away(result: StepResult) -> bool:
    """Whether another version of our secrets might have been let in: refused, told apart, or given no token."""
    if result.verdict is Verdict.PASS or result.origin is Whose.PROBER or result.observation is None:
        return False
    seen = result.observation.seen
    is_refused = isinstance(seen, HttpSeen) and seen.status in _REFUSAL_STATUSES
    is_unheard = isinstance(seen, SecretsSeen) and bool(seen.turned_away_by)
    return is_refused or is_unheard or result.outcome is Outcome.REFUSED or result.reason in _OF_ANOTHER_SECRET


_OF_ANOTHER_SECRET = frozenset({Reason.REFUSED, Reason.MISMATCH, Reason.NO_TOKEN})


# ── trouble ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _trouble(step: Step, trouble: Trouble) -> StepResult:
    reason = Reason(trouble.kind)
    if trouble.whose is Whose.PROBER:
        return _blind(step, reason if reason in _OWN else Reason.OWN_FAULT, trouble.detail)
    if trouble.kind is TroubleKind.NO_TOKEN:
        return _moot(step, reason, trouble.detail)
    if step.is_control:
        return _moot(step, Reason.UNCLEAR, f"neither accepted nor refused: {trouble.detail}", Outcome.UNCLEAR)
    return _failed(step, reason, trouble.detail, Outcome.UNCLEAR if step.token else None)


def _kept_out(step: Step, seen: Seen) -> StepResult | None:
    """The platform knows who we are and does not let us through: how it treats others, nobody can tell from here."""
    why = refusal(seen)
    if step.service.identity_token is None or why not in _NOT_US:
        return None
    status = status_text(seen.status) if isinstance(seen, HttpSeen | WebSocketSeen) else ""
    return _blind(step, Reason.OWN_ACCESS, f"{status} of the platform, before {step.service.name}: {_NOT_US[why]}")


_NOT_US: Mapping[Refusal | None, str] = {
    Refusal.NO_RIGHT: "our account may not invoke it",
    Refusal.DISTRUSTED: "our identity token is not taken for it",
}


_OWN = frozenset({Reason.OWN_SECRET, Reason.OWN_FAULT, Reason.OWN_PAUSE})


# ── HTTP ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _http(step: Step, seen: HttpSeen, _observation: Observation) -> StepResult:
    if step.token is None:
        return _plain_http(step, seen)
    outcome = http_outcome(step, seen)
    words = describe_http(seen)
    if step.is_control:
        return _control(step, outcome, _crashed(seen) or words)
    if outcome is Outcome.ACCEPTED:
        return _passed(step, words, outcome)
    if outcome is Outcome.REFUSED:
        return _failed(step, Reason.REFUSED, words, outcome)
    return _failed(step, _unmet_reason(step, seen), _unmet(step, seen) or words, outcome)


def _plain_http(step: Step, seen: HttpSeen) -> StepResult:
    unmet = _unmet(step, seen)
    if unmet is None:
        return _passed(step, describe_http(seen))
    if step.is_follow_up and seen.status in _NOTHING_TO_ASK:
        return _moot(step, Reason.UNAVAILABLE, f"cannot be asked here: {describe_http(seen)}")
    return _failed(step, _unmet_reason(step, seen), unmet)


def http_outcome(step: Step, seen: HttpSeen) -> Outcome:
    """Whether the token was accepted, refused, or neither can be said."""
    if _refused(step, seen):
        return Outcome.REFUSED
    return Outcome.ACCEPTED if _accepted(step, seen) else Outcome.UNCLEAR


def _accepted(step: Step, seen: HttpSeen) -> bool:
    """A good token got all that was expected; a bad one got a 2xx in which whatever says yes to a good one says yes.

    Only what says yes counts, not whom it names: a door that lets a stranger in under another name stands open.
    """
    if not step.is_control:
        return _unmet(step, seen) is None
    says_yes = {path: wanted for path, wanted in step.expect.accepted_json.items() if wanted is True}
    return seen.status in _SUCCESS and not _unmet_conditions(says_yes, seen.json)


def _refused(step: Step, seen: HttpSeen) -> bool:
    expect = step.expect
    if step.is_control and (expect.statuses or expect.json):
        is_status = seen.status in (expect.statuses or (*refusal_statuses(step), *_SUCCESS))
        return is_status and not _unmet_conditions(expect.json, seen.json)
    return seen.status in refusal_statuses(step) or (
        isinstance(step, ValidateStep | CredentialsStep) and _says_no(step, seen)
    )


def refusal_statuses(step: Step) -> tuple[int, ...]:
    """401 and 403; what is hardly a token may also be answered as a bad request."""
    kind = CONTROLS.get(control_role(step))
    return (*_REFUSAL_STATUSES, *(kind.statuses if kind else ()))


def _says_no(step: Step, seen: HttpSeen) -> bool:
    """A validation route may answer 200 to all and put its no in the body: false what is true of a good token.

    Source: RFC 7662 §2.2, `active`; the auth service of the reports says `valid`.
    """
    yes = step.expect.accepted_json if step.is_control else step.expect.json
    paths = [*_YES, *(path for path, wanted in yes.items() if wanted is True)]
    return seen.status in _SUCCESS and any(dig(path, seen.json) is False for path in paths)


#: How validation routes usually say yes; whatever else the config wants to be true counts as well.
_YES = ("valid", "active")


def _unmet(step: Step, seen: HttpSeen) -> str | None:
    """The first expectation that does not hold, as expected against seen; None when all hold."""
    if seen.status not in accepted_statuses(step.expect):
        return f"{describe_http(seen)}, expected {_statuses_text(step.expect)}"
    wrong = _unmet_conditions(step.expect.json, seen.json)
    return wrong[0] if wrong else _unmet_event(step.expect, seen)


def _unmet_reason(step: Step, seen: HttpSeen) -> Reason:
    return Reason.CONDITION if seen.status in accepted_statuses(step.expect) else Reason.STATUS


def _unmet_conditions(conditions: Mapping[str, object], body: Json) -> list[str]:
    found = {path: dig(path, body) for path in conditions}
    wrong = [(path, wanted) for path, wanted in conditions.items() if found[path] != wanted]
    return [f"{path} is {found[path]!r}, expected {wanted!r}" for path, wanted in wrong]


def _unmet_event(expect: Expectation, seen: HttpSeen) -> str | None:
    if expect.first_event is None or expect.first_event in (seen.first_event or ""):
        return None
    return f"first event is {seen.first_event!r}, expected one with {expect.first_event!r}"


def accepted_statuses(expect: Expectation) -> tuple[int, ...] | range:
    """What a good answer may have."""
    return expect.statuses if expect.statuses and expect.want is Want.ACCEPTED else _SUCCESS


def _statuses_text(expect: Expectation) -> str:
    statuses = accepted_statuses(expect)
    return "2xx" if isinstance(statuses, range) else " or ".join(map(str, statuses))


# ── controls ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def _control(step: Step, outcome: Outcome, words: str) -> StepResult:
    """A bad token: refused is right, accepted is auth failing open, anything else proves nothing."""
    if outcome is Outcome.REFUSED:
        return _passed(step, words, outcome)
    if outcome is Outcome.ACCEPTED:
        detail = f"auth is failing OPEN: {step.service.name} accepted {_bad(step)} ({words}{_weight(step)})"
        return _failed(step, Reason.ACCEPTED, detail, outcome)
    return _moot(step, Reason.UNCLEAR, f"neither accepted nor refused: {words}", outcome)


_BAD: Mapping[Made, str] = {
    Made.NOTHING: "a request without a token",
    Made.HEADERS: "the headers {!r}",
    Made.SECRET: "wrong {}",
}


def _bad(step: Step) -> str:
    """What should not have been accepted, by the name it has in the config."""
    kind = CONTROLS.get(control_role(step))
    return _BAD.get(kind.made if kind else Made.TOKEN, "the token {!r}").format(control_name(step))


def _weight(step: Step) -> str:
    """How bad that is, and where it is written."""
    kind = CONTROLS.get(control_role(step))
    return f"; {kind.severity}, {kind.reference}" if kind else ""


_SERVER_ERRORS = range(500, 600)
#: What an edge answers in place of a service (RFC 9110 §15.6.3-5): that is no crash.
_NO_UPSTREAM = (502, 503, 504)


def _crashed(seen: HttpSeen | WebSocketSeen) -> str | None:
    """A bad request brought the service down, or a part of it: no opening, and still a finding."""
    if seen.status in _SERVER_ERRORS and seen.status not in _NO_UPSTREAM:
        return f"AUTH_CRASH: the service crashed on it, {status_text(seen.status)}"
    if isinstance(seen, WebSocketSeen) and seen.ended_by_peer and seen.close_code in _CRASHES:
        return f"AUTH_CRASH: the service crashed on it, closed with {close_text(seen.close_code)}"
    return None


#: Cut without a close frame, and internal error (RFC 6455 §7.4.1).
_CRASHES = (CUT, 1011)


def confirmed(second: StepResult) -> StepResult:
    """What a control comes to that was accepted once, by a second look at it: only twice accepted is accepted.

    A cache, or a deploy going on, lets a bad token in once. A second look of which we are to blame tells nothing.
    """
    result = replace(second, observation=second.observation and replace(second.observation, attempts=2))
    if second.outcome is Outcome.ACCEPTED or second.verdict is Verdict.BLIND:
        return result
    then = "then refused" if second.outcome is Outcome.REFUSED else "then"
    detail = f"accepted once, {then} with a fresh one: {second.detail}"
    return replace(
        result, verdict=Verdict.SKIP, reason=Reason.UNCLEAR, detail=detail, outcome=Outcome.UNCLEAR, origin=None
    )


def settle_controls(results: tuple[StepResult, ...]) -> tuple[StepResult, ...]:
    """A refusal counts only beside a good token accepted at the same door: what refuses all is down, not secure."""
    open_doors = {r.step.door for r in results if _is_good(r) and _let_in(r)}
    shut_doors = {r.step.door for r in results if _is_good(r) and not _let_in(r)}
    proven = open_doors - shut_doors
    return tuple(_settle(result, proven) for result in results)


def _is_good(result: StepResult) -> bool:
    """A good token, really sent: a step that was not run takes no side."""
    step = result.step
    return step.token is not None and not (step.is_control or step.is_follow_up) and result.observation is not None


def _let_in(result: StepResult) -> bool:
    """A good token was accepted; a mint accepts a good key by minting."""
    is_minted = isinstance(result.step, MintStep) and result.verdict is Verdict.PASS
    return is_minted or result.outcome is Outcome.ACCEPTED


def _settle(result: StepResult, proven: set[tuple[str, ...]]) -> StepResult:
    if not (result.step.is_control and result.verdict is Verdict.PASS) or result.step.door in proven:
        return result
    detail = f"{result.detail}, but the good token was not accepted here either: proves nothing"
    return replace(result, verdict=Verdict.SKIP, reason=Reason.UNPAIRED, detail=detail, outcome=Outcome.UNCLEAR)


# ── WebSocket ────────────────────────────────────────────────────────────────────────────────────────────────────────


def _websocket(step: Step, seen: WebSocketSeen, observation: Observation) -> StepResult:
    outcome = websocket_outcome(step, seen)
    words = describe_websocket(seen)
    if step.is_control:
        return _control(step, outcome, _crashed(seen) or words)
    if outcome is Outcome.REFUSED:
        return _failed(step, Reason.REFUSED, words, outcome)
    wrong = _websocket_wrong(seen, observation)
    if wrong:
        return _failed(step, *wrong, outcome)
    return _passed(step, words, outcome)


def websocket_outcome(step: Step, seen: WebSocketSeen) -> Outcome:
    """Accepted is a welcome that is not taken back; a bare 101 proves nothing."""
    if _refused_at_socket(step, seen):
        return Outcome.REFUSED
    return Outcome.ACCEPTED if seen.stage is Stage.WELCOMED else Outcome.UNCLEAR


def _refused_at_socket(step: Step, seen: WebSocketSeen) -> bool:
    if seen.stage is Stage.HANDSHAKE:
        return seen.status in (step.expect.statuses or refusal_statuses(step))
    return seen.initiator is Initiator.SERVER and seen.close_code in step.expect.close_codes


def _websocket_wrong(seen: WebSocketSeen, observation: Observation) -> tuple[Reason, str] | None:
    subject = observation.token.subject if observation.token else None
    checks: tuple[tuple[bool, Reason, str], ...] = (
        (seen.stage is Stage.HANDSHAKE, Reason.STATUS, describe_websocket(seen)),
        (seen.ended_by_peer, Reason.CLOSED, describe_websocket(seen)),
        (seen.stage is Stage.POST_ACCEPT, Reason.SILENT, "accepted, then no welcome"),
        (
            None not in (seen.identity, subject) and seen.identity != subject,
            Reason.IDENTITY,
            f"welcomed as {seen.identity!r}, the token says {subject!r}",
        ),
        (
            seen.ponged is False and seen.other_answer is not None,
            Reason.CONDITION,
            f"welcomed; what came after the ping is {seen.other_answer}, which `pong:` does not describe",
        ),
        (seen.ponged is False, Reason.SILENT, "welcomed, but the ping was not answered"),
    )
    return next(((reason, detail) for wrong, reason, detail in checks if wrong), None)


# ── tokens, secrets, sockets, certificates ───────────────────────────────────────────────────────────────────────────


def _token(step: Step, seen: TokenSeen, _observation: Observation) -> StepResult:
    if step.is_control:
        return _control(step, Outcome.ACCEPTED, "it minted a token")
    return _passed(step, f"{seen.traits.length} characters, {seen.traits.algorithm}, {seen.traits.dots} dots")


def _mint_refused(step: Step, seen: HttpSeen) -> StepResult:
    if step.is_control:
        outcome = Outcome.REFUSED if seen.status in refusal_statuses(step) else Outcome.UNCLEAR
        return _control(step, outcome, _crashed(seen) or describe_http(seen))
    return _failed(step, Reason.STATUS, f"no token: {describe_http(seen)}")


def _http_or_mint(step: Step, seen: HttpSeen, observation: Observation) -> StepResult:
    return _http(step, seen, observation) if isinstance(step, HttpStep) else _mint_refused(step, seen)


def _secrets(step: Step, seen: SecretsSeen, _observation: Observation) -> StepResult:
    differ = [pair for pair in seen.pairs if pair.match in (Match.DIFFERENT, Match.EQUAL_AFTER_STRIP)]
    if differ:
        return _failed(step, Reason.MISMATCH, "; ".join(map(_pair_text, differ)))
    unknown = [pair for pair in seen.pairs if pair.match is Match.UNKNOWN]
    if unknown:
        why = "; ".join(dict.fromkeys(pair.why for pair in unknown if pair.why))
        return _moot(step, Reason.UNAVAILABLE, f"could not compare: {why}")
    return _passed(step, f"{len(seen.pairs)} pairs equal")


def _pair_text(pair: Pair) -> str:
    how = "differ only by white space or quotes" if pair.match is Match.EQUAL_AFTER_STRIP else "differ"
    return f"{pair.secret}: {pair.left} and {pair.right} {how}"


def _platform(step: PlatformStep, seen: PlatformSeen, _observation: Observation) -> StepResult:
    """What nobody could ask about is no failure, and no success either; a version that stays unknown is only told."""
    asked = told(step, seen)
    wrong = [each.text for each in asked if each.is_wrong]
    unknown = [each.text for each in asked if each.sign is None]
    unread = [f"{service}: {why}" for service, why in seen.unread.items()]
    if wrong:
        return _failed(step, Reason.MISMATCH, "; ".join(wrong))
    if unread or len(unknown) == len(asked):
        return _moot(step, Reason.UNAVAILABLE, f"unknown: {'; '.join((*unread, *unknown))}")
    well = f"{len(asked) - len(unknown)} things are as they should be"
    return _passed(step, f"{well}; unknown: {'; '.join(unknown)}" if unknown else well)


def _tcp(step: Step, seen: TcpSeen, _observation: Observation) -> StepResult:
    return _passed(step, f"connected to {seen.address}")


def _certificate(step: Step, seen: CertificateSeen, observation: Observation) -> StepResult:
    days = (seen.not_after - observation.began).total_seconds() / 86400
    detail = f"certificate ends in {days:.0f} days ({seen.not_after:%Y-%m-%d})"
    if days < step.expect.days_left:
        return _failed(step, Reason.CERTIFICATE, f"{detail}, expected at least {step.expect.days_left:g}")
    return _passed(step, detail)


_JUDGES: Mapping[type, Callable[[Any, Any, Observation], StepResult]] = {
    HttpSeen: _http_or_mint,
    WebSocketSeen: _websocket,
    TokenSeen: _token,
    SecretsSeen: _secrets,
    TcpSeen: _tcp,
    CertificateSeen: _certificate,
    PlatformSeen: _platform,
}
