"""SECRETS. Keyring: fetches each configured secret, anew from time to time, and knows what to blot out.

Rule 1: a source that is away changes nothing: what it gave last stays good. Rule 2: once a value is known nobody waits
for a source but a look that was turned away, and that not for long.
"""

import asyncio
import re
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from weakref import WeakSet

from prober.gather.clock import Clock, SystemClock
from prober.gather.deadline import soon, within
from prober.gather.secret_source import Found, SecretSource, Unusable
from prober.gather.secrets.env import exposure_in_environment, from_env
from prober.gather.secrets.file import exposure_of_file, from_file
from prober.gather.secrets.gcp import FromGcp
from prober.gather.secrets.vault import FromVault
from prober.gather.versions import Version, Versions
from prober.model.chain import IdentityToken
from prober.model.copies import Copy, Fetch, Fetched
from prober.model.errors import IdentityUnavailable, SecretUnavailable
from prober.model.pieces import Form
from prober.model.secret import Redactor, Secret


def sources() -> Mapping[str, SecretSource]:
    """Every source by its scheme, each with nothing remembered. A new source is one file and one line here."""
    return {"env": from_env, "file": from_file, "gcp": FromGcp(), "vault": FromVault()}


#: How others may come by what lies there; empty: they may not. A manager says that itself, to its own people.
EXPOSURES: Mapping[str, Callable[[str, Mapping[str, str]], str]] = {
    "env": exposure_in_environment,
    "file": exposure_of_file,
}

#: Those that are asked over a network, and so not when a config is only checked.
REMOTE = frozenset({"gcp", "vault"})

#: Nobody changes the environment of a process that runs.
_NEVER_CHANGE = frozenset({"env"})

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

#: Of each identity token: the one that is good, and the one before.
_MOST_LENT = 2

#: For one question to a source, whatever its library allows itself: login, read, and the newest beside a pinned one.
FETCH_SECONDS = 6.0

#: A look that was turned away waits no longer for a newer version, and not at all after a source failed just now.
_LOOK_WAITS_SECONDS = 2.0
_AFTER_FAILURE_SECONDS = 10.0

_TOO_LATE = f"it did not answer within {FETCH_SECONDS:g} s"
_NOT_YET = "its source has not answered yet"
_STILL_ASKED = "it has not answered the question before"

#: Those of this process: what breaks where nobody knows whose secrets it quotes is blotted by all of them.
_KEYRINGS: "WeakSet[Keyring]" = WeakSet()


@dataclass(frozen=True, slots=True)
class Exposure:
    """A secret that others than us may come by, and how."""

    name: str
    reference: str
    why: str


@dataclass(slots=True)
class _Asked:
    """What is known of one secret's source: when it was asked last, what came of it, and who is asking now."""

    began_seconds: float = float("-inf")
    questions: int = 0
    answered: datetime | None = None
    latest: str = ""
    failure: Unusable | None = None
    hanging: int = 0  # calls that were left behind, and have not come back
    going: "asyncio.Task[Fetch] | None" = None


@dataclass(frozen=True, slots=True, repr=False)
class _Heritage:
    """What one ring leaves to the next."""

    versions: Mapping[str, Versions]
    asked: Mapping[str, _Asked]
    sources: Mapping[str, SecretSource]
    credentials: deque[Secret]


class Keyring:
    """The secrets of one config, by name: the newest value of each, and those before it while an overlap lasts."""

    def __init__(
        self,
        references: Mapping[str, str],
        environ: Mapping[str, str],
        *,
        overlap_seconds: float = 0.0,
        clock: Clock | None = None,
        told: Callable[[Fetch], None] = lambda _: None,
    ) -> None:
        """Know where each secret is (`env:NAME`, `gcp:projects/…`) and the environment to look in; fetch none yet.

        For `overlap_seconds` a version still counts after a newer one was seen; `told` hears of each fetch.
        """
        self._references, self._environ = references, environ
        self._overlap_seconds, self._clock, self._told = overlap_seconds, clock or SystemClock(), told
        self._sources = sources()
        self._versions: dict[str, Versions] = {}
        self._asked = {name: _Asked() for name in references}
        self._redact = Redactor()
        self._credentials: deque[Secret] = deque(maxlen=4)
        self._sent = deque[Form]()
        self._lent: dict[IdentityToken, Secret | IdentityUnavailable] = {}
        self._lent_forms: dict[IdentityToken, deque[Form]] = {}
        _KEYRINGS.add(self)

    def get(self, name: str) -> Secret:
        """The newest value of the secret called `name`; raises SecretUnavailable when it is missing or unusable."""
        return self.held(name)[0].secret

    def held(self, name: str) -> tuple[Version, ...]:
        """Every version of it that counts now, the newest first; raises SecretUnavailable."""
        if name not in self._versions:
            self._first(name)
        return self._versions[name].held(self._clock.seconds())

    def outdated(self, name: str) -> Version | None:
        """The version that counted until the overlap was over; None: there was none."""
        versions = self._versions.get(name)
        return versions.outdated(self._clock.seconds()) if versions else None

    def copies(self) -> tuple[Copy, ...]:
        """What may be told of each secret that was asked for."""
        return tuple(self._copy(name) for name, asked in self._asked.items() if asked.began_seconds > float("-inf"))

    def hand_over(self, references: Mapping[str, str]) -> "_Heritage":
        """What the next ring may begin with: what is still in the same place, and may change there."""
        kept = {name: place for name, place in references.items() if _scheme(place) not in _NEVER_CHANGE}
        same = [name for name, place in kept.items() if self._references.get(name) == place]
        versions = {name: self._versions[name] for name in same if name in self._versions}
        return _Heritage(versions, {name: self._asked[name] for name in versions}, self._sources, self._credentials)

    def take_over(self, before: "Keyring") -> None:
        """Begin with what `before` holds: a reload forgets no version, and no good value of a source that is away."""
        left = before.hand_over(self._references)
        self._versions |= left.versions
        self._asked |= left.asked
        self._sources, self._credentials = left.sources, left.credentials
        self._learn()

    def exposures(self) -> list[Exposure]:
        """The secrets that others may come by; what is not there, nobody comes by."""
        found = ((name, reference, _exposure(reference, self._environ)) for name, reference in self._references.items())
        return [Exposure(name, reference, why) for name, reference, why in found if why]

    def heed(self, token: Secret) -> None:
        """Know `token` for a while: a target may say back, in a later answer, what makes it good."""
        self._sent.append(self._redact.heed(token))
        if len(self._sent) > _MOST_TOKENS:
            self._redact.forget(self._sent.popleft())

    def lend(self, wanted: IdentityToken, found: Secret | IdentityUnavailable) -> None:
        """Hold an identity token, or why there is none, until the next; the one before stays good for a while."""
        if isinstance(found, Secret):
            forms = self._lent_forms.setdefault(wanted, deque())
            forms.append(self._redact.heed(found))
            if len(forms) > _MOST_LENT:
                self._redact.forget(forms.popleft())
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
        return self._redact(text)

    # ── fetching ─────────────────────────────────────────────────────────────────────────────────────────────────

    async def prime(self) -> None:
        """Fetch what was never asked for, all at once; what cannot be had is missing for whoever wants it."""
        never = [name for name, asked in self._asked.items() if asked.began_seconds == float("-inf")]
        await self._ask_all(never)

    async def refresh(self) -> None:
        """Ask every source that may give something else than before, or had nothing to give."""
        await self._ask_all([name for name in self._references if self._may_change(name)])

    async def renew(self, names: Iterable[str]) -> None:
        """Ask the sources of `names` once more, for a look that was turned away just now: has somebody rotated?

        Several that ask at once are served by one question. Nobody waits long, nor for a source that failed just now.
        """
        now = self._clock.seconds()
        wanted = [name for name in names if self._may_change(name) and not self._has_just_failed(name, now)]
        questions = {name: self._asked[name].questions for name in wanted}
        try:
            async with asyncio.timeout(_LOOK_WAITS_SECONDS), asyncio.TaskGroup() as group:
                for name in wanted:
                    group.create_task(self._ask_after(name, questions[name]))
        except TimeoutError:
            return

    def _may_change(self, name: str) -> bool:
        return _scheme(self._references.get(name, "")) not in _NEVER_CHANGE or name not in self._versions

    def _has_just_failed(self, name: str, now_seconds: float) -> bool:
        asked = self._asked[name]
        return asked.failure is not None and now_seconds - asked.began_seconds < _AFTER_FAILURE_SECONDS

    async def _ask_after(self, name: str, questions: int) -> None:
        """A question that had begun by then may have been answered too early."""
        while self._asked[name].questions == questions:
            await self._ask(name)

    async def _ask_all(self, names: Iterable[str]) -> None:
        async with asyncio.TaskGroup() as group:
            for name in names:
                group.create_task(self._ask(name))

    async def _ask(self, name: str) -> None:
        """Ask, or wait for who is asking already; whoever waits may go, the question goes on."""
        asked = self._asked[name]
        if asked.going is None or asked.going.done():
            asked.going = asyncio.create_task(self._fetched(name), name=f"secret:{name}")
        await asyncio.shield(asked.going)

    async def _fetched(self, name: str) -> Fetch:
        asked = self._asked[name]
        asked.began_seconds, asked.questions = self._clock.seconds(), asked.questions + 1
        try:
            return self._took(name, await soon(self._question(name), FETCH_SECONDS))
        except TimeoutError:
            return self._failed(name, Unusable(_TOO_LATE, Fetched.AWAY))
        except Unusable as error:
            return self._failed(name, error)

    def _first(self, name: str) -> None:
        """Fetch it now, while everybody waits; what is far away only if nobody has asked for it yet."""
        asked = self._asked.setdefault(name, _Asked())
        reference = self._references.get(name, "")
        if not is_remote(reference) or asked.began_seconds == float("-inf"):
            asked.began_seconds = self._clock.seconds()
            ask = self._question(name)
            try:
                self._took(name, within(ask, FETCH_SECONDS) if is_remote(reference) else ask())
            except TimeoutError:
                self._failed(name, Unusable(_TOO_LATE, Fetched.AWAY))
            except Unusable as error:
                self._failed(name, error)
        if name not in self._versions:
            raise SecretUnavailable(
                name, reference or "no reference", str(asked.failure or _NOT_YET)
            ) from asked.failure

    def _question(self, name: str) -> Callable[[], Found]:
        """What is to be called, in a thread; a source that has not come back from two calls is not called again."""
        asked, known = self._asked[name], self._sources
        reference, environ = self._references.get(name, ""), self._environ

        def ask() -> Found:
            if asked.hanging > 1:
                raise Unusable(_STILL_ASKED, Fetched.AWAY)
            asked.hanging += 1
            try:
                return _look_up(reference, environ, known)
            finally:
                asked.hanging -= 1

        return ask

    def _took(self, name: str, found: Found) -> Fetch:
        """Hold what was found; a value that cannot be used is none, and the one before it stays good."""
        for token in found.credentials:
            self._heed_credential(token)
        new = Version(Secret(name, _usable(found.value)), found.version)
        before, asked = self._versions.get(name), self._asked[name]
        after = before.renewed(new, self._clock.seconds(), self._overlap_seconds) if before else Versions(new)
        self._versions[name] = after
        asked.answered, asked.latest, asked.failure = self._clock.now(), found.latest, None
        is_rotated = before is not None and after.newest.secret is not before.newest.secret
        if before is None or is_rotated:
            self._learn()
        return self._tell(Fetch(self._copy(name), Fetched.FETCHED, is_rotated=is_rotated))

    def _failed(self, name: str, error: Unusable) -> Fetch:
        self._asked[name].failure = error
        return self._tell(Fetch(self._copy(name), error.outcome, str(error)))

    def _tell(self, fetch: Fetch) -> Fetch:
        self._told(fetch)
        return fetch

    def _copy(self, name: str) -> Copy:
        asked, versions = self._asked[name], self._versions.get(name)
        held = versions.held(self._clock.seconds()) if versions else ()
        return Copy(
            name=name,
            version=held[0].label if held else "",
            latest=asked.latest,
            previous=tuple(each.label for each in held[1:]),
            fetched=asked.answered,
            failing=asked.failure.outcome if asked.failure else None,
        )

    def _heed_credential(self, token: str) -> None:
        """What a manager was asked with is as secret as what it gave."""
        if token and not any(known.matches(token) for known in self._credentials):
            self._credentials.append(Secret("the manager's token", token))
            self._learn()

    def _learn(self) -> None:
        known = [secret for versions in self._versions.values() for secret in versions.secrets]
        self._redact = Redactor([*known, *self._credentials], chain(*self._lent_forms.values(), self._sent))


def blot_all(text: str) -> str:
    """`text` without any secret that this process has fetched, for what is said where no keyring is at hand."""
    for ring in tuple(_KEYRINGS):
        text = ring.redactor()(text)
    return Redactor()(text)


def is_remote(reference: str) -> bool:
    """Whether somebody has to be asked over a network for what lies there."""
    return _scheme(reference) in REMOTE


def _scheme(reference: str) -> str:
    return reference.partition(":")[0]


def _exposure(reference: str, environ: Mapping[str, str]) -> str:
    scheme, _, place = reference.partition(":")
    return EXPOSURES[scheme](place, environ) if scheme in EXPOSURES else ""


def _look_up(reference: str, environ: Mapping[str, str], known: Mapping[str, SecretSource]) -> Found:
    scheme, _, place = reference.partition(":")
    if scheme not in known or not place:
        message = f"needs a reference that begins with one of {', '.join(f'{each}:' for each in known)}"
        raise Unusable(message)
    return known[scheme](place, environ)


def _usable(value: str) -> str:
    for flaw, complaint in _FLAWS:
        if flaw.search(value):
            raise Unusable(complaint)
    return value
