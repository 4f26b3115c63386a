"""Placeholders: `{token}`, `{subject}`, `{email}`, `{random}` and `{secret:NAME}`, in a text until it is sent."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from prober.config.problems import Place
from prober.model.chain import Identity

#: Those there are; the part after the colon is `base64url` for a token and a name for a secret.
KNOWN = ("{token}", "{token:base64url}", "{subject}", "{email}", "{random}", "{secret:NAME}")
_PLACEHOLDER = re.compile(r"\{([A-Za-z_]+)(?::([^{}\"]*))?\}")
_ARGUMENTS: Mapping[str, set[str | None]] = {
    "token": {None, "base64url"},
    "subject": {None},
    "email": {None},
    "random": {None},
}


@dataclass(frozen=True, slots=True)
class Placeholder:
    """One placeholder and where it stands."""

    at: Place
    text: str
    kind: str
    argument: str | None

    @property
    def is_known(self) -> bool:
        """Whether anything can be filled in for it."""
        return bool(self.argument) if self.kind == "secret" else self.argument in _ARGUMENTS.get(self.kind, set())

    @property
    def must_stay_hidden(self) -> bool:
        """Whether what is filled in is worth stealing."""
        return self.kind in {"token", "secret"}


def placeholders(value: object, at: Place = ()) -> Iterator[Placeholder]:
    """Every placeholder in the texts of a value; keys hold none."""
    match value:
        case str():
            yield from (Placeholder(at, found[0], found[1], found[2]) for found in _PLACEHOLDER.finditer(value))
        case Mapping():
            yield from (found for key, inner in value.items() for found in placeholders(inner, (*at, key)))
        case list() | tuple():
            yield from (found for index, inner in enumerate(value) for found in placeholders(inner, (*at, index)))


def sends_token(value: object) -> bool:
    """Whether a value holds a place for the token."""
    return any(found.kind == "token" for found in placeholders(value))


def introduced(value: Any, identity: Identity | None) -> Any:  # noqa: ANN401 - a JSON value in, the same kind out
    """A JSON value with the identity's subject and email filled in; the rest stays to be filled in when it is sent."""
    match value:
        case str() if identity:
            return value.replace("{subject}", identity.subject).replace("{email}", identity.email)
        case Mapping():
            return {key: introduced(inner, identity) for key, inner in value.items()}
        case list():
            return [introduced(inner, identity) for inner in value]
    return value
