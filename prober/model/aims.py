"""Aims: what a gate wants to be sure of; apart, since `prober gate --help` shows its defaults and needs no more."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Aims:
    """What a gate wants to be sure of, and how long it tries. Shares of rounds, each 0 to 1; seconds."""

    good: float = 0.99  # a service that is well holds so often
    bad: float = 0.78  # one that should be stopped holds so often, or less
    false_bad: float = 0.008  # how often a good one may be stopped
    false_good: float = 0.01  # how often a bad one may pass
    proven: float | None = None  # a pass wants this to be the lower bound too
    confidence: float = 0.95  # of that bound
    most_rounds: int = 120
    coverage: float = 0.8  # so many of the rounds must be judged
    revision: str = ""  # the one that was deployed
    warm_up_seconds: float = 30.0
    most_seconds: float = 600.0
