"""Secret: a value that cannot print itself; Redactor: what blots known secrets and token shapes out of a text."""

import hmac
import re
from collections.abc import Iterable, Mapping
from typing import NoReturn

from prober.model.forms import encoded, forms
from prober.model.pieces import SHORTEST_PIECE, Form, Loose, Pieces, form_of

#: How the first part of a JWT begins: it opens a JSON object (`{"`).
_OBJECT = "eyJ"
#: The shape of a JWT (RFC 7519 §3.1): two or three base64url parts.
_TOKEN_SHAPE = re.compile(r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]*)?")
#: A token wrapped once more for a WebSocket subprotocol: `jwt.` + base64url(token); this is base64("eyJ").
_WRAPPED_OBJECT = "ZXlK"
_WRAPPED_SHAPE = re.compile(r"\bZXlK[A-Za-z0-9_-]{16,}")
#: Each with how it begins: nearly every text holds none, and that is found out at once.
_SHAPES = ((_OBJECT, _TOKEN_SHAPE), (_WRAPPED_OBJECT, _WRAPPED_SHAPE))
#: Shorter values would blot out ordinary words; they are refused as secrets at load anyway.
_SHORTEST_BLOTTED = 6
#: Of an opaque token; longer ones are known by their beginning, and as a whole.
_LONGEST_WORTH = 512


class Secret:
    """A value that refuses to print, compare by `==` or be pickled; `reveal()` is the one way out."""

    __slots__ = ("__weakref__", "_value", "name")

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


class _Blots:
    """What is known as a whole, and in pieces; everything shaped like a token goes too."""

    __slots__ = ("_pieces", "_whole")

    def __init__(self, whole: Mapping[str, str], pieces: Pieces | Loose) -> None:
        self._whole, self._pieces = whole, pieces

    def __call__(self, text: str) -> str:
        """Give `text` with each secret as `[name]` and each token shape as `[token]`."""
        for value, label in self._whole.items():
            text = text.replace(value, label)
        if len(text) < SHORTEST_PIECE:  # each shape is longer too
            return text
        for beginning, shape in _SHAPES:
            text = shape.sub("[token]", text) if beginning in text else text
        return self._pieces.blot(text)


class Redactor(_Blots):
    """Blots out every known secret, each telling piece of any of its forms, and everything shaped like a token."""

    __slots__ = ("_known",)

    def __init__(self, secrets: Iterable[Secret] = (), heeded: Iterable[Form] = ()) -> None:
        """Know `secrets`, and what was `heeded`; values under six characters are left, they would blot out words.

        Of values within each other the longest is looked for first.
        """
        self._known = Pieces()
        blotted = [secret for secret in secrets if _is_blotted(secret)]
        whole = {secret.reveal(): _label(secret) for secret in blotted}
        super().__init__(dict(sorted(whole.items(), key=lambda pair: -len(pair[0]))), self._known)
        for secret in blotted:
            self._known.learn(dict.fromkeys(forms(secret.reveal())), _label(secret))
        for form in heeded:
            self._known.enter(form)

    def heed(self, token: Secret) -> Form:
        """Know what makes a token good, as it is written, until it is forgotten."""
        form = form_of(worth_of(token), _label(token))
        self._known.enter(form)
        return form

    def forget(self, heeded: Form) -> None:
        """Know a token no longer."""
        self._known.forget(heeded)


class TokenRedactor(_Blots):
    """Blots out one token in all its forms: a JWT by its signature, without which it is worth nothing."""

    __slots__ = ()

    def __init__(self, token: Secret) -> None:
        """Know `token`, of which little is seen: an answer that holds any of it is rare."""
        is_blotted = _is_blotted(token)
        written = encoded(worth_of(token)[:_LONGEST_WORTH]) if is_blotted else ()
        whole = {token.reveal(): _label(token)} if is_blotted else {}
        super().__init__(whole, Loose(dict.fromkeys(written), _label(token)))


def _is_blotted(secret: Secret) -> bool:
    return len(secret.reveal()) >= _SHORTEST_BLOTTED


def _label(secret: Secret) -> str:
    return f"[{secret.name}]"


def worth_of(token: Secret) -> str:
    """The part of a token that makes it good: of a JWT the signature, of an opaque one all of it."""
    header, _, rest = token.reveal().partition(".")
    return rest.partition(".")[2] if header.startswith(_OBJECT) and "." in rest else token.reveal()
