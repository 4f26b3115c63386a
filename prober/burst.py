"""A burst: rounds of one chain, seconds apart, that are one long look; what `prober run` and `demo --once` take."""

from dataclasses import dataclass, field, replace

from prober.judge.rounds import is_enough
from prober.model.diagnosis import State
from prober.model.report import Report
from prober.model.trend import Past
from prober.model.verdict import RunVerdict


@dataclass(slots=True)
class Burst:
    """The reports of a burst so far; the memory of each of its rounds."""

    reports: list[Report] = field(default_factory=list)

    async def recent(self, _chain: str) -> Past:
        """What the rounds of this burst have shown."""
        latest = {facts.service: facts for report in self.reports for facts in report.facts}
        rounds = tuple(report.readings for report in self.reports)
        return Past(rounds=rounds, is_burst=True, latest=latest)

    @property
    def is_enough(self) -> bool:
        """Whether another round would hardly tell more."""
        return is_enough([report.readings for report in self.reports])

    def verdict(self) -> Report:
        """The newest round; but where all rounds together show a cause, the newest in which it showed."""
        newest = self.reports[-1]
        failed = [report for report in self.reports if report.run.verdict is not RunVerdict.PASS]
        if newest.diagnosis.state is State.HEALTHY or newest.run.verdict is not RunVerdict.PASS or not failed:
            return newest
        return replace(failed[-1], diagnosis=newest.diagnosis)
