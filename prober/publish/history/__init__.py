"""THE STORE: the reports of the past, and the long view over them; one implementation a file."""

from collections.abc import Container, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from prober.model.chain import Keeping, Trigger
from prober.model.report import Report
from prober.model.trend import Past, Recall
from prober.model.verdict import RunVerdict
from prober.publish.document import Document
from prober.publish.history.bars import Bar, CauseTime, Coverage, RevisionMark
from prober.publish.history.entries import Entry, Written


class History(Protocol):
    """Where reports are kept; also a sink."""

    name: str

    async def recent(self, chain: str) -> Past:
        """The windows of `chain` and of its steps, as they stand now."""
        ...

    async def write(self, report: Report) -> None:
        """Keep one report, and count it if a schedule started it."""
        ...

    async def get(self, run_id: str) -> Document | None:
        """The report of one run; None when it is not, or no longer, kept."""
        ...

    async def newest(
        self,
        *,
        chain: str | None = None,
        verdict: RunVerdict | None = None,
        limit: int = 50,
        but_for: Trigger | None = None,
    ) -> Sequence[Document]:
        """The newest reports first, without those of one trigger."""
        ...

    async def newest_json(
        self, *, chain: str | None = None, verdict: RunVerdict | None = None, limit: int = 50
    ) -> Sequence[bytes]:
        """The newest reports first, as the text that is kept: who passes it on need not read it."""
        ...


class LongView(Protocol):
    """What the page asks of weeks; everything raises StoreUnavailable where they are not kept, or cannot be had now."""

    async def bars(self, chain: str, since: datetime, until: datetime, buckets: int) -> Sequence[Bar]:
        """What each step of `chain` came to, in about so many stretches of time; those without a look are left out."""
        ...

    async def cause_times(self, chain: str, since: datetime) -> Sequence[CauseTime]:
        """When which cause was named, by half hours, oldest first."""
        ...

    async def revision_marks(self, since: datetime) -> Sequence[RevisionMark]:
        """When which service was first seen to be of another revision, oldest first."""
        ...

    async def coverage(self, chain: str, since: datetime) -> Sequence[Coverage]:
        """What became of the slots that were due since a moment, by grid."""
        ...

    async def run_at(self, chain: str, step: str, since: datetime, until: datetime) -> str | None:
        """The last run in which a step failed between two moments, or else the last that looked; None: none is kept."""
        ...


class Archive(History, LongView, Protocol):
    """All that the endpoint asks of the past."""

    @property
    def is_away(self) -> str | None:
        """Why the store is away; None when it is not."""
        ...


class Store(LongView, Protocol):
    """A place that outlives the process; everything raises StoreUnavailable when it is away."""

    @property
    def is_shared(self) -> bool:
        """Whether other instances may be writing too."""
        ...

    async def open(self) -> None:
        """Make or migrate its tables; raises StoreNotOurs for one that a newer release wrote, or that is in use."""
        ...

    async def aclose(self) -> None:
        """Let go of it."""
        ...

    async def write(self, entries: Sequence[Entry]) -> list[Written]:
        """Write all of `entries`, in their order, or none; what became of each."""
        ...

    async def prune(self, keeping: Keeping, now: datetime) -> None:
        """Let go of what is too old or too much, a little at a time."""
        ...

    async def oldest(self) -> datetime | None:
        """When the oldest run that is kept ended, wherever it was taken; None where none is."""
        ...

    async def now(self) -> datetime | None:
        """What time it is there; None where its clock is ours."""
        ...

    async def get(self, run_id: str) -> Document | None:
        """The report of one run."""
        ...

    async def newest(
        self, *, chain: str | None, verdict: str | None, limit: int, but_for: Trigger | None = None
    ) -> Sequence[Document]:
        """The newest reports first, without those of one trigger."""
        ...

    async def latest(self, chains: Sequence[str], verdict: str | None = None) -> Sequence[Document]:
        """The newest report of each of these chains that has one; ask for some hundred at a time."""
        ...

    async def newest_json(self, *, chain: str | None, verdict: str | None, limit: int) -> Sequence[bytes]:
        """The newest reports first, as the text that is kept."""
        ...

    async def recalls(self, *, ended_after: datetime) -> Sequence[Recall]:
        """What is remembered of the runs at our location that ended after a moment, oldest first."""
        ...

    async def news(self, but_for: Container[str], back_seconds: float = ...) -> Sequence[Recall]:
        """What was written down at our location since somebody last asked, without the runs he knows.

        A transaction may take `back_seconds` to be seen.
        """
        ...

    async def noted(self) -> Mapping[str, str]:
        """State of ours, by name."""
        ...

    async def open_grids(self) -> Sequence[tuple[str, float, int]]:
        """The grids at our location that are not closed: chain, interval in seconds, and the last slot in the books."""
        ...

    async def size_bytes(self) -> int:
        """How much room it takes."""
        ...
