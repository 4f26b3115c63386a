"""A row of the matrix: a fault of the page, how it is brought about, and how it is played."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial

from tests.matrix.scene import Act, Scene, observed

FAMILIES = {"T": "target", "N": "network", "S": "storage", "C": "clock", "P": "process"}

Play = Callable[[Scene], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Fault:
    """One of the seventy."""

    number: int
    name: str  # in the words of the page
    mechanism: str  # what really happens, and where that is only the nearest thing
    expects: str  # in words, for those who read the table
    play: Play
    dialect: str = "real"
    is_ours: bool = False  # the target is well throughout, and nothing may be booked on it
    needs: tuple[str, ...] = ()  # of the machine: `root`, `strace`, `faketime`, `postgres`, `ipv6`
    acts: tuple[Act, ...] = ()

    @property
    def is_patient(self) -> bool:
        """Whether steps may take long: where all is well with the target, and it is no wait that is looked for."""
        return not any({"fail", "blind"}.intersection(act.expected.run) for act in self.acts)

    @property
    def family(self) -> str:
        """Where it is."""
        return next(family for last, family in _LAST.items() if self.number <= last)


_LAST = {40: "T", 51: "N", 58: "S", 62: "C", 70: "P"}


def at_target(
    number: int, name: str, mechanism: str, *acts: Act, dialect: str = "real", is_ours: bool = False
) -> Fault:
    """A fault that a prober looks at."""
    expects = " · ".join(str(act.expected) for act in acts)
    play = partial(observed, acts=acts)
    return Fault(number, name, mechanism, expects, play, dialect=dialect, is_ours=is_ours, acts=acts)
