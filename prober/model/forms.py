"""Forms: how a secret may stand in a text without being written out: encoded, escaped, hashed, or as a part of an URL.

A target that turns us away may quote what it was sent, in whatever form it logs; none of them is to be shown.
"""

import base64
import hashlib
import html
import json
import re
from collections.abc import Iterator

_HASHES = ("md5", "sha1", "sha224", "sha256", "sha384", "sha512")

#: What does not stay as it is where a value is percent-encoded (RFC 3986 §2.3).
_RESERVED = re.compile(rb"[^A-Za-z0-9._~-]")

#: What stays as it is also in JSON and HTML: most tokens.
_AS_IT_IS = re.compile(r"[A-Za-z0-9._~-]*")

_ADDRESS = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?:(?P<user>[^/?#]*)@)?(?P<host>[^/?#@]*)(?P<rest>.*)")

#: Where the host of an address is one. In the others, apprise's, a token may stand in its place: `tgram://TOKEN/CHAT`.
_HOSTED = re.compile(r"https?|wss?|jsons?|xmls?|forms?|postgres(ql)?(\+\w+)?", re.IGNORECASE)


def forms(value: str) -> Iterator[str]:
    """All in which a secret `value` is looked for, hashes included."""
    for part in _secret_parts(value):
        yield from encoded(part)
    for copy in (value, f"{value}\n"):  # as `echo` leaves it
        yield from _hashed(copy.encode())


def encoded(value: str) -> Iterator[str]:
    """`value`, and what it is in the usual encodings: each can be turned back."""
    raw = value.encode()
    yield from (value, raw.hex())
    if not _AS_IT_IS.fullmatch(value):
        yield from (json.dumps(value)[1:-1], html.escape(value), _percent_encoded(raw))
    for shift in range(3):  # base64 writes three bytes at a time: what stood before moves it
        written = base64.b64encode(bytes(shift) + raw).decode().rstrip("=")[-(-8 * shift // 6) :]
        yield from (written, written.replace("+", "-").replace("/", "_"))


def _secret_parts(value: str) -> Iterator[str]:
    """What is secret in `value`: all of it, but of an address neither scheme nor host, which stand in many texts."""
    address = _ADDRESS.fullmatch(value)
    if address is None:
        yield value
        return
    user, host = address["user"] or "", address["host"]
    yield user.partition(":")[2] or user
    yield address["rest"] if _HOSTED.fullmatch(address["scheme"]) else host + address["rest"]


def _hashed(raw: bytes) -> Iterator[str]:
    for name in _HASHES:
        digest = hashlib.new(name, raw, usedforsecurity=False).digest()
        yield from (digest.hex(), base64.b64encode(digest).decode(), base64.urlsafe_b64encode(digest).decode())


def _percent_encoded(raw: bytes) -> str:
    return _RESERVED.sub(lambda found: b"%%%02X" % ord(found[0]), raw).decode()
