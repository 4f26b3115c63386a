"""THE STORE: the reports of the past, and the long view over them; one implementation a file."""

from collections.abc import Sequence
from typing import Protocol

from prober.model.report import Report
from prober.model.trend import Past
from prober.model.verdict import RunVerdict


class History(Protocol):
    """Where reports are kept; also a sink."""

    name: str

    async def recent(self, chain: str) -> Past:
        """The windows of `chain` and of its steps, as they stand now."""
        ...

    async def write(self, report: Report) -> None:
        """Keep one report, and count it if a schedule started it."""
        ...

    async def get(self, run_id: str) -> Report | None:
        """The report of one run; None when it is not, or no longer, kept."""
        ...

    async def list(
        self, *, chain: str | None = None, verdict: RunVerdict | None = None, limit: int = 50
    ) -> Sequence[Report]:
        """The newest reports first."""
        ...
