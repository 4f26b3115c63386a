"""The answer to «why»: causes, how sure, which steps show it, what was ruled out, and what to do."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from prober.model.signal import Reading, Signal


class Confidence(StrEnum):
    """The only words for how sure we are; `high` must be right in 97 of 100."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


class State(StrEnum):
    """What the diagnosis came to."""

    HEALTHY = "healthy"
    DIAGNOSED = "diagnosed"  # one hypothesis fits
    AMBIGUOUS = "ambiguous"  # several fit equally; all are named
    UNKNOWN = "unknown"  # something is wrong and nothing known fits


@dataclass(frozen=True, slots=True)
class Layer:
    """One step down from the surface to the root: a sentence, and the signals whose readings show it."""

    text: str
    shown_by: tuple[Signal, ...] = ()
    when: str | None = None  # told only where one of these signals reads so


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Cause:
    """One root cause as a prediction: what every signal would read if this were so. Unmentioned signals are free.

    There is one value per cause in a catalogue, so causes are compared by identity.
    """

    name: str
    family: str  # X B M D E F G H P, see docs/causes.md
    title: str  # a sentence without a full stop: «the backend has no service credentials»
    predicts: Mapping[Signal, frozenset[str]]
    layers: tuple[Layer, ...]  # surface → … → root
    remedy: tuple[str, ...]
    verify: str
    page: str  # the manual page: the docstring of the cause's file
    ours: bool = False  # the prober's own fault: never counted against a target
    key: tuple[Signal, ...] = ()  # at least one of these must be seen as predicted, or nobody would think of it
    masks: tuple[str, ...] = ()  # causes that could not be seen behind this one


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """A cause that fits what was seen, and which abnormal readings it explains."""

    cause: Cause
    confidence: Confidence
    explains: tuple[Reading, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Why:
    """One layer of the telling, citing the steps that show it."""

    layer: str  # surface error, layer 1, layer 2, …, root
    text: str
    steps: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RuledOut:
    """A cause that does not fit, and the reading that says so."""

    name: str
    by: Reading


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """All causes that fit equally well, best first; empty when healthy or unknown."""

    state: State
    causes: tuple[Named, ...] = ()
    whys: tuple[Why, ...] = ()
    ruled_out: tuple[RuledOut, ...] = ()
    would_split: tuple[Signal, ...] = ()  # signals whose reading would decide between the causes
    masked: tuple[str, ...] = ()  # cause names that could hide behind the named ones
    unexplained: tuple[Reading, ...] = ()
