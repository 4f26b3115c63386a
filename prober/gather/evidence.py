"""Evidence: what may be kept of an answer. A target's bytes go in; bounded, redacted, printable text comes out.

Rule 1: first redact, then cut: the beginning of a secret may be too little to be recognised. Rule 2: nothing in here
trusts the target.
"""

import json
import math
import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from urllib.parse import unquote

from prober.model.observation import Json
from prober.model.secret import Secret, TokenRedactor

Redact = Callable[[str], str]

BODY_BYTES = 2048
EVENT_BYTES = 1024
#: A longer body is shown but not parsed: no answer that is asked about by a condition comes near, and parsing is ours.
JSON_BYTES = 64 * 1024
JSON_DEPTH = 32

#: The headers that tell something about tokens, time, or the version; all others are left out, cookies first of all.
HEADERS = frozenset({
    "content-length", "content-type", "date", "location", "retry-after", "server", "via", "www-authenticate",
    "x-cloud-trace-context", "x-request-id", "x-service-name", "x-service-revision", "x-service-version",
})  # fmt: skip

#: JSON may write `/`, `"`, `\` and every visible ASCII character as an escape (RFC 8259 §7), and hide a secret with it.
_ESCAPE = re.compile(r'\\(?:u00([2-7][0-9a-fA-F])|([/"\\]))')
_MENDED = "�"

#: So much is redacted for each byte that may be shown: redaction makes a text shorter, and takes time on a long one.
_REDACTED_FOR_ONE = 16


def shown(text: str, redact: Redact, most_bytes: int = BODY_BYTES) -> str:
    """`text` without secrets, escapes that could hide one, and characters that move a cursor; cut to `most_bytes`."""
    most = text[: most_bytes * _REDACTED_FOR_ONE]
    clear = _ESCAPE.sub(_unescaped, most) if "\\" in most else most
    kept = _printable(redact(clear)[:most_bytes])
    return kept if kept.isascii() else kept.encode(errors="replace")[:most_bytes].decode(errors="ignore")


def blotting(redact: Redact, token: Secret | None) -> Redact:
    """`redact`, that blots out this very token too: the peer may echo it, and one of no known shape looks like text."""
    if token is None:
        return redact
    ours = TokenRedactor(token)
    return lambda text: redact(ours(text))


def is_clear(texts: Iterable[str], redact: Redact, most_bytes: int = BODY_BYTES) -> bool:
    """Whether each of `texts` may be shown as it is: found out for all at once, since nearly all may.

    Whatever is found in one of them is found where they stand side by side too.
    """
    joined = " ".join(texts)
    is_plain = joined.isascii() and joined.isprintable() and "\\" not in joined
    return is_plain and len(joined) <= most_bytes and redact(joined) == joined


def sparing(texts: Iterable[str], redact: Redact) -> Redact:
    """`redact` for each of `texts` and each part of one; what does nothing where they hold nothing, as nearly all.

    So all that is kept of an answer is looked through once. What an escape or another encoding (RFC 4627 §3) could hide
    is not found like that, nor is it looked for in more than is parsed.
    """
    joined = " ".join(texts)
    is_plain = joined.isascii() and "\\" not in joined and "\0" not in joined
    return _as_it_is if is_plain and len(joined) <= JSON_BYTES and redact(joined) == joined else redact


def kept_headers(headers: Iterable[tuple[str, str]]) -> dict[str, str]:
    """The headers that may be kept once they are fit to be shown, by lower-case names."""
    kept = {known: value for name, value in headers if (known := name.lower()) in HEADERS}
    if "location" in kept:
        kept["location"] = unquote(kept["location"])
    return kept


def shown_headers(headers: Iterable[tuple[str, str]], redact: Redact) -> dict[str, str]:
    """Those that may be kept, as they may be shown."""
    return shown_each(kept_headers(headers), redact)


def shown_each(kept: Mapping[str, str], redact: Redact) -> dict[str, str]:
    """`kept` with each value fit to be shown."""
    return dict(kept) if is_clear(kept.values(), redact) else {name: shown(kept[name], redact) for name in kept}


def shown_json(raw: bytes, redact: Redact) -> Json:
    """The JSON value in `raw` with every string redacted; None when there is none, or it is too long or too deep."""
    if len(raw) > JSON_BYTES:
        return None
    try:
        text = _clear_text(raw, redact)
        found = _JSON.decode(_text(raw) if text is None else text)
        if text is not None and text.count("[") + text.count("{") <= JSON_DEPTH:
            return found  # and no escape, so no surrogate
        return _clean(found, redact if text is None else _as_it_is, JSON_DEPTH)
    except (ValueError, RecursionError):  # ValueError: not JSON, not UTF-8, an endless number, or too deep
        return None


def _text(raw: bytes) -> str:
    """In whichever encoding JSON may have come, as the library reads it."""
    return raw.decode(json.detect_encoding(raw), "surrogatepass")


def _clear_text(raw: bytes, redact: Redact) -> str | None:
    """`raw` as a text, where nothing in it is to be blotted: each string in it is a part of it, and holds nothing.

    None where that cannot be said: of escapes, or other encodings (RFC 4627 §3), in which NUL stands between letters.
    """
    if not raw.isascii() or b"\\" in raw or b"\0" in raw:
        return None
    text = raw.decode()
    return text if redact(text) == text else None


def _as_it_is(text: str) -> str:
    return text


def _clean(value: Json, redact: Redact, depth: int) -> Json:
    if depth == 0 and isinstance(value, Mapping | list):
        raise ValueError(depth)
    if isinstance(value, str):
        clear = redact(value)  # a lone surrogate cannot be stored or sent on
        return clear if clear.isascii() else clear.encode(errors="replace").decode()
    if isinstance(value, Mapping):
        return {_clean(name, redact, depth - 1): _clean(inner, redact, depth - 1) for name, inner in value.items()}
    if isinstance(value, list):
        return [_clean(inner, redact, depth - 1) for inner in value]
    return value


def _refuse(constant: str) -> float:
    """NaN and Infinity, which Python reads and JSON does not know (RFC 8259 §6)."""
    raise ValueError(constant)


def _finite(text: str) -> float:
    number = float(text)
    return number if math.isfinite(number) else _refuse(text)


#: Made once: `json.loads` makes one for each answer.
_JSON = json.JSONDecoder(parse_constant=_refuse, parse_float=_finite)


def _unescaped(escape: re.Match[str]) -> str:
    code, character = escape.groups()
    return chr(int(code, 16)) if code else character


def _printable(text: str) -> str:
    """`text` with control characters and those that turn the direction of writing mended; lines and tabs stay."""
    if text.isprintable():
        return text
    return "".join(_MENDED if _moves_a_cursor(character) else character for character in text)


def _moves_a_cursor(character: str) -> bool:
    return character not in "\n\t" and unicodedata.category(character) in {"Cc", "Cf", "Cs", "Zl", "Zp"}
