"""TokenTraits out of a token string: nothing is verified, and garbage gives traits too."""

import base64
import json
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from prober.gather.evidence import Redact, is_clear, shown
from prober.model.token import TokenTraits

#: A text as it may be shown, in so many bytes at most.
Show = Callable[[str, int], str]

#: What stands in one part of a token.
Part = Mapping[str, Any]

_PREFIX_CHARACTERS = 12
_LONGEST_NAME = 64  # bytes of an algorithm, a key id, a claim's name
_LONGEST_SUBJECT = 256  # bytes
_MOST_CLAIMS = 64
_BEARER = "bearer "  # a scheme, so its case does not matter (RFC 9110 §11.1)
_LAST_SECOND = 1e12  # any later "time" is garbage


def traits(unverified_token: str, issuer: str, redact: Redact) -> TokenTraits:
    """The shape of `unverified_token`; whoever made it may have put anything into it, so what is shown is redacted."""
    parts = _bare(unverified_token).split(".")
    return traits_of(unverified_token, _object(parts, 0), _object(parts, 1), issuer, redact)


def traits_of(token: str, header: Part, claims: Part, issuer: str, redact: Redact) -> TokenTraits:
    """The shape of a token, where it is known what stands in its parts."""
    flat = _flat(header), _flat(claims)
    texts = [text for part in flat for pair in part.items() for text in pair if isinstance(text, str)]
    show = _cut if is_clear(texts, redact) else partial(_shown, redact)
    return TokenTraits(
        length=len(token),
        dots=token.count("."),
        prefix=_prefix(token) if header else "",  # an opaque token's start is its secret
        has_bearer_prefix=has_bearer_prefix(token),
        algorithm=_text(header.get("alg"), _LONGEST_NAME, show),
        key_id=_text(header.get("kid"), _LONGEST_NAME, show),
        claims=tuple(sorted([show(name, _LONGEST_NAME) for name in claims])[:_MOST_CLAIMS]),
        lifetime_seconds=_lifetime(claims),
        issuer=issuer,
        subject=_text(claims.get("sub"), _LONGEST_SUBJECT, show),
        header=_told(flat[0], show),
        payload=_told(flat[1], show),
    )


def has_bearer_prefix(token: str) -> bool:
    """Whether `Bearer ` stands in the token itself: sent as it is, the header would say it twice."""
    return token[: len(_BEARER)].lower() == _BEARER


def _bare(token: str) -> str:
    return token[len(_BEARER) :] if has_bearer_prefix(token) else token


def _prefix(token: str) -> str:
    return _bare(token).partition(".")[0][:_PREFIX_CHARACTERS]


def _object(parts: Sequence[str], index: int) -> Part:
    """The JSON object in part `index` of a compact token (RFC 7515 §7.1); empty when there is none."""
    try:
        part = parts[index]
        found = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except (IndexError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _cut(text: str, most_bytes: int) -> str:
    """A text in which nothing is amiss."""
    return text[:most_bytes]


def _shown(redact: Redact, text: str, most_bytes: int) -> str:
    return shown(text, redact, most_bytes)


def _text(value: object, longest: int, show: Show) -> str | None:
    return show(value, longest) if isinstance(value, str) else None


def _flat(part: Part) -> Part:
    """Plain values as they are; whatever is nested, or a number that JSON does not know, as its text."""
    return {name: value if _is_plain(value) else _as_text(value) for name, value in part.items()}


def _told(flat: Part, show: Show) -> dict[str, object]:
    """What stands in one part, as much of it as may be shown."""
    return {
        show(name, _LONGEST_NAME): show(value, _LONGEST_SUBJECT) if isinstance(value, str) else value
        for name, value in sorted(flat.items())[:_MOST_CLAIMS]
    }


def _is_plain(value: object) -> bool:
    return isinstance(value, str) or value is None or _is_sane(value)


def _as_text(value: object) -> str:
    try:
        return json.dumps(value)
    except (ValueError, RecursionError):
        return "…"  # too deep, or a number too long to be written


def _is_sane(value: object) -> bool:
    return isinstance(value, (int, float)) and abs(value) < _LAST_SECOND


def _lifetime(claims: Part) -> float | None:
    ends, begins = _moment(claims.get("exp")), _moment(claims.get("iat"))
    return None if ends is None or begins is None else ends - begins


def _moment(value: object) -> float | None:
    """A NumericDate (RFC 7519 §2) in seconds; None for whatever else stands there."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return float(value) if _is_sane(value) else None
