"""Self-test: whether the prober's own judgement held when it was last put to the test, and what was wrong with it."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Temper(StrEnum):
    """What the self-test's own small services are like."""

    CAREFUL = "careful"  # mints good tokens, accepts those, refuses all others
    REFUSING = "refusing"  # mints nothing and refuses everybody
    OPEN = "open"  # mints good tokens, and accepts whatever it is shown


@dataclass(frozen=True, slots=True, kw_only=True)
class SelfTest:
    """One self-test: when it ended, how long it took, and what we got wrong; empty: nothing."""

    at: datetime
    seconds: float
    complaints: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether our verdicts can be trusted."""
        return not self.complaints
