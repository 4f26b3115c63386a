"""What every secret source is: a function from the part of a reference after the colon to a value."""

from collections.abc import Mapping
from typing import Protocol


class Unusable(Exception):
    """A source has no value to give, or what it has cannot be used; the text says why and never quotes a value."""


class SecretSource(Protocol):
    """One way to look a secret up."""

    def __call__(self, place: str, environ: Mapping[str, str]) -> str:
        """The value found at `place`; raises Unusable where there is none."""
        ...
