"""What a service's answers tell of itself in passing."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What a service's answers told of itself in one run; None where it told nothing."""

    service: str
    version: str | None = None
    revision: str | None = None
    uptime_seconds: float | None = None
    clock_offset_seconds: float | None = None  # its Date header minus our clock, ± 1 s (the header has whole seconds)
    certificate_not_after: datetime | None = None
