"""The vocabulary of the diagnosis: every question that can be asked of a run, and the closed set of its answers."""

from collections.abc import Mapping
from typing import NamedTuple

from prober.model.chain import (
    Carrier,
    CredentialsStep,
    HttpStep,
    Issuer,
    LocalIssuer,
    MintStep,
    Shows,
    SpoofedIssuer,
    Step,
    StreamStep,
    TamperedIssuer,
    ValidateStep,
    WebSocketStep,
)
from prober.model.signal import Signal


class Sign(NamedTuple):
    """One step's contribution to one signal."""

    signal: Signal
    value: str


#: What a door may do with a token, or with none.
_AT_A_DOOR = (
    "blocked",
    "not_found",
    "crashed",
    "dropped",
    "cut",
    "turned_out",
    "not_ready",
    "silent",
    "unanswered",
    "unclear",
)

#: Every signal's closed set of readings; the first is what a healthy environment reads.
READINGS: Mapping[str, tuple[str, ...]] = {
    "health": ("ok", "unreachable", "no_upstream", "timeout", "unresolved", "tls", "starting", "error", "degraded"),
    "admission": ("admitted", "no_right", "distrusted", "nobody", "hidden"),
    "readiness": ("ready", "not_ready"),
    "auth_path": ("open", "broken"),
    "breaker": ("closed", "open"),
    "revision": ("announced", "other", "mixed"),
    "deploy": ("unchanged", "changed"),
    "uptime": ("steady", "young", "reset"),
    "clock": ("ok", "ahead", "behind", "far_ahead", "far_behind"),
    "pace": ("quick", "slow"),
    "mint": (
        *("ok", "not_configured", "wrong_key", "key_required", "route_missing", "forbidden", "broken"),
        *("unreachable", "key_not_held", "unclear"),
    ),
    "accepts": ("accepted", "refused", "no_pong", "wrong_identity", *_AT_A_DOOR),
    "knock": ("refused", "accepted", *_AT_A_DOOR),
    "refusal": ("quick", "waited", "timed_out"),
    "credentials": ("accepted", "wrong_secret", "wrong_id", "not_configured", "refused", "unanswered"),
    "secrets": ("equal", "different", "differ_by_white_space"),
    "control": ("refused", "accepted"),
    "service_secret": ("held", "not_held"),
    "configured": ("present", "absent"),
    "kept_out": ("absent", "present"),
    "versions": ("equal", "differ"),
    "port": ("matches", "differs"),
    "rollout": ("whole", "split"),
    "words": (
        *("nothing", "auth_unreachable", "token_rejected", "inter_service", "header_illegal"),
        *("invalid_token", "header_missing"),
    ),
}

#: Signals that describe and accuse nobody: each of their readings is found in healthy environments too.
_DESCRIPTIVE = frozenset({"deploy", "uptime", "refusal", "pace", "rollout"})

#: Marks a reading that comes and goes: `refused~` was refused and accepted in turn.
UNSTEADY = "~"


def is_normal(signal: Signal, value: str) -> bool:
    """Whether a healthy environment reads `value` for `signal`."""
    return signal.name in _DESCRIPTIVE or value == READINGS[signal.name][0]


def unsteady(value: str) -> str:
    """The reading of what comes and goes."""
    return value.rstrip(UNSTEADY) + UNSTEADY


# ── the questions ────────────────────────────────────────────────────────────────────────────────────────────────────


def health(role: str) -> Signal:
    """What a service's own health check says; `no_upstream`: an edge answered that nobody stands behind it."""
    return Signal("health", (role,))


def admission(role: str) -> Signal:
    """Whether the platform before a service lets us through; `nobody`: not even whoever shows no identity token."""
    return Signal("admission", (role,))


def readiness(role: str) -> Signal:
    """Whether a service says that what it needs is there."""
    return Signal("readiness", (role,))


def auth_path() -> Signal:
    """Whether the backend reaches the auth service, shown by something that it passes on."""
    return Signal("auth_path", ("backend",))


def breaker() -> Signal:
    """What the backend says of its circuit breaker for the auth service."""
    return Signal("breaker", ("backend",))


def revision(role: str) -> Signal:
    """Whether the announced revision answers; `mixed`: two revisions answered in one run."""
    return Signal("revision", (role,))


def deploy(role: str) -> Signal:
    """Whether the revision is another one than in the last run that passed."""
    return Signal("deploy", (role,))


def uptime(role: str) -> Signal:
    """How long a service is up: `young` is less than a minute, `reset` is less than it was before."""
    return Signal("uptime", (role,))


def clock(role: str) -> Signal:
    """A service's clock against ours; `far` is more than a minute."""
    return Signal("clock", (role,))


def pace(role: str) -> Signal:
    """How long a service's health check takes it, the way there not counted; `slow` is 0.3 s or more."""
    return Signal("pace", (role,))


def mint() -> Signal:
    """What the auth service answers when it is asked for a token."""
    return Signal("mint", ("auth",))


def accepts(issuer: str, verifier: str) -> Signal:
    """What a verifier does with an issuer's good token."""
    return Signal("accepts", (issuer, verifier))


def knock(verifier: str) -> Signal:
    """What a verifier does with a request that brings no token, whatever it does with good ones."""
    return Signal("knock", (verifier,))


def refusal() -> Signal:
    """How long the backend takes to refuse a good token, against what it takes when it need not ask auth."""
    return Signal("refusal", ("backend",))


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


def configured(role: str, what: str) -> Signal:
    """Whether a service is started with what it needs, as its platform says; e.g. `service_credentials`."""
    return Signal("configured", (role, what))


def kept_out(role: str, what: str) -> Signal:
    """Whether a service is started without what it must not have, as its platform says."""
    return Signal("kept_out", (role, what))


def versions(what: str) -> Signal:
    """Whether auth and backend are started with the same version of what they share, as their platform says."""
    return Signal("versions", (what,))


def port(role: str) -> Signal:
    """Whether the platform sends requests to the port at which the service listens."""
    return Signal("port", (role,))


def rollout(role: str) -> Signal:
    """Whether one revision of a service serves, as its platform says, or traffic is split."""
    return Signal("rollout", (role,))


#: The question that a request without a token answers by passing or failing.
SHOWN: Mapping[Shows, tuple[str, str, str]] = {
    Shows.READINESS: ("readiness", "ready", "not_ready"),
    Shows.AUTH_PATH: ("auth_path", "open", "broken"),
    Shows.BREAKER: ("breaker", "closed", "open"),
    Shows.REVISION: ("revision", "announced", "other"),
}

# ── who asks whom ────────────────────────────────────────────────────────────────────────────────────────────────────


def issuer_role(issuer: Issuer) -> str:
    """What the diagnosis calls an issuer: `local`, `second`, `backdated`, `auth` (a route), or how a token is bad."""
    if isinstance(issuer, LocalIssuer):
        return issuer.variant or issuer.how
    if isinstance(issuer, TamperedIssuer | SpoofedIssuer):
        return issuer.control
    return "auth" if issuer.how == "route" else issuer.how


def control_role(step: Step) -> str:
    """The name in model/controls.py of what a control tries; empty for a step that is none."""
    if not step.is_control:
        return ""
    return _BESIDE_THE_TOKEN.get(type(step)) or (issuer_role(step.token) if step.token else "none")


#: Steps in which a secret is wrong, and not the token.
_BESIDE_THE_TOKEN: Mapping[type[Step], str] = {CredentialsStep: "credentials", MintStep: "bypass-key"}


def control_name(step: Step) -> str:
    """What a control is called in reports: as its bad issuer is in the config, or what is wrong beside a good token."""
    return _BESIDE_THE_TOKEN.get(type(step)) or (step.token.name if step.token else "none")


def verifier_role(step: Step) -> str:
    """What the diagnosis calls a verifier: a role, `auth_as_service`, `stream`, or a way to the WebSocket."""
    if isinstance(step, WebSocketStep):
        return _socket_role(step)
    named: Mapping[type[Step], str] = {ValidateStep: "auth", CredentialsStep: "auth_as_service", StreamStep: "stream"}
    return named.get(type(step), str(step.service.role))


def _socket_role(step: WebSocketStep) -> str:
    if step.carrier is Carrier.SUBPROTOCOL:
        return "websocket_subprotocol"
    return "websocket_origin" if "origin" in map(str.lower, step.headers) else "websocket"


def asked_by(step: Step) -> Signal | None:
    """The one question that a good token, a mint, or a request that shows something was written to answer."""
    if isinstance(step, MintStep):
        return None if step.is_control else mint()
    if step.token is not None and step.token.good and not step.is_control:
        return accepts(issuer_role(step.token), verifier_role(step))
    if isinstance(step, HttpStep) and step.shows:
        return Signal(str(step.shows), (str(step.service.role),))
    return None
