"""The long view: how often a chain or step succeeded over a window, and how sure that figure is."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Successes among samples over the last `seconds`; BLIND and SKIP are in neither."""

    name: str  # 5m, 15m, 1h, 6h
    seconds: float
    samples: int
    successes: int
    lower: float  # Wilson bounds, 95 % two-sided; 0 and 1 without samples
    upper: float

    @property
    def ratio(self) -> float | None:
        """Successes over samples; None without samples: unknown, not zero."""
        return self.successes / self.samples if self.samples else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """What held before this run: the windows of the chain and of each of its steps, as of the run before."""

    chain: tuple[Window, ...] = ()
    steps: Mapping[str, tuple[Window, ...]] = field(default_factory=dict)
