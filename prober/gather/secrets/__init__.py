"""SECRETS. Keyring: fetches each configured secret once, checks that it can be used, and knows what to blot out."""

import re
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from weakref import WeakSet

from prober.gather.secret_source import SecretSource, Unusable
from prober.gather.secrets.env import exposure_in_environment, from_env
from prober.gather.secrets.file import exposure_of_file, from_file
from prober.model.chain import IdentityToken
from prober.model.errors import IdentityUnavailable, SecretUnavailable
from prober.model.pieces import Pieces
from prober.model.secret import Redactor, Secret, worth_of

#: A new source is one file and one line here.
SOURCES: Mapping[str, SecretSource] = {
    "env": from_env,
    "file": from_file,
}

#: How others may come by what lies there; empty: they may not.
EXPOSURES: Mapping[str, Callable[[str, Mapping[str, str]], str]] = {
    "env": exposure_in_environment,
    "file": exposure_of_file,
}

#: What makes a value unusable, in the order it is looked for. A field value in a header holds visible ASCII only
#: (RFC 9110 §5.5), and a key with white space at an end is the copying mistake that this prober is there to find.
_FLAWS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"\A\Z"), "is empty"),
    (re.compile(r"\A\s|\s\Z"), "has white space at an end; a trailing newline is the usual reason"),
    (re.compile(r"\s"), "has white space inside"),
    (re.compile(r"[\x00-\x1f\x7f]"), "holds a control character"),
    (re.compile(r"[^\x00-\x7f]"), "holds a character that is not ASCII"),
    (re.compile(r"\A.{1,5}\Z"), "is shorter than 6 characters, too short to be kept out of what is shown"),
)

#: Tokens that are remembered: more than are sent within the five minutes that the longest of them lives.
_MOST_TOKENS = 512


#: Those of this process: what breaks where nobody knows whose secrets it quotes is blotted by all of them.
_KEYRINGS: "WeakSet[Keyring]" = WeakSet()


@dataclass(frozen=True, slots=True)
class Exposure:
    """A secret that others than us may come by, and how."""

    name: str
    reference: str
    why: str


class Keyring:
    """The secrets of one config, by name; values are fetched when first asked for and kept."""

    def __init__(self, references: Mapping[str, str], environ: Mapping[str, str]) -> None:
        """Know where each secret is (`env:NAME`, `file:PATH`) and the environment to look in; fetch none yet."""
        self._references = references
        self._environ = environ
        self._secrets: dict[str, Secret] = {}
        self._redact = Redactor()
        self._sent, self._signatures = Pieces(), deque[str]()
        self._lent: dict[IdentityToken, Secret | IdentityUnavailable] = {}
        self._lent_before: dict[IdentityToken, Secret] = {}
        _KEYRINGS.add(self)

    def get(self, name: str) -> Secret:
        """The secret called `name`; raises SecretUnavailable when it is missing or unusable."""
        if name not in self._secrets:
            self._secrets[name] = self._fetch(name)
            self._redact = self._redact.knowing(self._secrets[name])
        return self._secrets[name]

    def exposures(self) -> list[Exposure]:
        """The secrets that others may come by; what is not there, nobody comes by."""
        found = ((name, reference, _exposure(reference, self._environ)) for name, reference in self._references.items())
        return [Exposure(name, reference, why) for name, reference, why in found if why]

    def heed(self, token: Secret) -> None:
        """Know `token` for a while: a target may say back, in a later answer, what makes it good."""
        signature = worth_of(token)
        self._sent.learn([signature], f"[{token.name}]")
        self._signatures.append(signature)
        if len(self._signatures) > _MOST_TOKENS:
            self._sent.forget(self._signatures.popleft())

    def lend(self, wanted: IdentityToken, found: Secret | IdentityUnavailable) -> None:
        """Hold an identity token, or why there is none, until the next; the one before stays good for a while."""
        before = self._lent.get(wanted)
        if isinstance(before, Secret):
            if oldest := self._lent_before.get(wanted):
                self._sent.forget(worth_of(oldest))
            self._lent_before[wanted] = before
        if isinstance(found, Secret):
            self._sent.learn([worth_of(found)], f"[{found.name}]")
        self._lent[wanted] = found

    def lent(self, wanted: IdentityToken) -> Secret:
        """The identity token that is held; raises IdentityUnavailable."""
        found = self._lent.get(wanted) or IdentityUnavailable(wanted.audience, wanted.source, "was not asked for yet")
        if isinstance(found, IdentityUnavailable):
            raise found
        return found

    def redactor(self) -> Callable[[str], str]:
        """What blots token shapes and every secret known so far, at the time of each call, out of a text."""
        return self._blot

    def _blot(self, text: str) -> str:
        return self._sent.blot(self._redact(text))

    def _fetch(self, name: str) -> Secret:
        reference = self._references.get(name, "")
        try:
            return Secret(name, _usable(_look_up(reference, self._environ)))
        except Unusable as error:
            raise SecretUnavailable(name, reference or "no reference", str(error)) from error


def blot_all(text: str) -> str:
    """`text` without any secret that this process has fetched, for what is said where no keyring is at hand."""
    for ring in tuple(_KEYRINGS):
        text = ring.redactor()(text)
    return Redactor()(text)


def _exposure(reference: str, environ: Mapping[str, str]) -> str:
    scheme, _, place = reference.partition(":")
    return EXPOSURES[scheme](place, environ) if scheme in EXPOSURES else ""


def _look_up(reference: str, environ: Mapping[str, str]) -> str:
    scheme, _, place = reference.partition(":")
    if scheme not in SOURCES or not place:
        message = f"needs a reference that begins with one of {', '.join(f'{known}:' for known in SOURCES)}"
        raise Unusable(message)
    return SOURCES[scheme](place, environ)


def _usable(value: str) -> str:
    for flaw, complaint in _FLAWS:
        if flaw.search(value):
            raise Unusable(complaint)
    return value
