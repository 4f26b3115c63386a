"""The secret match probe: do the parties hold the same secret? Every pair is compared; only the outcome is kept.

Rule 1: no secret, hash or proof leaves this file, in an observation, a message or a log.
Rule 2: whoever cannot be asked is unknown, never different.
"""

import asyncio
import base64
import hashlib
import hmac
import json
import re
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from prober.gather.clock import PhaseWatch
from prober.gather.exchange import mint
from prober.gather.kit import Glance, Kit
from prober.gather.render import Fill, outgoing
from prober.gather.versions import Version
from prober.gather.wire.http import Outgoing
from prober.judge.dig import dig
from prober.judge.frontend import refusal
from prober.model.chain import Party, Proof, Request, SecretMatchStep
from prober.model.errors import SecretUnavailable
from prober.model.observation import HttpSeen, Json, Match, Pair, SecretsSeen
from prober.model.trouble import Trouble

PURPOSE = "prober-secret-match"
_VERSION = "v1"
_NONCE_BYTES = 32
_NONCE = re.compile(r"[A-Za-z0-9_-]{16,128}")
_WAITING_SHARE = 0.8  # of the step's deadline: one silent party must not hide what the others told

_SUCCESS = range(200, 300)
_TURNED_AWAY = (401, 403)

_NOT_AS_AGREED = "did not answer as agreed"

#: Why an answer told nothing, by its status.
_ABSENT: Mapping[int, str] = {
    401: "did not let us ask (HTTP 401)",
    403: "did not let us ask (HTTP 403)",
    404: "has no such endpoint (HTTP 404)",
    405: "has no such endpoint (HTTP 405)",
}


@dataclass(frozen=True, slots=True)
class _Copy:
    """What is known of one party's copy. `variant`: which form of ours it is, 0 as it stands; None: none of them.

    While several versions of ours count, it may be a form of any of them: `version` is the one.
    """

    party: str
    variant: int | None = None
    version: str = ""  # what the source of ours calls it
    fingerprint: str = ""  # plain hashes only: what two services showed can be compared without ours
    why_unknown: str = ""
    status: int | None = None  # of the answer, where there was one

    def __repr__(self) -> str:
        return f"_Copy({self.party!r})"


@dataclass(frozen=True, slots=True, repr=False)
class _Form:
    """One form that a copy may have in other hands: of which version of ours, and which; 0 as it stands."""

    value: str
    variant: int
    version: str


#: What reads a party's answer, parsed as JSON.
Reader = Callable[[Json], _Copy]

#: What is asked, as the JSON of a POST; None: the request as it is configured.
Asking = Mapping[str, str] | None


@dataclass(frozen=True, slots=True)
class _Question:
    """One request to one party, and how its answer is read."""

    party: Party
    request: Request
    read: Reader


async def look_secret_match(step: SecretMatchStep, kit: Kit) -> Glance:
    """How the copies of each two parties compare; the parties are asked at the same time."""
    token = await mint(step, kit)
    if isinstance(token, Trouble):
        return Glance(token)
    forms = _forms(step, kit)
    fill = Fill(kit.keyring, step.token.identity if step.token else None, token)
    questions = [_question(step, party, party.request, forms) for party in step.parties if party.request]
    ours = [_own(step, party, forms) for party in step.parties if not party.request]
    sent = [outgoing(question.request, fill, run_id=kit.run_id, step=step.name, bearer=True) for question in questions]
    async with asyncio.TaskGroup() as group:
        asking = zip(questions, sent, strict=True)
        tasks = [group.create_task(_asked(question, filled, step, kit)) for question, filled in asking]
    copies = {copy.party: copy for copy in (*ours, *(task.result() for task in tasks))}
    pairs = combinations((copies[party.name] for party in step.parties), 2)
    seen = SecretsSeen(
        pairs=tuple(_compared(step.secret, left, right) for left, right in pairs),
        answered=tuple(copy.party for copy in copies.values() if copy.status in _SUCCESS),
        turned_away_by=tuple(copy.party for copy in copies.values() if copy.status in _TURNED_AWAY),
        versions={copy.party: copy.version for copy in copies.values() if copy.version},
    )
    return Glance(seen, token.traits if token else None)


async def _asked(question: _Question, filled: Outgoing, step: SecretMatchStep, kit: Kit) -> _Copy:
    """What one party's answer tells; its phases are its own, since several parties are asked at once."""
    name = question.party.name
    try:
        async with asyncio.timeout(step.deadline_seconds * _WAITING_SHARE):
            exchange = await kit.http.send(filled, PhaseWatch(kit.clock))
    except TimeoutError:
        return _unknown(name, "did not answer in time")
    if isinstance(exchange.seen, Trouble):
        return _unknown(name, exchange.seen.detail)
    if refusal(exchange.seen):  # it was not asked at all, and has turned nobody away
        return _unknown(name, f"stands behind a platform that lets us not through (HTTP {exchange.seen.status})")
    return replace(_told(question, exchange.seen, exchange.raw), status=exchange.seen.status)


def _told(question: _Question, seen: HttpSeen, raw: bytes) -> _Copy:
    name = question.party.name
    if seen.status not in _SUCCESS:
        return _unknown(name, _ABSENT.get(seen.status, f"answered HTTP {seen.status}"))
    try:
        return question.read(json.loads(raw))
    except (ValueError, RecursionError):
        return _unknown(name, _NOT_AS_AGREED)


def _unknown(party: str, why: str) -> _Copy:
    return _Copy(party, why_unknown=f"{party}: {why}")


def _question(step: SecretMatchStep, party: Party, request: Request, forms: Sequence[_Form]) -> _Question:
    asking, read = _METHODS[step.method](step, party, forms)
    return _Question(party, replace(request, method="POST", json=asking) if asking else request, read)


def _own(step: SecretMatchStep, party: Party, forms: Sequence[_Form]) -> _Copy:
    ours = forms[0]
    return _Copy(party.name, 0, ours.version, _hash(ours.value, step) if step.method is Proof.HASH else "")


def _forms(step: SecretMatchStep, kit: Kit) -> Sequence[_Form]:
    """Our copies as they stand, then the forms they may have in other hands; none when the services show enough.

    While a rotation goes on, one service may hold the newest version and another the one before: both are right.
    """
    shows_all = step.method is Proof.HASH and all(party.request for party in step.parties)
    held = _held_or_none(step, kit) if shows_all else kit.keyring.held(step.secret)
    if shows_all and len(held) < 2:  # noqa: PLR2004 - as long as there is one version, whoever differs is wrong
        return ()
    return tuple(form for version in held for form in _forms_of(version))


def _held_or_none(step: SecretMatchStep, kit: Kit) -> Sequence[Version]:
    """Where two services show their hashes, they can be compared without ours."""
    try:
        return kit.keyring.held(step.secret)
    except SecretUnavailable:
        return ()


def _forms_of(version: Version) -> Iterator[_Form]:
    """How a copy goes wrong on its way into an environment: a newline from `echo`, quotes from a file of settings."""
    value = version.secret.reveal()
    written = (value, f"{value}\n", f"{value}\r\n", f'"{value}"', f"'{value}'", value.strip("\"'"))
    for variant, form in enumerate(dict.fromkeys(written)):
        yield _Form(form, variant, version.label)


def _hashed(step: SecretMatchStep, party: Party, forms: Sequence[_Form]) -> tuple[Asking, Reader]:
    """Read a plain hash and find which form of ours has it."""
    known = [_hash(form.value, step) for form in forms]

    def read(document: Json) -> _Copy:
        found = dig(party.hash_at, document)
        shown = _ENCODINGS[step.encoding].shown(found)[: step.length] if isinstance(found, str) else ""
        if len(shown) < step.length:
            return _unknown(party.name, f"showed no hash of {step.length} characters in {step.encoding}")
        return replace(_recognised(party, shown, known, forms), fingerprint=shown)

    return None, read


def _keyed(step: SecretMatchStep, party: Party, forms: Sequence[_Form]) -> tuple[Asking, Reader]:
    """Ask for a proof over a nonce of its own, and find which form of ours makes the same."""
    nonce = _base64url(secrets.token_bytes(_NONCE_BYTES))

    def read(document: Json) -> _Copy:
        theirs, minute, mac = (dig(name, document) for name in ("nonce", "minute", "mac"))
        if not (_is_nonce(theirs) and isinstance(minute, int) and isinstance(mac, str)):
            return _unknown(party.name, _NOT_AS_AGREED)
        said = "|".join((_VERSION, step.environment, party.name, step.secret, PURPOSE, nonce, theirs, str(minute)))
        return _recognised(party, mac, [_mac(form.value, said) for form in forms], forms)

    return {"nonce": nonce, "key_id": step.secret, "purpose": PURPOSE}, read


_METHODS: Mapping[Proof, Callable[[SecretMatchStep, Party, Sequence[_Form]], tuple[Asking, Reader]]] = {
    Proof.HASH: _hashed,
    Proof.KEYED: _keyed,
}


def _is_nonce(value: object) -> bool:
    return isinstance(value, str) and _NONCE.fullmatch(value) is not None


def _hash(value: str, step: SecretMatchStep) -> str:
    digest = hashlib.new(step.algorithm, value.encode(), usedforsecurity=False).digest()
    return _ENCODINGS[step.encoding].write(digest)[: step.length]


def _mac(secret: str, said: str) -> str:
    """HMAC-SHA256 under a key that is good for this purpose only (HKDF, RFC 5869), so that it can sign no token."""
    key = HKDF(algorithm=SHA256(), length=32, salt=None, info=PURPOSE.encode()).derive(secret.encode())
    return _base64url(hmac.digest(key, said.encode(), "sha256"))


def _base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


@dataclass(frozen=True, slots=True)
class _Encoding:
    """One way to write a hash, and what a hash that is shown so looks like."""

    write: Callable[[bytes], str]
    pattern: re.Pattern[str]
    ignores_case: bool = False

    def shown(self, text: str) -> str:
        """What of `text` is a hash, as this encoding would write it; empty if it is none."""
        bare = text.strip().lower() if self.ignores_case else text.strip()
        return bare if self.pattern.fullmatch(bare) else ""


_ENCODINGS: Mapping[str, _Encoding] = {
    "hex": _Encoding(bytes.hex, re.compile(r"[0-9a-f]+"), ignores_case=True),
    "base64": _Encoding(lambda digest: base64.b64encode(digest).decode(), re.compile(r"[A-Za-z0-9+/]+=*")),
    "base64url": _Encoding(_base64url, re.compile(r"[A-Za-z0-9_-]+=*")),
}


def _recognised(party: Party, shown: str, candidates: Sequence[str], forms: Sequence[_Form]) -> _Copy:
    """A party's copy as the form of ours that it is; `candidates` are what each of `forms` would show."""
    index = _matching(shown, candidates)
    return _Copy(party.name) if index is None else _Copy(party.name, forms[index].variant, forms[index].version)


def _matching(shown: str, candidates: Sequence[str]) -> int | None:
    """Which of `candidates` was shown; each is compared in constant time."""
    return next(iter([index for index, known in enumerate(candidates) if _same(shown, known)]), None)


def _same(left: str, right: str) -> bool:
    return hmac.compare_digest(left.encode(), right.encode())


def _compared(secret: str, left: _Copy, right: _Copy) -> Pair:
    match, why = _match(left, right)
    return Pair(secret=secret, left=left.party, right=right.party, match=match, why=why)


def _match(left: _Copy, right: _Copy) -> tuple[Match, str]:
    """What two copies' relations to ours, or to each other, tell."""
    why = "; ".join(copy.why_unknown for copy in (left, right) if copy.why_unknown)
    if why:
        return Match.UNKNOWN, why
    if left.variant is not None and right.variant is not None:
        return (Match.EQUAL if left.variant == right.variant else Match.EQUAL_AFTER_STRIP), ""
    if left.variant is None and right.variant is None and not left.fingerprint:
        return Match.UNKNOWN, f"neither {left.party} nor {right.party} holds the copy that could tell"
    is_equal = bool(left.fingerprint) and _same(left.fingerprint, right.fingerprint)
    return (Match.EQUAL if is_equal else Match.DIFFERENT), ""
