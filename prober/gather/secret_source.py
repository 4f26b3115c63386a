"""What every secret source is: a function from the part of a reference after the colon to a value and its version."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol, TypeVar

from prober.model.copies import Fetched

V = TypeVar("V")

#: What a failure is counted as, and how it is told.
Translation = tuple[Fetched, str]


class Unusable(Exception):
    """A source has no value to give, or what it has cannot be used; the text says why and never quotes a value."""

    def __init__(self, why: str, outcome: Fetched = Fetched.UNUSABLE) -> None:
        """Say why; `outcome` is what it is counted as."""
        super().__init__(why)
        self.outcome = outcome


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Found:
    """What lies at a place. The version is the source's own name for it, never made of the value."""

    value: str
    version: str = ""  # empty: the source knows none
    latest: str = ""  # where the place is pinned to a version: the newest there is; empty: it could not be told
    credentials: tuple[str, ...] = ()  # what the source itself was asked with, to be blotted out like a secret


class SecretSource(Protocol):
    """One way to look a secret up; it may block, and whoever calls it gives it a thread and a deadline."""

    def __call__(self, place: str, environ: Mapping[str, str]) -> Found:
        """What is found at `place`; raises Unusable where there is nothing."""
        ...


def translated(ask: Callable[[], V], table: Mapping[str, Translation], unknown: Translation) -> V:
    """What `ask` gives. Whatever it raises is Unusable, by a table of the names of exceptions and their parents.

    By name, since the library that they are of is imported only by those who have it. `from None`: what a library says
    of a failure may quote what it sent.
    """
    try:
        return ask()
    except Unusable:
        raise
    except Exception as error:  # noqa: BLE001 - whatever a library does is not to end a run
        kinds = [kind.__name__ for kind in type(error).__mro__]
        outcome, why = next((table[name] for name in kinds if name in table), unknown)
        raise Unusable(why, outcome) from None
