"""Literals: which values of one look are equal, without keeping any of them."""

import hmac
import secrets


class Literals:
    """Numbers values: equal ones alike. It keeps digests under a random key, and goes with the look it was made for."""

    def __init__(self) -> None:
        """Know nothing yet."""
        self._key = secrets.token_bytes(32)
        self._numbers: dict[bytes, int] = {}

    def alike(self, value: str) -> int:
        """The number of `value` in this look."""
        digest = hmac.digest(self._key, value.encode("utf-8", "surrogatepass"), "sha256")
        return self._numbers.setdefault(digest, len(self._numbers))

    def __repr__(self) -> str:
        return "Literals()"
