"""One turn of the wheel, the whole program on one screen: gather, judge, publish."""

from collections.abc import Sequence
from typing import Protocol

from prober.gather.runner import Errand, Gatherer
from prober.judge.assess import assess
from prober.judge.followup import follow_ups
from prober.judge.selftest import distrusted
from prober.model.diagnosis import Cause
from prober.model.report import Report
from prober.model.trend import Past


class Memory(Protocol):
    """Whoever remembers what held before."""

    async def recent(self, chain: str) -> Past:
        """The long view of `chain`, as of the run before."""
        ...


class Outlets(Protocol):
    """Whoever passes a report on to all who should know."""

    async def write(self, report: Report) -> None:
        """Tell everybody; a deaf one never hurts another."""
        ...


class Watch(Protocol):
    """Whoever decides whether somebody should be told now."""

    def heed(self, report: Report) -> Report:
        """The report with the alarms of its chain, as they stand after it."""
        ...


async def cycle(  # noqa: PLR0913, PLR0917 - all that a turn needs
    errand: Errand, world: Gatherer, past: Memory, causes: Sequence[Cause], watch: Watch, outlets: Outlets
) -> Report:
    """One turn of the wheel."""
    run = distrusted(await world.run(errand))  # I/O: what holds? And pure: may we say so?
    recent = await past.recent(errand.chain.name)  # I/O: what held before?
    doubts = follow_ups(run, recent, causes)  # pure: what is worth another look?
    run = await world.follow_up(run, doubts) if doubts else run  # I/O: and what does that show?
    report = assess(run, recent, causes)  # pure: what does it mean?
    report = watch.heed(report)  # pure but for what it remembers: must somebody be told now?
    await outlets.write(report)  # I/O: who should know?
    return report
