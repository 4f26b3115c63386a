"""A scrape: a run of one chain for whoever asks at /probe; those who ask alike share it, and none comes too soon."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from prober.gather.runner import Errand
from prober.model.chain import Chain, Step
from prober.model.errors import RunBroke
from prober.model.report import Report
from prober.model.verdict import Reason, Run, StepResult, Verdict
from prober.publish.document import Document, document

#: Of a chain's interval: scrapers do not come on the dot, and one that is a little early is to have a run of its own.
_TURN_SHARE = 0.9

#: Takes a turn.
Begin = Callable[[Errand], asyncio.Task[Report]]


#: Tells what a run comes to that is not over; None: that cannot be said.
Judge = Callable[[Run], Awaitable[Document | None]]


@dataclass(slots=True)
class Scrape:
    """One run, as it goes."""

    errand: Errand
    began: float  # by the stopwatch
    results: dict[str, StepResult] = field(default_factory=dict)
    task: asyncio.Task[Report] | None = None
    _document: Document | None = None
    _sure: dict[int, Document | None] = field(default_factory=dict)  # by how many steps had ended
    _judging: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def document(self, timeout_seconds: float) -> Document | None:
        """What the run came to, when it is over within the time; None when it is not. Raises RunBroke.

        Made once for all who ask: it takes longer than to be asked.
        """
        report = None if self._document else await self._report(timeout_seconds)
        if report is not None and self._document is None:  # nobody else who waited was quicker
            self._document = document(report)
        return self._document

    async def _report(self, timeout_seconds: float) -> Report | None:
        if self.task is None:
            return None
        await asyncio.wait([self.task], timeout=timeout_seconds)
        if not self.task.done():
            return None
        if self.task.cancelled() or self.task.exception():
            raise RunBroke(self.errand.chain.name)
        return self.task.result()

    async def sure(self, judge: Judge) -> Document | None:
        """What is sure before the run is over: `judge` is asked once a step has failed, and again after each step."""
        if not any(each.verdict is Verdict.FAIL for each in self.results.values()):
            return None
        async with self._judging:
            known = len(self.results)
            if known not in self._sure:
                self._sure = {known: await judge(self.so_far())}
            return self._sure[known]

    def told(self, result: StepResult) -> None:
        """One more step has ended."""
        self.results[result.step.name] = result

    def so_far(self) -> Run:
        """The run as if it were over now: what has not ended is moot."""
        now, errand = datetime.now(UTC), self.errand
        steps = [step for step in errand.chain.steps if not step.is_follow_up]
        began = [each.observation.began for each in self.results.values() if each.observation]
        return Run(
            id=errand.run_id,
            chain=errand.chain,
            trigger=errand.trigger,
            began=min(began, default=now),
            ended=now,
            results=tuple(self.results.get(step.name) or _unended(step) for step in steps),
            reason=errand.reason,
            doubt=errand.doubt(),
        )


def _unended(step: Step) -> StepResult:
    detail = "not over when the scrape had to be answered"
    return StepResult(step=step, verdict=Verdict.SKIP, reason=Reason.CHAIN_DEADLINE, detail=detail)


class Scrapes:
    """The last scrape of each chain."""

    def __init__(self, begin: Begin, seconds: Callable[[], float] = time.monotonic) -> None:
        """Take turns by `begin`, and count time by `seconds`."""
        self._begin, self._seconds = begin, seconds
        self._last: dict[str, Scrape] = {}

    def of(self, chain: Chain, errand: Callable[[], Errand], *, anew: bool) -> Scrape:
        """The run of `chain` that goes on, or was begun less than its interval ago; else the one that `errand` tells.

        `anew`: one that is over will not do.
        """
        last = self._last.get(chain.name)
        if last is None or last.errand.chain is not chain or not self._will_do(last, anew=anew):
            last = self._last[chain.name] = self._begun(errand())
        return last

    def _will_do(self, scrape: Scrape, *, anew: bool) -> bool:
        if scrape.task is None or not scrape.task.done():
            return True
        age = self._seconds() - scrape.began
        return not anew and age < scrape.errand.chain.interval_seconds * _TURN_SHARE

    def _begun(self, errand: Errand) -> Scrape:
        scrape = Scrape(errand, self._seconds())

        def told(result: StepResult) -> None:
            scrape.told(result)
            errand.told(result)

        scrape.task = self._begin(replace(errand, told=told))
        return scrape
