"""Holes: ways in which a service of the lab verifies too little, each a switch, so that the controls can be tested.

A hole in a signature or in a token's form is a way to claims that a sound verifier would not read; one in the claims
leaves out a condition (`tokens.py` asks for it by name); one in the headers lets in whoever sends them.
"""

import base64
import hmac
import json
import re
from collections.abc import Callable, Iterable, Mapping
from math import isnan
from typing import Any

import jwt

Claims = Mapping[str, Any]
Header = Mapping[str, Any]

#: Nobody has a subject that begins so; a sound backend knows that.
NOBODY = "prober-nobody"

WEAK_KEYS = (
    *("secret", "your-256-bit-secret", "changeme", "password", "jwt_secret", "dev-secret-key", "supersecret", "admin"),
    *("development-secret-key-change-in-production", "test-secret-key-for-jwt-tokens-32chars"),
)
DIGESTS = {"HS256": "sha256", "HS384": "sha384", "HS512": "sha512"}
LARGE_BYTES = 16_000
LEEWAY_SECONDS = 60

_SQL = re.compile(r"UNION SELECT '([^']*)'")
_SHELL = re.compile(r"; printf (\S+)")


# ── the parts of a token ─────────────────────────────────────────────────────────────────────────────────────────────


class _Parts:
    """A token taken apart, as far as it can be; what cannot be read is empty."""

    def __init__(self, token: str) -> None:
        """Take this token apart."""
        parts = token.split(".")
        self.token, self.count = token, len(parts)
        self.signed = ".".join(parts[:2])
        self.header: Header = _object(parts[0])
        self.claims: Claims = _object(parts[1]) if self.count > 1 else {}
        self.signature = _bytes(parts[2]) if self.count > 2 else b""  # noqa: PLR2004 - header, payload, signature

    def signature_by(self, key: str) -> bytes:
        """The signature it would have under this key."""
        digest = DIGESTS.get(str(self.header.get("alg")), "sha256")
        return hmac.new(key.encode(), self.signed.encode(), digest).digest()

    def is_signed_by(self, key: str) -> bool:
        """Whether its signature is by this key, whatever the algorithm."""
        return hmac.compare_digest(self.signature, self.signature_by(key))


def _bytes(part: str) -> bytes:
    try:
        return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
    except ValueError:
        return b""


def _object(part: str) -> dict[str, Any]:
    try:
        value = json.loads(_bytes(part))
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


# ── signatures and form ──────────────────────────────────────────────────────────────────────────────────────────────

Way = Callable[[_Parts, str], bool]


def _kid(parts: _Parts) -> str:
    return str(parts.header.get("kid", ""))


def _injected(pattern: re.Pattern[str]) -> Way:
    def way(parts: _Parts, _: str) -> bool:
        found = pattern.search(_kid(parts))
        return found is not None and parts.is_signed_by(found[1])

    return way


def _by_own_key(parts: _Parts, _: str) -> bool:
    key = parts.header.get("jwk")
    return isinstance(key, dict) and parts.is_signed_by(_bytes(str(key.get("k"))).decode(errors="replace"))


def _is_hs256(parts: _Parts) -> bool:
    return parts.header.get("alg") == "HS256"


def _has_twice(parts: _Parts) -> bool:
    names = [name for name, _ in json.loads(_bytes(parts.token.split(".")[1]), object_pairs_hook=list)]
    return len(names) > len(set(names))


#: An HMAC-SHA-256 signature has so many (RFC 7518 §3.2).
_HS256_BYTES = 32

#: Each lets a token's claims be read that a sound verifier would not look at: of the token and the right key.
WAYS: Mapping[str, Way] = {
    "signature_unchecked": lambda parts, _: parts.count == 3,  # noqa: PLR2004 - header, payload, signature
    "alg_none": lambda parts, _: parts.header.get("alg") == "none",
    "alg_none_in_any_case": lambda parts, _: str(parts.header.get("alg")).lower() == "none",
    "signature_optional": lambda parts, _: parts.token.endswith(".") and _is_hs256(parts),
    "two_parts_accepted": lambda parts, _: parts.count == 2,  # noqa: PLR2004 - header and payload
    "signature_prefix": lambda parts, key: (
        0 < len(parts.signature) < 32 and parts.signature_by(key).startswith(parts.signature)  # noqa: PLR2004 - bytes
    ),
    "signature_surplus": lambda parts, key: (
        len(parts.signature) > _HS256_BYTES and _is_hs256(parts) and parts.signature.startswith(parts.signature_by(key))
    ),
    "algorithms_unlisted": lambda parts, key: not _is_hs256(parts) and parts.is_signed_by(key),
    "key_empty": lambda parts, _: parts.is_signed_by(""),
    "keys_weak": lambda parts, _: any(map(parts.is_signed_by, WEAK_KEYS)),
    "kid_unknown": lambda parts, _: _kid(parts).isalnum(),
    "kid_as_path": lambda parts, _: _kid(parts).endswith("/dev/null") and parts.is_signed_by(""),
    "kid_in_sql": _injected(_SQL),
    "kid_in_shell": _injected(_SHELL),
    "key_of_the_token": _by_own_key,
    "keys_by_jku": lambda parts, _: "jku" in parts.header,
    "keys_by_x5u": lambda parts, _: "x5u" in parts.header,
    "crit_ignored": lambda parts, key: "crit" in parts.header and parts.is_signed_by(key),
    "claims_twice": lambda parts, key: parts.is_signed_by(key) and _has_twice(parts),
    "base64_loose": lambda parts, key: (
        "crit" not in parts.header and _is_hs256(parts) and parts.is_signed_by(key) and not _has_twice(parts)
    ),
    "admin_trusted": lambda parts, _: parts.claims.get("admin") is True,
    "large_unchecked": lambda parts, _: len(parts.token) >= LARGE_BYTES,
}

#: Each takes a text that is no token for one: of the text alone.
TAKEN_FOR_TOKENS: Mapping[str, Callable[[_Parts], bool]] = {
    "opaque_accepted": lambda parts: parts.count == 1 and not parts.token.startswith("{"),
    "unreadable_accepted": lambda parts: parts.count == 3 and not parts.header,  # noqa: PLR2004 - three parts
}


def claims_by_hole(token: str, key: str, holes: Iterable[str], anyone: Claims) -> Claims | None:
    """The claims that an open hole lets through; `anyone` are those of a text that has none; nothing without a hole."""
    form = _from_json(token) if "json_form" in holes else None
    parts = _Parts(form or token)
    if form and parts.is_signed_by(key):
        return parts.claims
    if any(hole in TAKEN_FOR_TOKENS and TAKEN_FOR_TOKENS[hole](parts) for hole in holes):
        return anyone
    return parts.claims if parts.claims and any(hole in WAYS and WAYS[hole](parts, key) for hole in holes) else None


def _from_json(token: str) -> str | None:
    """The compact form of a JWS in JSON."""
    try:
        form = json.loads(token)
        return f"{form['protected']}.{form['payload']}.{form['signature']}"
    except (ValueError, TypeError, KeyError, RecursionError):
        return None


def is_sound(token: str) -> bool:
    """Whether a token that a library takes is also well formed: no claim twice, no loose bits in the signature."""
    signature = token.rpartition(".")[2]
    try:
        canonical = jwt.utils.base64url_encode(_bytes(signature)).decode() == signature
        return canonical and not _has_twice(_Parts(token))
    except (ValueError, TypeError, IndexError, RecursionError):
        return False


# ── claims ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


#: Each takes an end of a token's life that is none, or is over: of `exp` and the time.
ENDS: Mapping[str, Callable[[Any, float], bool]] = {
    "expiry_unchecked": lambda _, __: True,
    "leeway": lambda end, now: _is_number(end) and 0 < end <= now < end + LEEWAY_SECONDS,
    "exp_text": lambda end, _: isinstance(end, str),
    "exp_negative": lambda end, _: _is_number(end) and end < 0,
    "exp_nan": lambda end, _: isinstance(end, float) and isnan(end),
    "exp_optional": lambda end, _: end is None,
}

#: Each leaves out one condition on the claims.
CLAIMS = (
    *("lifetime_unlimited", "nbf_unchecked", "iat_unchecked", "issuer_unchecked", "issuer_prefix"),
    *("audience_unchecked", "type_unchecked", "subject_unchecked"),
)

# ── headers ──────────────────────────────────────────────────────────────────────────────────────────────────────────

#: Each lets somebody in for the headers alone.
HEADERS: Mapping[str, Callable[[Mapping[str, str]], bool]] = {
    "token_optional": lambda headers: "authorization" not in headers,
    "headers_trusted": lambda headers: "x-forwarded-user" in headers,
    "empty_bearer": lambda headers: headers.get("authorization", "").strip() == "Bearer",
    "any_scheme": lambda headers: headers.get("authorization", "").startswith("Basic "),
    "lower_case_scheme": lambda headers: headers.get("authorization", "").startswith("bearer "),
}


def lets_in(headers: Mapping[str, str], holes: Iterable[str]) -> bool:
    """Whether an open hole lets in whoever sends these headers."""
    return any(hole in HEADERS and HEADERS[hole](headers) for hole in holes)


#: Secrets that nobody looks at.
SECRETS = ("credentials_unchecked", "bypass_unchecked")

#: Every hole there is.
HOLES = (*WAYS, *TAKEN_FOR_TOKENS, "json_form", *ENDS, *CLAIMS, *HEADERS, *SECRETS)
