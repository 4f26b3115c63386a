"""The words causes predict with: the signals, short, and the groups of predictions that several causes share."""

from collections.abc import Mapping

from prober.judge.signals import (
    accepts,
    auth_path,
    breaker,
    credentials,
    health,
    mint,
    readiness,
    refusal,
    revision,
    secrets,
    unsteady,
    words,
)
from prober.model.signal import Signal

Prediction = Mapping[Signal, frozenset[str]]

GOOD_ISSUERS = ("auth", "local")

#: Issuers that are asked only when there is a tie to split.
SPARE_ISSUERS = ("resigned", "backdated", "second")

#: Every way into the backend that takes a user's token.
SOCKETS = ("websocket", "websocket_subprotocol", "websocket_origin")
DOORS = ("backend", "stream", *SOCKETS)

#: What a verifier that should accept a token, and does not, may look like from outside.
_TURNED_AWAY = ("refused",)


def reads(*values: str) -> frozenset[str]:
    """The readings a cause allows for one signal."""
    return frozenset(values)


def now_and_then(*values: str) -> frozenset[str]:
    """The readings a cause allows for one signal when its effect comes and goes: each of them, steady or not."""
    return frozenset((*values, *map(unsteady, values)))


def spare_tokens(*verifiers: str, reading: str) -> Prediction:
    """Every token that is made only to split a tie meets `reading` at these verifiers."""
    return {accepts(issuer, verifier): reads(reading) for issuer in SPARE_ISSUERS for verifier in verifiers}


def auth_is_well() -> Prediction:
    """The auth service is up and accepts both its own tokens and ours when it is asked directly."""
    return {
        health("auth"): reads("ok"),
        accepts("auth", "auth"): reads("accepted"),
        accepts("local", "auth"): reads("accepted"),
    }


def at_every_door(*values: str, issuers: tuple[str, ...] = GOOD_ISSUERS) -> Prediction:
    """Every door of the backend reads one of `values` for the tokens of `issuers`."""
    return {accepts(issuer, door): reads(*values) for issuer in issuers for door in DOORS}


def at_sockets(*values: str) -> Prediction:
    """The WebSocket reads one of `values` for every good token, whichever way the token travels."""
    return {accepts(issuer, door): reads(*values) for issuer in GOOD_ISSUERS for door in SOCKETS}


def backend_is_well() -> Prediction:
    """The backend is up and accepts good tokens at every door."""
    return {health("backend"): reads("ok"), **at_every_door("accepted")}


def auth_yes_backend_no() -> Prediction:
    """The K-class: auth accepts the token when asked directly, the backend refuses it at every door, and at once.

    Whose token it is, and how it was made, does not matter: what is broken is between the services.
    """
    return {
        **auth_is_well(),
        **spare_tokens("auth", reading="accepted"),
        health("backend"): reads("ok"),
        readiness("backend"): reads("ready"),
        revision("backend"): reads("announced"),
        **at_every_door(*_TURNED_AWAY),
        **spare_tokens("backend", reading="refused"),
        refusal(): reads("quick"),
        auth_path(): reads("open"),
        breaker(): reads("closed"),
    }


def only_our_tokens_refused(*, but_for: tuple[str, ...] = ()) -> Prediction:
    """Everybody takes what auth minted and refuses what we sign, but for tokens that we make like `but_for`."""
    return {
        health("auth"): reads("ok"),
        health("backend"): reads("ok"),
        accepts("auth", "auth"): reads("accepted"),
        accepts("local", "auth"): reads("refused"),
        **at_every_door("accepted", issuers=("auth",)),
        **at_every_door("refused", issuers=("local",)),
        **{
            accepts(issuer, verifier): reads("accepted" if issuer in but_for else "refused")
            for issuer in SPARE_ISSUERS
            for verifier in ("auth", "backend")
        },
        # asked together with a token of ours, auth may refuse for the token's sake
        credentials(): reads("accepted", "refused"),
        words(): reads("invalid_token", "token_rejected"),
    }


def keys_are_equal() -> Prediction:
    """The backend holds the signing key that auth holds, and we hold it too."""
    return {secrets("auth", "backend"): reads("equal"), secrets("prober", "backend"): reads("equal")}


def auth_is_gone() -> Prediction:
    """Nothing that asks the auth service gets an answer."""
    return {
        health("auth"): reads("unreachable", "no_upstream", "timeout", "error"),
        mint(): reads("unreachable", "unclear", "broken"),
        credentials(): reads("unanswered", "refused"),
        accepts("auth", "auth"): reads("unanswered", "crashed"),
        accepts("local", "auth"): reads("unanswered", "crashed"),
        **{accepts(issuer, "auth"): reads("unanswered", "crashed") for issuer in SPARE_ISSUERS},
        auth_path(): reads("broken"),
    }


def keys_are_all_equal() -> Prediction:
    """Auth, backend and we hold one signing key."""
    return {**keys_are_equal(), secrets("prober", "auth"): reads("equal")}


#: What nobody can see while the auth service does not answer and the backend makes do without it.
HIDDEN_BEHIND_AUTH = (
    "jwt_secret_drift_latent",
    "service_credentials_missing",
    "service_secret_drift_at_auth",
    "service_secret_drift_at_backend",
    "service_id_drift_at_auth",
    "service_id_drift_at_backend",
)
