"""Report: a run, its diagnosis and the long view; the one value every outlet receives."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from prober.model.alarm import Alarm
from prober.model.diagnosis import Diagnosis
from prober.model.facts import Facts
from prober.model.observation import Pair
from prober.model.signal import Readings
from prober.model.trend import Window
from prober.model.verdict import Outcome, Run


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """What one verifier did with one issuer's token."""

    issuer: str
    verifier: str
    outcome: Outcome
    step: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    """What one verifier did with a token that must be refused."""

    name: str  # the bad issuer, as it is in the config, or `credentials`, or `bypass-key`
    verifier: str
    service: str
    outcome: Outcome
    step: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Everything there is to tell about one turn of one chain."""

    run: Run
    diagnosis: Diagnosis
    matrix: tuple[Cell, ...]
    controls: tuple[Control, ...]
    secrets: tuple[Pair, ...]
    facts: tuple[Facts, ...]
    readings: Readings = field(default_factory=dict)  # what this run alone answered to the diagnosis' questions
    windows: tuple[Window, ...]  # of the whole chain, shortest first, this run included
    step_windows: Mapping[str, tuple[Window, ...]] = field(default_factory=dict)  # by step name
    alarms: tuple[Alarm, ...] = ()  # of this chain, as they stand after this run
