"""The words causes predict with: the signals, short, and the groups of predictions that several causes share."""

from collections.abc import Mapping

from prober.judge.signals import accepts, credentials, health, mint, secrets
from prober.model.signal import Signal

Prediction = Mapping[Signal, frozenset[str]]

GOOD_ISSUERS = ("auth", "local")

#: Every way into the backend that takes a user's token.
SOCKETS = ("websocket", "websocket_subprotocol")
DOORS = ("backend", "stream", *SOCKETS)

#: What a verifier that should accept a token, and does not, may look like from outside.
_TURNED_AWAY = ("refused",)


def reads(*values: str) -> frozenset[str]:
    """The readings a cause allows for one signal."""
    return frozenset(values)


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
    """The K-class: auth accepts the token when asked directly, the backend refuses it at every door."""
    return {
        **auth_is_well(),
        health("backend"): reads("ok"),
        **at_every_door(*_TURNED_AWAY),
    }


def keys_are_equal() -> Prediction:
    """The backend holds the signing key that auth holds, and we hold it too."""
    return {secrets("auth", "backend"): reads("equal"), secrets("prober", "backend"): reads("equal")}


def auth_is_gone() -> Prediction:
    """Nothing that asks the auth service gets an answer."""
    return {
        health("auth"): reads("unreachable", "timeout", "error"),
        mint(): reads("unreachable", "unclear", "broken"),
        credentials(): reads("unanswered", "refused"),
        accepts("auth", "auth"): reads("unanswered", "crashed"),
        accepts("local", "auth"): reads("unanswered", "crashed"),
    }
