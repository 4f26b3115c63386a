"""The diagnosis' vocabulary in plain words: what each signal asks and each reading says, by the config's own names.

Rule 1: a phrase names services as this chain calls them, never by their role. Rule 2: what is not in the table is told
as the diagnosis writes it, so that a new signal is never a crash; a test asks for every phrase all the same.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import NamedTuple

from prober.judge.signals import READINGS, UNSTEADY, asked_by
from prober.model.chain import Chain, Role, Step
from prober.model.controls import CONTROLS
from prober.model.signal import Reading, Signal

# ── who is called what ───────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Names:
    """What the services of each role are called here; without a chain, what anybody would call them."""

    auth: str = "the auth service"
    backend: str = "the backend"
    other: str = "another service"
    prober: str = "the prober"


NAMELESS = Names()


def names_in(chain: Chain, cited: Collection[str] = ()) -> Names:
    """The services' own names; where several play one role, those that the `cited` steps looked at."""
    called = {str(role): _called(role, chain.steps, cited) for role in Role}
    return Names(**{role: " or ".join(own) for role, own in called.items() if own})


def names_of(step: Step) -> Names:
    """The own name of the one service that a step looks at."""
    return Names(**{str(step.service.role): step.service.name})


def _called(role: Role, steps: Iterable[Step], cited: Collection[str]) -> tuple[str, ...]:
    playing = [step for step in steps if step.service.role is role]
    shown = [step for step in playing if step.name in cited]
    return tuple(dict.fromkeys(step.service.name for step in shown or playing))


def otherwise_called(chain: Chain) -> Mapping[str, tuple[str, ...]]:
    """Where the texts of causes would mislead: the roles whose services bear another name here, with these names."""
    roles: Mapping[Role, str] = {Role.BACKEND: NAMELESS.backend, Role.AUTH: NAMELESS.auth}
    called = {told: (role, _called(role, chain.steps, ())) for role, told in roles.items()}
    return {told: own for told, (role, own) in called.items() if own and own != (str(role),)}


# ── the tables ───────────────────────────────────────────────────────────────────────────────────────────────────────

#: Whose token, or what in place of one.
_TOKENS: Mapping[str, str] = {
    "local": "a token that we signed",
    "auth": "a token that {auth} minted",
    "resigned": "a token with {auth}'s claims and our signature",
    "backdated": "a token issued long ago",
    "second": "a second test user",
    "none": "a request without a token",
    "forged": "a forged token",
    "expired": "an expired token",
    "credentials": "wrong service credentials",
}

#: Who is asked to take it.
_VERIFIERS: Mapping[str, str] = {
    "auth": "{auth}",
    "auth_as_service": "{auth} (asked with service credentials)",
    "backend": "{backend}",
    "stream": "{backend}'s stream",
    "websocket": "{backend}'s WebSocket",
    "websocket_subprotocol": "{backend}'s WebSocket (token as subprotocol)",
    "websocket_origin": "{backend}'s WebSocket (with an Origin)",
    "other": "{other}",
}

_PARTIES: Mapping[str, str] = {"auth": "{auth}", "backend": "{backend}", "other": "{other}", "prober": "{prober}"}

#: What a service is started with.
_SETTINGS: Mapping[str, str] = {
    "service_credentials": "its service credentials",
    "service_id": "the service id",
    "service_secret": "the service secret",
    "jwt_secret": "a signing key",
    "bypass_key": "the bypass key",
    "settings": "what the config names",
}

#: What the parts of a signal are, where they are not parties.
_ABOUT: Mapping[str, tuple[Mapping[str, str], ...]] = {
    "accepts": (_TOKENS, _VERIFIERS),
    "control": (_TOKENS, _VERIFIERS),
    "knock": (_VERIFIERS,),
    "configured": (_PARTIES, _SETTINGS),
    "kept_out": (_PARTIES, _SETTINGS),
    "versions": (_SETTINGS,),
}


class Phrase(NamedTuple):
    """One signal in words: the question, and each answer; `{0}` and `{1}` are whom the signal is about."""

    asks: str
    answers: Mapping[str, str]


def _at_a_door(door: str, token: str) -> Mapping[str, str]:
    """What a door may do with a token, or with none."""
    return {
        "accepted": f"{door} accepts {token}",
        "refused": f"{door} refuses {token}",
        "no_pong": f"{door} welcomes {token}, then answers no ping",
        "wrong_identity": f"{door} welcomes {token} as somebody else",
        "blocked": f"something in front of {door} blocks {token} with a page of its own",
        "not_found": f"nothing is found where {door} should be",
        "crashed": f"{door} ends in a server error on {token}",
        "dropped": f"{door} cuts the connection of {token} without a reason",
        "cut": f"{door} speaks to {token} and is cut off",
        "turned_out": f"{door} lets {token} in, then closes and says why",
        "not_ready": f"{door} lets {token} in, then closes and says that it is not ready",
        "silent": f"{door} lets {token} in, then says nothing",
        "unanswered": f"{door} gives {token} no answer",
        "unclear": f"{door} neither accepts nor refuses {token}",
    }


PHRASES: Mapping[str, Phrase] = {
    "health": Phrase(
        "whether {0} is well",
        {
            "ok": "{0} says that it is well",
            "unreachable": "{0} cannot be reached",
            "no_upstream": "a gateway answers in the place of {0}, and does not reach it",
            "timeout": "{0} does not answer its health check in time",
            "unresolved": "the name of {0} does not resolve",
            "tls": "no TLS connection to {0} can be made",
            "starting": "{0} says that it is still starting",
            "error": "{0} answers its health check with a server error",
            "degraded": "{0} answers its health check, but not that it is well",
        },
    ),
    "admission": Phrase(
        "whether the platform lets us through to {0}",
        {
            "admitted": "the platform lets us through to {0}",
            "no_right": "the platform says that we may not call {0}",
            "distrusted": "the platform does not take our identity token for {0}",
            "nobody": "the platform lets nobody through to {0} without an identity token",
            "hidden": "the platform says that {0} is not there",
        },
    ),
    "readiness": Phrase(
        "whether {0} is ready",
        {"ready": "{0} says that it is ready", "not_ready": "{0} says that it is not ready"},
    ),
    "auth_path": Phrase(
        "whether {0} reaches {auth}",
        {"open": "{0} reaches {auth}", "broken": "{0} does not reach {auth}"},
    ),
    "breaker": Phrase(
        "whether {0}'s circuit breaker for {auth} is closed",
        {
            "closed": "{0}'s circuit breaker for {auth} is closed, as it should be",
            "open": "{0}'s circuit breaker for {auth} is open",
        },
    ),
    "revision": Phrase(
        "which revision of {0} answers",
        {
            "announced": "the announced revision of {0} answers",
            "other": "another revision of {0} answers than was announced",
            "mixed": "two revisions of {0} answer in turn",
        },
    ),
    "deploy": Phrase(
        "whether {0} was deployed since all was last well",
        {
            "unchanged": "{0} is still the revision that it was when all was well",
            "changed": "{0} is another revision than when all was well",
        },
    ),
    "uptime": Phrase(
        "how long {0} has been up",
        {
            "steady": "{0} has been up for a minute or more",
            "young": "{0} has been up for less than a minute",
            "reset": "{0} has started again since the last look",
        },
    ),
    "clock": Phrase(
        "whether {0}'s clock agrees with ours",
        {
            "ok": "{0}'s clock agrees with ours",
            "ahead": "{0}'s clock is ahead of ours",
            "behind": "{0}'s clock is behind ours",
            "far_ahead": "{0}'s clock is more than a minute ahead of ours",
            "far_behind": "{0}'s clock is more than a minute behind ours",
        },
    ),
    "pace": Phrase(
        "how long {0} takes for its health check",
        {"quick": "{0} answers its health check quickly", "slow": "{0} takes 0.3 s or more for its health check"},
    ),
    "mint": Phrase(
        "whether {0} mints test tokens",
        {
            "ok": "{0} mints a test token",
            "not_configured": "{0} says that its route for test tokens is not configured",
            "wrong_key": "{0} says that our bypass key is wrong",
            "key_required": "{0} says that no bypass key came with our request",
            "route_missing": "{0} has no route for test tokens",
            "forbidden": "{0} forbids its route for test tokens",
            "broken": "{0} ends in a server error when it mints a test token",
            "unreachable": "{0} gives no answer when asked for a test token",
            "key_not_held": "we hold no bypass key with which to ask {0} for a test token",
            "unclear": "{0} gives an unclear answer when asked for a test token",
        },
    ),
    "accepts": Phrase("whether {1} accepts {0}", _at_a_door("{1}", "{0}")),
    "knock": Phrase("what {0} does with a request without a token", _at_a_door("{0}", "a request without a token")),
    "refusal": Phrase(
        "how long {0} takes to refuse a good token",
        {
            "quick": "{0} refuses good tokens at once",
            "waited": "{0} refuses good tokens only after a wait",
            "timed_out": "{0} refuses good tokens only after a time-out",
        },
    ),
    "credentials": Phrase(
        "whether {auth} accepts the service credentials that we hold",
        {
            "accepted": "{auth} accepts the service credentials that we hold",
            "wrong_secret": "{auth} says that the service secret that we hold is wrong",
            "wrong_id": "{auth} says that the service id that we hold is wrong",
            "not_configured": "{auth} says that it has no service credentials to compare ours with",
            "refused": "{auth} refuses the service credentials that we hold",
            "unanswered": "{auth} gives the service credentials that we hold no answer",
        },
    ),
    "secrets": Phrase(
        "whether {0} and {1} hold the same signing key",
        {
            "equal": "{0} and {1} hold the same signing key",
            "different": "{0} and {1} hold different signing keys",
            "differ_by_white_space": "the signing keys of {0} and {1} differ by white space only",
        },
    ),
    "control": Phrase(
        "whether {1} refuses {0}",
        {"refused": "{1} refuses {0}, as it should", "accepted": "{1} ACCEPTS {0}"},
    ),
    "service_secret": Phrase(
        "whether {0} holds the service secret that we hold",
        {
            "held": "{0} holds the service secret that we hold",
            "not_held": "{0} does not hold the service secret that we hold",
        },
    ),
    "configured": Phrase(
        "whether {0} is started with {1}",
        {
            "present": "{0} is started with {1}, as its platform says",
            "absent": "{0} is started without {1}, as its platform says",
        },
    ),
    "kept_out": Phrase(
        "whether {0} is started without {1}",
        {
            "absent": "{0} is started without {1}, as its platform says",
            "present": "{0} is started with {1}, as its platform says, and must not be",
        },
    ),
    "versions": Phrase(
        "whether {auth} and {backend} are started with the same version of {0}",
        {
            "equal": "{auth} and {backend} are started with the same version of {0}, as their platform says",
            "differ": "{auth} and {backend} are started with different versions of {0}, as their platform says",
        },
    ),
    "port": Phrase(
        "whether requests are sent to the port at which {0} listens",
        {
            "matches": "the platform sends requests to the port at which {0} listens",
            "differs": "the platform sends requests to another port than the one at which {0} listens",
        },
    ),
    "rollout": Phrase(
        "whether one revision of {0} serves",
        {
            "whole": "one revision of {0} serves, as its platform says",
            "split": "more than one revision of {0} serves, as its platform says",
        },
    ),
    "words": Phrase(
        "what {0} says when it refuses",
        {
            "nothing": "{0} does not say why it refuses",
            "auth_unreachable": "{0} says that it cannot reach {auth}",
            "token_rejected": "{0} says that {auth} rejected the token",
            "inter_service": "{0} says that it could not prove to {auth} who it is",
            "header_illegal": "{0} says that a header it would send is illegal",
            "invalid_token": "{0} says that the token is not valid",
            "header_missing": "{0} says that no token came",
        },
    ),
}

# ── the words ────────────────────────────────────────────────────────────────────────────────────────────────────────


def question_text(signal: Signal, names: Names = NAMELESS) -> str:
    """What the signal asks: `whether auth is well`."""
    phrase = PHRASES.get(signal.name)
    return _filled(phrase.asks, signal, names) if phrase else str(signal)


def answer_text(signal: Signal, value: str, names: Names = NAMELESS) -> str:
    """What a reading says: `auth says that it is well`; of what comes and goes, both of its moments."""
    if value.endswith(UNSTEADY) and signal.name in READINGS:
        now, then = _short(value.rstrip(UNSTEADY)), _short(READINGS[signal.name][0])
        return f"{question_text(signal, names)}: now {now}, now {then}"
    phrase = PHRASES.get(signal.name)
    template = phrase.answers.get(value) if phrase else None
    return _filled(template, signal, names) if template else f"{signal} = {value}"


def _short(value: str) -> str:
    return "well" if value == "ok" else value.replace("_", " ")


def reading_text(reading: Reading, chain: Chain) -> str:
    """What was read, as whoever runs this chain would say it."""
    return answer_text(reading.signal, reading.value, names_in(chain, reading.steps))


def would_tell_text(signal: Signal, chain: Chain) -> str:
    """The open question, and the step that would answer it."""
    asking = next((step for step in chain.steps if _asks(step, signal)), None)
    return f"{question_text(signal, names_in(chain))}{_step_text(asking) if asking else ''}"


def _step_text(step: Step) -> str:
    return f" (step {step.name}{', a follow-up' if step.is_follow_up else ''})"


#: Signals that a whole kind of step answers, whatever it was written to ask.
_KINDS: Mapping[str, str] = {
    "mint": "mint",
    "credentials": "service_credentials",
    "secrets": "secret_match",
    **dict.fromkeys(("configured", "kept_out", "versions", "port", "rollout"), "platform"),
}


def _asks(step: Step, signal: Signal) -> bool:
    return asked_by(step) == signal or step.kind == _KINDS.get(signal.name)


def token_text(issuer: str, names: Names = NAMELESS) -> str:
    """Whose token, or what in place of one: `a forged token`."""
    if issuer in CONTROLS and issuer not in _TOKENS:
        return f"{issuer} ({CONTROLS[issuer].about})"
    return _named(_TOKENS, issuer, names)


def verifier_text(verifier: str, names: Names = NAMELESS) -> str:
    """Who takes a token: `backend's WebSocket`."""
    return _named(_VERIFIERS, verifier, names)


def _named(table: Mapping[str, str], part: str, names: Names) -> str:
    """What `table` calls a part; as the diagnosis calls it where the table has no word."""
    return table[part].format(**asdict(names)) if part in table else part


def _filled(template: str, signal: Signal, names: Names) -> str:
    return template.format(*_about(signal, names), **asdict(names))


def _about(signal: Signal, names: Names) -> list[str]:
    tables = _ABOUT.get(signal.name, (_PARTIES,) * len(signal.about))
    return [_named(table, part, names) for table, part in zip(tables, signal.about, strict=False)]
