"""Secret: a value that cannot print itself; Redactor: what blots known secrets and token shapes out of a text."""

import hmac
import re
from collections.abc import Iterable
from typing import NoReturn

#: The shape of a JWT (RFC 7519 §3.1): two or three base64url parts; the first opens a JSON object (`{"` = `eyJ`).
_TOKEN_SHAPE = re.compile(r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]*)?")
#: A token wrapped once more for a WebSocket subprotocol: `jwt.` + base64url(token); `ZXlK` is base64("eyJ").
_WRAPPED_SHAPE = re.compile(r"\bZXlK[A-Za-z0-9_-]{16,}")
#: Shorter values would blot out ordinary words; they are refused as secrets at load anyway.
_SHORTEST_BLOTTED = 6


class Secret:
    """A value that refuses to print, compare by `==` or be pickled; `reveal()` is the one way out."""

    __slots__ = ("_value", "name")

    def __init__(self, name: str, value: str) -> None:
        """Hold `value` under the `name` by which messages may speak of it."""
        self.name = name
        self._value = value

    def reveal(self) -> str:
        """Give the value itself, for the one call that sends or signs with it."""
        return self._value

    def matches(self, other: str) -> bool:
        """Compare in constant time, so that an answer's delay tells nothing."""
        return hmac.compare_digest(self._value.encode(), other.encode())

    def __repr__(self) -> str:
        return f"Secret({self.name!r})"

    __str__ = __repr__

    def __format__(self, format_spec: str) -> str:
        return repr(self)

    def __eq__(self, other: object) -> bool:
        return self is other

    def __hash__(self) -> int:
        return id(self)

    def __reduce__(self) -> NoReturn:
        message = f"{self!r} is not to be pickled or copied"
        raise TypeError(message)


class Redactor:
    """Blots out every known secret value and everything shaped like a token."""

    __slots__ = ("_known",)

    def __init__(self, secrets: Iterable[Secret] = ()) -> None:
        """Know `secrets`; values under six characters are left alone, they would blot out ordinary words."""
        values = {(secret.reveal(), secret.name) for secret in secrets}
        longest_first = sorted(values, key=lambda pair: -len(pair[0]))
        self._known = tuple((value, f"[{name}]") for value, name in longest_first if len(value) >= _SHORTEST_BLOTTED)

    def __call__(self, text: str) -> str:
        """Give `text` with each secret as `[name]` and each token shape as `[token]`."""
        for value, label in self._known:
            text = text.replace(value, label)
        return _WRAPPED_SHAPE.sub("[token]", _TOKEN_SHAPE.sub("[token]", text))
