"""What one run answers to the questions of the diagnosis: one reader per kind of step, then what all show together."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain
from typing import NamedTuple

from prober.judge.attestation import signs as attested
from prober.judge.facts import facts_of_role
from prober.judge.frontend import Refusal, refusal
from prober.judge.signals import (
    SHOWN,
    Sign,
    accepts,
    admission,
    control,
    control_role,
    credentials,
    health,
    is_normal,
    issuer_role,
    knock,
    mint,
    secrets,
    service_secret,
    unsteady,
    verifier_role,
    words,
)
from prober.judge.tempo import tempo
from prober.judge.words import said
from prober.model.chain import (
    CredentialsStep,
    HttpStep,
    MintStep,
    PlatformStep,
    Role,
    SecretMatchStep,
    Shows,
    Step,
    StreamStep,
    ValidateStep,
    WebSocketStep,
)
from prober.model.observation import (
    CUT,
    HttpSeen,
    Match,
    PlatformSeen,
    SecretsSeen,
    Stage,
    TokenSeen,
    WebSocketSeen,
)
from prober.model.signal import Reading, Readings, Signal
from prober.model.trend import Past
from prober.model.trouble import Trouble, TroubleKind
from prober.model.verdict import Outcome, Reason, Run, StepResult, Verdict

_NOTHING_BEFORE = Past()


def read(run: Run, past: Past = _NOTHING_BEFORE) -> Readings:
    """Every signal this run gave a reading for; what could not be looked at is absent: unknown."""
    looks = [*run.results, *run.second_looks]
    signs = [_Shown(sign, look.step.name, look.step.door) for look in looks for sign in _signs(look)]
    told = chain(facts_of_role(run, past), tempo(run))
    signs += [_Shown(sign, step, ()) for sign, steps in told for step in steps]
    return {signal: _merge(signal, signs) for signal in dict.fromkeys(shown.sign.signal for shown in signs)}


class _Shown(NamedTuple):
    """A sign, the step that shows it, and the door that the step knocked at."""

    sign: Sign
    step: str
    door: tuple[str, ...]


def _merge(signal: Signal, signs: list[_Shown]) -> Reading:
    """Where several looks answer one question, an abnormal answer stands; at one door beside a normal one it flickers.

    Another path, or another service of the role, that is always well says nothing about the one that is not.
    """
    own = [shown for shown in signs if shown.sign.signal == signal]
    abnormal = [shown for shown in own if not is_normal(*shown.sign)]
    values = [shown.sign.value for shown in abnormal]
    value = max(values, key=values.count) if values else own[-1].sign.value
    value = _OUTRANKS if _OUTRANKS in values else value
    steps = tuple(dict.fromkeys(shown.step for shown in own if shown.sign.value == value))
    well = {shown.door for shown in own if is_normal(*shown.sign)}
    flickers = bool(values) and value != _OUTRANKS and all(shown.door in well for shown in abnormal)
    told = unsteady(value) if flickers else value
    return Reading(signal, told, steps, is_normal(signal, told))


#: Two revisions at once already says that it comes and goes.
_OUTRANKS = "mixed"


#: Ours, whatever kind of step it was.
_SAYS_NOTHING = frozenset({Reason.OWN_FAULT, Reason.OWN_PAUSE, Reason.OWN_STALL, Reason.OWN_CLOCK})


def _signs(result: StepResult) -> Iterator[Sign]:
    yield from _admission(result)
    if result.observation and refusal(result.observation.seen):
        return  # the service has heard nothing
    if result.observation is None or (result.verdict is Verdict.BLIND and not isinstance(result.step, MintStep)):
        return
    if result.reason in _SAYS_NOTHING:
        return
    for kind, reader in _READERS.items():
        if type(result.step) is kind:
            yield from reader(result)


def _admission(result: StepResult) -> Iterator[Sign]:
    """What the platform before a service did; one that lets everybody through is not spoken of."""
    service, seen = result.step.service, result.observation.seen if result.observation else None
    why = refusal(seen)
    if service.role is Role.OTHER or not (why or (service.identity_token and isinstance(seen, _ANSWERS))):
        return
    if service.identity_token is None and why is not Refusal.HIDDEN:
        yield Sign(admission(str(service.role)), "nobody")  # a service's own token in its place is distrusted
    else:
        yield Sign(admission(str(service.role)), str(why or "admitted"))


#: What a service said itself.
_ANSWERS = (HttpSeen, WebSocketSeen, TokenSeen)

# ── a request without a token ────────────────────────────────────────────────────────────────────────────────────────


def _plain_or_token(result: StepResult) -> Iterator[Sign]:
    step = result.step
    if step.token is not None:
        yield from _token_met_verifier(result)
    elif isinstance(step, HttpStep) and step.shows and step.service.role is not Role.OTHER:
        yield from _shown(result, step.shows, str(step.service.role))


def _shown(result: StepResult, shows: Shows, role: str) -> Iterator[Sign]:
    if shows is Shows.HEALTH:
        yield Sign(health(role), _health_value(result))
        return
    name, yes, no = SHOWN[shows]
    if result.verdict is Verdict.PASS or _says_so(result):
        yield Sign(Signal(name, (role,)), yes if result.verdict is Verdict.PASS else no)


def _says_so(result: StepResult) -> bool:
    """A failure that is an answer about the question: another value than expected, or a service that is not well."""
    seen = result.observation.seen if result.observation else None
    return isinstance(seen, HttpSeen) and (seen.status in _SUCCESS or (seen.status == _NOT_WELL and _is_json(seen)))


_SUCCESS = range(200, 300)
_NOT_WELL = 503

_HEALTH_TROUBLE: Mapping[TroubleKind, str] = {
    TroubleKind.DNS: "unresolved",
    TroubleKind.TLS: "tls",
    TroubleKind.TIMEOUT: "timeout",
}

_SERVER_ERROR = 500

#: What an edge answers for a service that is not there (RFC 9110 §15.6.3-5); an application says it as JSON.
_NO_UPSTREAM = (502, 503, 504)


def _health_value(result: StepResult) -> str:
    match result.observation.seen if result.observation else None:
        case Trouble() as trouble:
            return _HEALTH_TROUBLE.get(trouble.kind, "unreachable")
        case HttpSeen() as seen if result.verdict is not Verdict.PASS:
            if "startup" in seen.body.lower() or "starting" in seen.body.lower():
                return "starting"
            if is_no_upstream(seen):
                return "no_upstream"
            return "error" if seen.status >= _SERVER_ERROR else "degraded"
    return "ok"


def is_no_upstream(seen: HttpSeen | WebSocketSeen) -> bool:
    """An edge answered in place of a service that it could not reach: a gateway's status without a word of JSON."""
    return seen.status in _NO_UPSTREAM and not _is_json(seen)


def _is_json(seen: HttpSeen | WebSocketSeen) -> bool:
    """An application of this kind speaks JSON; edges, routers and platforms speak HTML or plain text."""
    return seen.body.lstrip().startswith(("{", "["))


def _is_page(seen: HttpSeen | WebSocketSeen) -> bool:
    return seen.headers.get("content-type", "").startswith("text/html") or seen.body.lstrip().startswith("<")


# ── a token at a door ────────────────────────────────────────────────────────────────────────────────────────────────


def _token_met_verifier(result: StepResult) -> Iterator[Sign]:
    step = result.step
    if step.token is None or result.reason in (Reason.NO_TOKEN, Reason.OWN_SECRET):
        return
    issuer, verifier = issuer_role(step.token), verifier_role(step)
    if step.is_control:
        yield from _control_signs(result, issuer, verifier)
        return
    yield Sign(accepts(issuer, verifier), _acceptance(result))
    yield from _words_sign(result)


def _control_signs(result: StepResult, issuer: str, verifier: str) -> Iterator[Sign]:
    if result.outcome in (Outcome.REFUSED, Outcome.ACCEPTED):
        yield Sign(control(issuer, verifier), str(result.outcome))
    if issuer == "none" and result.step.service.role is Role.BACKEND:
        yield Sign(knock(verifier), _answer_to_nobody(result))


def _answer_to_nobody(result: StepResult) -> str:
    refused = result.outcome is Outcome.REFUSED or result.reason is Reason.UNPAIRED
    seen = result.observation.seen if result.observation else None
    if refused:
        return "blocked" if _was_blocked(seen) else "refused"
    return "accepted" if result.outcome is Outcome.ACCEPTED else _other_end(seen)


def _acceptance(result: StepResult) -> str:
    seen = result.observation.seen if result.observation else None
    if result.verdict is Verdict.PASS:
        return "accepted"
    if result.outcome is Outcome.REFUSED:
        return "blocked" if _was_blocked(seen) else "refused"
    return "wrong_identity" if result.reason is Reason.IDENTITY else _other_end(seen)


def _was_blocked(seen: object) -> bool:
    """A page of an edge's own in place of the application's refusal."""
    return isinstance(seen, HttpSeen | WebSocketSeen) and _is_page(seen)


def _other_end(seen: object) -> str:
    """Neither accepted nor refused: how it ended instead."""
    match seen:
        case Trouble():
            return "unanswered"
        case WebSocketSeen(stage=Stage.HANDSHAKE):
            return _status_end(seen)
        case WebSocketSeen():
            return _socket_end(seen)
        case HttpSeen():
            return _status_end(seen)
    return "unclear"


_MISSING = (404, 405)


def _status_end(seen: HttpSeen | WebSocketSeen) -> str:
    if is_no_upstream(seen):
        return "unanswered"
    if seen.status in _MISSING:
        return "not_found"
    return "crashed" if seen.status >= _SERVER_ERROR else "unclear"


#: How a readiness guard says what it is, in the reason of its close.
_NOT_READY = ("not ready", "starting", "startup")


def _socket_end(seen: WebSocketSeen) -> str:
    """Whoever closes with a reason chose to; a close without one, or none at all, is a handler that fell over."""
    if seen.close_code == CUT and seen.frames:
        return "cut"  # in the middle of its words: whoever stands in between may have done that
    if seen.ended_by_peer:
        is_early = any(word in seen.close_reason.lower() for word in _NOT_READY)
        return "not_ready" if is_early else "turned_out" if seen.close_reason else "dropped"
    if seen.other_answer is not None:
        return "unclear"  # our own idea of a pong may be what is wrong
    return "no_pong" if seen.stage is Stage.WELCOMED else "silent"


#: What services say when they refuse, lower case, most telling first; wording differs, the readings do not.
_WORDS: tuple[tuple[str, str], ...] = (
    ("auth_service_unreachable", "auth_unreachable"),
    ("auth service unreachable", "auth_unreachable"),
    ("auth service unavailable", "auth_unreachable"),
    ("illegal header", "header_illegal"),
    ("validation_failed_", "header_illegal"),
    ("inter_service_auth_failed", "inter_service"),
    ("inter-service", "inter_service"),
    ("token_rejected", "token_rejected"),
    ("not authenticated", "header_missing"),
    ("no_token", "header_missing"),
    ("token validation failed", "invalid_token"),
)


def _words_sign(result: StepResult) -> Iterator[Sign]:
    if result.step.service.role is not Role.BACKEND or result.outcome is not Outcome.REFUSED or not result.observation:
        return
    text = _own_words(result.observation.seen).lower()
    value = next((value for word, value in _WORDS if word in text), None)
    if value is not None:
        yield Sign(words(), value)


def _own_words(seen: object) -> str:
    match seen:
        case HttpSeen():
            return said(seen.json) or ""
        case WebSocketSeen():
            return " ".join(filter(None, (seen.error_code, seen.error_message, seen.close_reason, seen.body)))
    return ""


# ── a token asked for ────────────────────────────────────────────────────────────────────────────────────────────────

#: What a mint route answers, by status and by a word in the answer; the first that fits.
_MINT_ANSWERS: tuple[tuple[int, str, str], ...] = (
    (503, "", "not_configured"),
    (401, "required", "key_required"),
    (401, "", "wrong_key"),
    (403, "", "forbidden"),
    (404, "", "route_missing"),
    (405, "", "route_missing"),
    (500, "", "broken"),
)


def _mint(result: StepResult) -> Iterator[Sign]:
    step = result.step
    if step.is_control:
        yield from _refused_secret(result)
    elif step.token is not None and step.token.how == "route":
        yield Sign(mint(), _mint_value(result))


def _refused_secret(result: StepResult) -> Iterator[Sign]:
    """What became of a request with a wrong secret beside it, where it was clear."""
    if result.outcome in (Outcome.REFUSED, Outcome.ACCEPTED):
        yield Sign(control(control_role(result.step), verifier_role(result.step)), str(result.outcome))


def _mint_value(result: StepResult) -> str:
    if result.verdict is Verdict.PASS:
        return "ok"
    match result.observation.seen if result.observation else None:
        case Trouble(kind=TroubleKind.OWN_SECRET):
            return "key_not_held"
        case Trouble():
            return "unreachable"
        case HttpSeen() as seen if is_no_upstream(seen):
            return "unreachable"
        case HttpSeen() as seen if not _is_page(seen):
            text = seen.body.lower()
            found = (value for status, word, value in _MINT_ANSWERS if seen.status == status and word in text)
            return next(found, "unclear")
    return "unclear"


# ── service credentials and secrets ──────────────────────────────────────────────────────────────────────────────────

#: What an auth service says to wrong service credentials.
_CREDENTIAL_WORDS: tuple[tuple[str, str], ...] = (
    ("invalid_service_secret", "wrong_secret"),
    ("invalid_service_id", "wrong_id"),
    ("service_not_configured", "not_configured"),
)


def _credentials(result: StepResult) -> Iterator[Sign]:
    if result.reason in (Reason.NO_TOKEN, Reason.OWN_SECRET):
        return
    if result.step.is_control:
        yield from _refused_secret(result)
        return
    yield Sign(credentials(), _credentials_value(result))


def _credentials_value(result: StepResult) -> str:
    if result.verdict is Verdict.PASS:
        return "accepted"
    seen = result.observation.seen if result.observation else None
    if not isinstance(seen, HttpSeen) or is_no_upstream(seen):
        return "unanswered"
    return next((value for word, value in _CREDENTIAL_WORDS if word in seen.body.lower()), "refused")


_MATCHES: Mapping[Match, str] = {
    Match.EQUAL: "equal",
    Match.DIFFERENT: "different",
    Match.EQUAL_AFTER_STRIP: "differ_by_white_space",
}


def _secret_match(result: StepResult) -> Iterator[Sign]:
    step = result.step
    seen = result.observation.seen if result.observation else None
    if isinstance(step, SecretMatchStep) and isinstance(seen, SecretsSeen):
        roles = {
            party.name: _party_role(party.request.service.role if party.request else None) for party in step.parties
        }
        for pair in seen.pairs:
            if pair.match in _MATCHES:
                yield Sign(secrets(roles[pair.left], roles[pair.right]), _MATCHES[pair.match])
        yield from (Sign(service_secret(role), value) for role, value in _guards(step, seen))


def _guards(step: SecretMatchStep, seen: SecretsSeen) -> Iterator[tuple[str, str]]:
    """The parties that ask for a secret of ours before they answer, and whether ours opened the door."""
    values = {**dict.fromkeys(seen.answered, "held"), **dict.fromkeys(seen.turned_away_by, "not_held")}
    for party in step.parties:
        if party.request and "{secret:" in str(party.request.headers) and party.name in values:
            yield _party_role(party.request.service.role), values[party.name]


def _party_role(role: Role | None) -> str:
    return "prober" if role is None else str(role)


# ── how services are configured ──────────────────────────────────────────────────────────────────────────────────────


def _platform(result: StepResult) -> Iterable[Sign]:
    seen = result.observation.seen if result.observation else None
    if isinstance(result.step, PlatformStep) and isinstance(seen, PlatformSeen):
        return attested(result.step, seen)
    return ()


Reader = Callable[[StepResult], Iterable[Sign]]

_READERS: Mapping[type[Step], Reader] = {
    HttpStep: _plain_or_token,
    StreamStep: _token_met_verifier,
    ValidateStep: _token_met_verifier,
    WebSocketStep: _token_met_verifier,
    MintStep: _mint,
    CredentialsStep: _credentials,
    SecretMatchStep: _secret_match,
    PlatformStep: _platform,
}
