"""What must not matter to a diagnosis: how slow, how flaky and how worded a world is, with nothing broken."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from zlib import crc32

from prober.lab.settings import Settings

SLOWEST_SECONDS = 2.0
"""More would need more patience than the lab's probes.yaml can be given."""

PATIENT_ABOVE_SECONDS = 0.2
HASTY = {"LAB_INTERVAL": "5s", "LAB_DEADLINE": "5s", "LAB_TIMEOUT": "2s", "LAB_STEP_TIMEOUT": "5s"}
PATIENT = {"LAB_INTERVAL": "60s", "LAB_DEADLINE": "60s", "LAB_TIMEOUT": "12s", "LAB_STEP_TIMEOUT": "12s"}

_TIME = re.compile(r"(\d+(?:\.\d+)?)(ms|s)")
_SHARE = re.compile(r"(\d+(?:\.\d+)?)%")
_UNIT_SECONDS = {"ms": 0.001, "s": 1.0}


@dataclass(frozen=True, slots=True, kw_only=True)
class Noise:
    """How a world is beside its faults; it stays so however the faults change."""

    latency: tuple[float, float] = (0.0, 0.0)
    """Between how many seconds the edge delays each request; never what the services say to each other."""
    failures: float = 0.0
    """The share of requests, and of upgrades, that crash in each service: 0 to 1."""
    reworded: bool = False
    seed: int | None = None
    """Makes chance repeat itself; each process has its own from it."""

    def of_service(self, name: str) -> Settings:
        """The settings of a service in this noise."""
        return {"failure_ratio": self.failures, "reworded": self.reworded, "noise_seed": self._seed(name)}

    def of_side(self, name: str) -> Settings:
        """The settings of the edge before a service in this noise."""
        fastest, slowest = self.latency
        seed = self._seed(f"edge of {name}")
        return {"latency_min_seconds": fastest, "latency_max_seconds": slowest, "noise_seed": seed}

    @property
    def patience(self) -> Mapping[str, str]:
        """The variables that make the lab's probes.yaml wait long enough; none without latency."""
        slowest = self.latency[1]
        if not slowest:
            return {}
        return PATIENT if slowest > PATIENT_ABOVE_SECONDS else HASTY

    def _seed(self, name: str) -> int | None:
        return None if self.seed is None else crc32(f"{self.seed} {name}".encode())


def latency_of(text: str) -> tuple[float, float]:
    """The range `10ms-2s` names, or the one value `30ms`, in seconds; raises ValueError with what would do."""
    ends = [_TIME.fullmatch(end.strip()) for end in text.split("-")]
    seconds = [float(end[1]) * _UNIT_SECONDS[end[2]] for end in ends if end]
    if len(seconds) != len(ends) or len(ends) > 2 or seconds != sorted(seconds) or seconds[-1] > SLOWEST_SECONDS:  # noqa: PLR2004 - a range has two ends
        message = f"{text!r} is no latency; write 30ms or 10ms-2s, from 0ms to {SLOWEST_SECONDS:g}s"
        raise ValueError(message)
    return seconds[0], seconds[-1]


def failures_of(text: str) -> float:
    """The share `3%` names, from 0 to 1; raises ValueError with what would do."""
    found = _SHARE.fullmatch(text.strip())
    share = float(found[1]) / 100 if found else -1.0
    if not 0.0 <= share <= 1.0:
        message = f"{text!r} is no share of requests; write 3%, from 0% to 100%"
        raise ValueError(message)
    return share
