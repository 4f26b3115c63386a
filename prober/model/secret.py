"""Secret: a value that cannot print itself; Redactor: what blots known secrets and token shapes out of a text."""

import hmac
import re
from collections.abc import Iterable, Mapping
from typing import NoReturn, Self

from prober.model.forms import encoded, forms
from prober.model.pieces import Pieces

#: The shape of a JWT (RFC 7519 §3.1): two or three base64url parts; the first opens a JSON object (`{"` = `eyJ`).
_TOKEN_SHAPE = re.compile(r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]*)?")
#: A token wrapped once more for a WebSocket subprotocol: `jwt.` + base64url(token); `ZXlK` is base64("eyJ").
_WRAPPED_SHAPE = re.compile(r"\bZXlK[A-Za-z0-9_-]{16,}")
#: Each with how it begins: nearly every text holds none, and that is found out at once.
_SHAPES = (("eyJ", _TOKEN_SHAPE), ("ZXlK", _WRAPPED_SHAPE))
#: Shorter values would blot out ordinary words; they are refused as secrets at load anyway.
_SHORTEST_BLOTTED = 6
#: How the first part of a JWT begins.
_OBJECT = "eyJ"
#: Of an opaque token; longer ones are known by their beginning, and as a whole.
_LONGEST_WORTH = 512


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
    """Blots out every known secret, each telling piece of any of its forms, and everything shaped like a token."""

    __slots__ = ("_pieces", "_whole")

    def __init__(
        self, secrets: Iterable[Secret] = (), *, pieces: Pieces | None = None, whole: Mapping[str, str] | None = None
    ) -> None:
        """Know `secrets`; values under six characters are left alone, they would blot out ordinary words."""
        self._pieces, self._whole = pieces or Pieces(), dict(whole or {})
        for secret in secrets:
            self._learn(secret, forms(secret.reveal()))

    @classmethod
    def of_token(cls, token: Secret) -> Self:
        """One that knows a token: a JWT by its signature, without which it is worth nothing, another by all of it."""
        redactor = cls()
        redactor._learn(token, encoded(worth_of(token)[:_LONGEST_WORTH]))
        return redactor

    def knowing(self, secret: Secret) -> Self:
        """Another that knows `secret` too."""
        return type(self)([secret], pieces=self._pieces.copy(), whole=self._whole)

    def _learn(self, secret: Secret, written: Iterable[str]) -> None:
        value, label = secret.reveal(), f"[{secret.name}]"
        if len(value) >= _SHORTEST_BLOTTED:
            whole = {**self._whole, value: label}
            self._whole = dict(sorted(whole.items(), key=lambda pair: -len(pair[0])))  # the longest first
            self._pieces.learn(dict.fromkeys(written), label)

    def __call__(self, text: str) -> str:
        """Give `text` with each secret as `[name]` and each token shape as `[token]`."""
        for value, label in self._whole.items():
            text = text.replace(value, label)
        for beginning, shape in _SHAPES:
            text = shape.sub("[token]", text) if beginning in text else text
        return self._pieces.blot(text)


def worth_of(token: Secret) -> str:
    """The part of a token that makes it good: of a JWT the signature, of an opaque one all of it."""
    header, _, rest = token.reveal().partition(".")
    return rest.partition(".")[2] if header.startswith(_OBJECT) and "." in rest else token.reveal()
