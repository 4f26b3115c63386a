"""The long view: how often a chain or step succeeded over a window, and how sure that figure is."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from prober.model.chain import Trigger
from prober.model.facts import Facts
from prober.model.signal import Readings
from prober.model.verdict import RunVerdict


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
    """What held before this run: windows, the readings of the last rounds, and what services told of themselves."""

    chain: tuple[Window, ...] = ()
    steps: Mapping[str, tuple[Window, ...]] = field(default_factory=dict)
    rounds: tuple[Readings, ...] = ()  # of the last runs, oldest first
    is_burst: bool = False  # the rounds are seconds apart: one long look
    latest: Mapping[str, Facts] = field(default_factory=dict)  # by service, as of the run before
    well: Mapping[str, Facts] = field(default_factory=dict)  # by service, as of the last run that passed


@dataclass(frozen=True, slots=True, kw_only=True)
class Recall:
    """What is remembered of one run: all that windows, alarms and the next diagnosis want to know of it."""

    run_id: str
    chain: str
    trigger: Trigger
    verdict: RunVerdict
    began: datetime
    ended: datetime
    sample: bool | None  # whether the chain succeeded; None: not scheduled, or it could not tell
    steps: Mapping[str, bool] = field(default_factory=dict)  # of a scheduled run: steps that could tell, and succeeded
    controls: tuple[str, ...] = ()  # which of the run's steps are controls
    doors: Mapping[str, bool] = field(default_factory=dict)  # controls that could tell, and let a bad token in
    readings: Readings = field(default_factory=dict)
    facts: tuple[Facts, ...] = ()
    due: datetime | None = None  # of the slot it took; None: it took none

    @property
    def turn(self) -> datetime:
        """Of what time this run is: its slot's, which all instances have in common, whatever their clocks show."""
        return self.due or self.began
