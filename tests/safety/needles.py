"""What is searched for, and how: every form of every secret, in bytes, whatever the case of letters.

Made without the product's own list of forms: what it does not think of must be found all the same.
"""

import base64
import hashlib
import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote

WINDOW = 12
_GRAM = WINDOW // 2

_TOKEN = re.compile(rb"eyJ[\w-]{8,}\.[\w-]+\.([\w-]{20,})")
_WRAPPED = re.compile(rb"(?<![\w+/-])ZXlK[\w-]{16,}")  # elsewhere it may be a payload, which is no secret
_HASHES = ("sha1", "sha256", "sha512")


@dataclass(frozen=True, slots=True)
class Hit:
    """A form of a secret that was found where none may be."""

    secret: str
    form: str
    sink: str
    around: str


@dataclass(frozen=True, slots=True)
class _Needle:
    name: str
    form: str
    value: bytes  # in small letters


class Needles:
    """Everything that must not be found, by its grams: one place of a text in so many letters has to be looked up."""

    def __init__(self, secrets: Mapping[str, str]) -> None:
        """Every form of these."""
        self._grams: dict[bytes, list[tuple[int, _Needle]]] = defaultdict(list)
        for name, value in secrets.items():
            self._add(_of_secret(name, value))

    def token(self, value: str) -> None:
        """Look for this token too, whole and by its signature."""
        signature = value.rpartition(".")[2]
        if len(signature) >= WINDOW:
            self._add([_Needle("token", "whole", value.lower().encode()), *_windows("signature", signature)])

    def _add(self, needles: Iterable[_Needle]) -> None:
        """Wherever a needle begins, a gram of its first letters lies where it is looked for."""
        for needle in needles:
            for at in range(_GRAM):
                self._grams[needle.value[at : at + _GRAM]].append((at, needle))

    def found(self, sink: str, content: bytes) -> Iterator[Hit]:
        """What of it is in `content`."""
        small = content.lower()
        for place in range(0, len(small), _GRAM):
            for at, needle in self._grams.get(small[place : place + _GRAM], ()):
                if small.startswith(needle.value, place - at) and place >= at:
                    around = content[max(0, place - 30) : place + 60].decode(errors="replace")
                    yield Hit(needle.name, needle.form, sink, around)

    def shapes(self, sink: str, content: bytes) -> Iterator[Hit]:
        """What is shaped like a signed token, whoever made it."""
        for shape in (_TOKEN, _WRAPPED):
            yield from (Hit("token", "shape", sink, found[0][:60].decode()) for found in shape.finditer(content))


def searched(needles: Needles, sinks: Mapping[str, bytes], *, shapes: bool = True) -> list[Hit]:
    """Every hit in every sink; of one secret in one sink the first form is enough."""
    hits = {}
    for sink, content in sinks.items():
        found = [*needles.found(sink, content), *(needles.shapes(sink, content) if shapes else ())]
        for hit in found:
            hits.setdefault((hit.sink, hit.secret), hit)
    return list(hits.values())


def _of_secret(name: str, value: str) -> Iterable[_Needle]:
    yield from _windows(name, value)
    for form, written in _forms(value):
        yield _Needle(name, form, written.lower().encode())


def _windows(name: str, value: str) -> Sequence[_Needle]:
    """Each run of twelve characters."""
    small = value.lower().encode()
    return [_Needle(name, "window", small[at : at + WINDOW]) for at in range(len(small) - WINDOW + 1)]


def _forms(value: str) -> Iterator[tuple[str, str]]:
    raw = value.encode()
    yield "hex", raw.hex()
    yield "url", quote(value, safe="")
    yield "json", json.dumps(value)[1:-1]
    for shift in range(3):
        # what the letters at both ends say depends on what stands beside them
        begin, end = -(-8 * shift // 6), (len(raw) + shift) * 8 // 6
        shifted = bytes(shift) + raw
        yield f"base64+{shift}", base64.b64encode(shifted).decode()[begin:end]
        yield f"base64url+{shift}", base64.urlsafe_b64encode(shifted).decode()[begin:end]
    for hashed in _HASHES:
        digest = hashlib.new(hashed, raw).digest()
        yield hashed, digest.hex()
        yield f"{hashed} in base64", base64.b64encode(digest).decode().rstrip("=")
        yield f"{hashed} in base64url", base64.urlsafe_b64encode(digest).decode().rstrip("=")
    md5 = hashlib.md5(raw, usedforsecurity=False).hexdigest()
    yield "md5, the first half", md5[:16]  # as the reports' plain hash endpoint shows it
