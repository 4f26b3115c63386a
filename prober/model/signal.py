"""The named readings a diagnosis reasons over: a Signal is a question about the environment, a reading its answer."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple


class Signal(NamedTuple):
    """One question, e.g. `accepts(local, backend)`; by roles, not service names, so that any pair of services fits.

    A tuple, since a run looks into sets and tables of them two hundred times.
    """

    name: str
    about: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.name}({', '.join(self.about)})" if self.about else self.name


@dataclass(frozen=True, slots=True)
class Reading:
    """The answer one run gave to one signal, and the steps that show it."""

    signal: Signal
    value: str  # from the signal's closed set, see judge/signals.py
    steps: tuple[str, ...]
    normal: bool  # as in a healthy environment

    def __str__(self) -> str:
        return f"{self.signal} = {self.value}"


#: What was seen; a signal that is absent is unknown, and supports and refutes nothing.
Readings = Mapping[Signal, Reading]
