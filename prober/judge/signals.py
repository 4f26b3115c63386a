"""A run as the readings that causes predict: the closed set of signals, and one reader per kind of step."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import NamedTuple

from prober.judge.words import said
from prober.model.chain import (
    Carrier,
    CredentialsStep,
    HttpStep,
    Issuer,
    MintStep,
    Role,
    SecretMatchStep,
    Step,
    StreamStep,
    ValidateStep,
    WebSocketStep,
)
from prober.model.observation import HttpSeen, Match, SecretsSeen, Stage, WebSocketSeen
from prober.model.signal import Reading, Readings, Signal
from prober.model.trouble import Trouble, TroubleKind
from prober.model.verdict import Outcome, Reason, Run, StepResult, Verdict


class Sign(NamedTuple):
    """One step's contribution to one signal."""

    signal: Signal
    value: str


# ── the vocabulary ───────────────────────────────────────────────────────────────────────────────────────────────────

#: Every signal's closed set of readings; the first is what a healthy environment reads.
READINGS: Mapping[str, tuple[str, ...]] = {
    "health": ("ok", "unreachable", "timeout", "unresolved", "tls", "starting", "error", "degraded"),
    "mint": (
        *("ok", "not_configured", "wrong_key", "key_required", "route_missing", "forbidden", "broken"),
        *("unreachable", "key_not_held", "unclear"),
    ),
    "accepts": ("accepted", "refused", "crashed", "silent", "no_pong", "wrong_identity", "unanswered", "unclear"),
    "credentials": ("accepted", "wrong_secret", "wrong_id", "not_configured", "refused", "unanswered"),
    "secrets": ("equal", "different", "differ_by_white_space"),
    "control": ("refused", "accepted"),
    "service_secret": ("held", "not_held"),
    "words": (
        *("nothing", "auth_unreachable", "token_rejected", "inter_service", "header_illegal"),
        *("invalid_token", "header_missing"),
    ),
}


def is_normal(signal: Signal, value: str) -> bool:
    """Whether a healthy environment reads `value` for `signal`."""
    return value == READINGS[signal.name][0]


def health(role: str) -> Signal:
    """What a service's own health check says."""
    return Signal("health", (role,))


def mint() -> Signal:
    """What the auth service answers when it is asked for a token."""
    return Signal("mint", ("auth",))


def accepts(issuer: str, verifier: str) -> Signal:
    """What a verifier does with an issuer's good token."""
    return Signal("accepts", (issuer, verifier))


def credentials() -> Signal:
    """What auth says to our copy of the backend's service credentials."""
    return Signal("credentials")


def secrets(left: str, right: str) -> Signal:
    """Whether two parties' copies of the signing key are equal."""
    return Signal("secrets", tuple(sorted((left, right))))


def service_secret(role: str) -> Signal:
    """Whether a service lets us in where it asks for the service secret: it does if it holds the one that we hold."""
    return Signal("service_secret", (role,))


def control(bad: str, verifier: str) -> Signal:
    """What a verifier does with a token that must be refused."""
    return Signal("control", (bad, verifier))


def words() -> Signal:
    """The backend's own account of a refusal."""
    return Signal("words", ("backend",))


# ── reading ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def read(run: Run) -> Readings:
    """Every signal this run gave a reading for; what could not be looked at is absent: unknown."""
    signs = [(sign, result.step.name) for result in run.results for sign in _signs(result)]
    return {signal: _merge(signal, signs) for signal in dict.fromkeys(sign.signal for sign, _ in signs)}


def _merge(signal: Signal, signs: list[tuple[Sign, str]]) -> Reading:
    """Where several steps read one signal (a door tried twice), an abnormal reading stands and cites its steps."""
    own = [(sign, step) for sign, step in signs if sign.signal == signal]
    value = next((sign.value for sign, _ in own if not is_normal(*sign)), own[0][0].value)
    steps = tuple(step for sign, step in own if sign.value == value)
    return Reading(signal, value, steps, is_normal(signal, value))


def _signs(result: StepResult) -> Iterator[Sign]:
    if result.observation is None or result.reason is Reason.OWN_FAULT:
        return
    for kind, reader in _READERS.items():
        if type(result.step) is kind:
            yield from reader(result)


def issuer_role(issuer: Issuer) -> str:
    """What the diagnosis calls an issuer: `local`, `auth` (a route made it), or the way a bad token is bad."""
    return "auth" if issuer.how == "route" else issuer.how


def verifier_role(step: Step) -> str:
    """What the diagnosis calls a verifier: a role, or `auth_as_service`, `stream`, `websocket[_subprotocol]`."""
    named: Mapping[type[Step], str] = {ValidateStep: "auth", CredentialsStep: "auth_as_service", StreamStep: "stream"}
    if isinstance(step, WebSocketStep):
        return "websocket" if step.carrier is Carrier.HEADER else "websocket_subprotocol"
    return named.get(type(step), str(step.service.role))


def _health_or_token(result: StepResult) -> Iterator[Sign]:
    step = result.step
    if step.token is not None:
        yield from _token_met_verifier(result)
    elif isinstance(step, HttpStep) and step.is_health and step.service.role is not Role.OTHER:
        yield Sign(health(str(step.service.role)), _health_value(result))


_HEALTH_TROUBLE: Mapping[TroubleKind, str] = {
    TroubleKind.DNS: "unresolved",
    TroubleKind.TLS: "tls",
    TroubleKind.TIMEOUT: "timeout",
}

_SERVER_ERROR = 500


def _health_value(result: StepResult) -> str:
    match result.observation.seen if result.observation else None:
        case Trouble() as trouble:
            return _HEALTH_TROUBLE.get(trouble.kind, "unreachable")
        case HttpSeen() as seen if result.verdict is not Verdict.PASS:
            if "startup" in seen.body.lower() or "starting" in seen.body.lower():
                return "starting"
            return "error" if seen.status >= _SERVER_ERROR else "degraded"
    return "ok"


def _token_met_verifier(result: StepResult) -> Iterator[Sign]:
    step = result.step
    if step.token is None or _not_sent(result):
        return
    issuer, verifier = issuer_role(step.token), verifier_role(step)
    if step.is_control:
        yield from _control_sign(result, issuer, verifier)
        return
    yield Sign(accepts(issuer, verifier), _acceptance(result))
    yield from _words_sign(result)


def _not_sent(result: StepResult) -> bool:
    return result.reason in (Reason.NO_TOKEN, Reason.OWN_SECRET)


def _control_sign(result: StepResult, issuer: str, verifier: str) -> Iterator[Sign]:
    if result.outcome in (Outcome.REFUSED, Outcome.ACCEPTED):
        yield Sign(control(issuer, verifier), str(result.outcome))


def _acceptance(result: StepResult) -> str:
    if result.verdict is Verdict.PASS:
        return "accepted"
    if result.outcome is Outcome.REFUSED:
        return "refused"
    return _ACCEPTANCE.get(result.reason) or _crash(result.observation.seen if result.observation else None)


_ACCEPTANCE: Mapping[Reason, str] = {Reason.IDENTITY: "wrong_identity"}


def _crash(seen: object) -> str:
    match seen:
        case Trouble():
            return "unanswered"
        case WebSocketSeen(ended_by_peer=False, stage=Stage.WELCOMED):
            return "no_pong"
        case WebSocketSeen(ended_by_peer=False, stage=Stage.POST_ACCEPT):
            return "silent"
        case WebSocketSeen():
            return "crashed"
        case HttpSeen(status=status) if status >= _SERVER_ERROR:
            return "crashed"
    return "unclear"


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


#: What a mint route answers, by status and by a word in the answer; the first that fits.
_MINT_ANSWERS: tuple[tuple[int, str, str], ...] = (
    (503, "not configured", "not_configured"),
    (401, "required", "key_required"),
    (401, "", "wrong_key"),
    (403, "", "forbidden"),
    (404, "", "route_missing"),
    (405, "", "route_missing"),
    (500, "", "broken"),
)


def _mint(result: StepResult) -> Iterator[Sign]:
    step = result.step
    if step.token is not None and step.token.how == "route":
        yield Sign(mint(), _mint_value(result))


def _mint_value(result: StepResult) -> str:
    if result.verdict is Verdict.PASS:
        return "ok"
    match result.observation.seen if result.observation else None:
        case Trouble(kind=TroubleKind.OWN_SECRET):
            return "key_not_held"
        case Trouble():
            return "unreachable"
        case HttpSeen() as seen:
            text = seen.body.lower()
            found = (value for status, word, value in _MINT_ANSWERS if seen.status == status and word in text)
            return next(found, "unclear")
    return "unclear"


#: What an auth service says to wrong service credentials.
_CREDENTIAL_WORDS: tuple[tuple[str, str], ...] = (
    ("invalid_service_secret", "wrong_secret"),
    ("invalid_service_id", "wrong_id"),
    ("service_not_configured", "not_configured"),
)


def _credentials(result: StepResult) -> Iterator[Sign]:
    if _not_sent(result):
        return
    yield Sign(credentials(), _credentials_value(result))


def _credentials_value(result: StepResult) -> str:
    if result.verdict is Verdict.PASS:
        return "accepted"
    seen = result.observation.seen if result.observation else None
    if not isinstance(seen, HttpSeen):
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


Reader = Callable[[StepResult], Iterable[Sign]]

_READERS: Mapping[type[Step], Reader] = {
    HttpStep: _health_or_token,
    StreamStep: _token_met_verifier,
    ValidateStep: _token_met_verifier,
    WebSocketStep: _token_met_verifier,
    MintStep: _mint,
    CredentialsStep: _credentials,
    SecretMatchStep: _secret_match,
}
