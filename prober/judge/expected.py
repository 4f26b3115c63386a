"""What is expected of a step, in words: what verdict.py judges by, said beforehand."""

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from prober.judge.verdict import accepted_statuses, refusal_statuses
from prober.judge.words import close_text
from prober.model.chain import (
    CredentialsStep,
    HttpStep,
    MintStep,
    PlatformStep,
    SecretMatchStep,
    Step,
    StreamStep,
    TcpStep,
    TlsStep,
    ValidateStep,
    WebSocketStep,
)


def expected(step: Step) -> tuple[str, ...]:
    """Everything that has to hold for `step` to pass, each in a few words."""
    told = _refusal(step) if step.is_control else _EXPECTED[type(step)](step)
    return tuple(told)


def _refusal(step: Step) -> Iterator[str]:
    statuses = _any_of(step.expect.statuses or refusal_statuses(step))
    closes = f", or a close with {_any_of(map(close_text, step.expect.close_codes))}"
    yield f"refused: {statuses}{closes if isinstance(step, WebSocketStep) else ''}"
    yield from _conditions(step.expect.json)


def _answer(step: HttpStep) -> Iterator[str]:
    statuses = accepted_statuses(step.expect)
    told = "2xx" if isinstance(statuses, range) else _any_of(statuses)
    yield f"the token accepted: {told}" if step.token else told
    yield from _conditions(step.expect.json)
    if step.expect.first_event is not None:
        yield f"a first event with {step.expect.first_event!r}"


def _conditions(wanted: Mapping[str, object]) -> Iterator[str]:
    for path, value in wanted.items():
        yield f"{path} is {json.dumps(value, ensure_ascii=False)}"


def _socket(step: WebSocketStep) -> Iterator[str]:
    yield "accepted and welcomed"
    if step.token is not None:
        yield f"as {step.token.identity.subject}, or without a name"
    if step.ping:
        yield "the ping answered"


def _secrets(step: SecretMatchStep) -> Iterator[str]:
    yield f"{_all_of(party.name for party in step.parties)} hold the same {step.secret}"


def _platforms(step: PlatformStep) -> Iterator[str]:
    for service in step.services:
        if service.platform:
            platform = service.platform
            wanted = [*(" or ".join(platform.names[thing]) for thing in platform.required), *platform.requires]
            unwanted = [*(name for thing in platform.forbidden for name in platform.names[thing]), *platform.forbids]
            yield f"{service.name} has {', '.join(wanted) or 'nothing in particular'}"
            if unwanted:
                yield f"{service.name} does not have {', '.join(unwanted)}"
    yield "what services share is the same version"


def _any_of(items: Any) -> str:  # noqa: ANN401 - numbers or texts
    return " or ".join(map(str, items))


def _all_of(items: Iterator[str]) -> str:
    *others, last = items
    return f"{', '.join(others)} and {last}" if others else last


_EXPECTED: Mapping[type[Step], Callable[[Any], Iterator[str]]] = {
    HttpStep: _answer,
    StreamStep: _answer,
    ValidateStep: _answer,
    CredentialsStep: _answer,
    MintStep: lambda _: iter(["a token"]),
    WebSocketStep: _socket,
    SecretMatchStep: _secrets,
    PlatformStep: _platforms,
    TcpStep: lambda _: iter(["a connection"]),
    TlsStep: lambda step: iter([f"a certificate that lasts {step.expect.days_left:g} days or more"]),
}
