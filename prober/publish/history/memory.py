"""History in memory: the last reports of each chain, and tallies of constant size behind the ratio; gone on restart."""

import asyncio
from collections import defaultdict, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from prober.judge.assess import step_sample
from prober.judge.rounds import MOST_ROUNDS
from prober.judge.window import Tally
from prober.model.chain import Trigger
from prober.model.facts import Facts
from prober.model.report import Report
from prober.model.signal import Readings
from prober.model.trend import Past
from prober.model.verdict import RunVerdict
from prober.publish.history.packed import Packed, pack, unpack

#: Reports kept of each chain, and as many again that did not pass: those are the ones people come back for.
KEPT = 50

_SAMPLE_OF_RUN = {RunVerdict.PASS: True, RunVerdict.FAIL: False}


def _ring() -> deque[Packed]:
    return deque(maxlen=KEPT)


@dataclass(slots=True)
class _Chain:
    """What is remembered of one chain."""

    reports: deque[Packed] = field(default_factory=_ring)
    bad: deque[Packed] = field(default_factory=_ring)
    tally: Tally = field(default_factory=Tally)
    steps: defaultdict[str, Tally] = field(default_factory=lambda: defaultdict(Tally))
    rounds: deque[Readings] = field(default_factory=lambda: deque(maxlen=MOST_ROUNDS - 1))
    latest: Mapping[str, Facts] = field(default_factory=dict)
    well: Mapping[str, Facts] = field(default_factory=dict)


class MemoryHistory:
    """Bounded by count, so it needs no housekeeping."""

    name = "history"

    def __init__(self, clock_now: Callable[[], datetime]) -> None:
        """Reckon windows back from `clock_now()`."""
        self._now = clock_now
        self._chains: defaultdict[str, _Chain] = defaultdict(_Chain)

    async def recent(self, chain: str) -> Past:
        """The windows of `chain` and of its steps, as they stand now."""
        known, now = self._chains.get(chain, _Chain()), self._now()
        return Past(
            chain=known.tally.windows(now),
            steps={step: tally.windows(now) for step, tally in known.steps.items()},
            rounds=tuple(known.rounds),
            latest=known.latest,
            well=known.well,
        )

    async def write(self, report: Report) -> None:
        """Keep one report, and count it if a schedule started it."""
        chain = self._chains[report.run.chain.name]
        _remember(chain, report)
        packed = pack(report)
        chain.reports.append(packed)
        if packed.verdict is not RunVerdict.PASS:
            chain.bad.append(packed)
        if report.run.trigger is Trigger.SCHEDULE:
            _count(chain, report)

    async def get(self, run_id: str) -> Report | None:
        """The report of one run; None when it is not, or no longer, kept."""
        found = next((packed for packed in self._kept(None) if packed.run_id == run_id), None)
        return unpack(found) if found else None

    async def list(
        self, *, chain: str | None = None, verdict: RunVerdict | None = None, limit: int = 50
    ) -> Sequence[Report]:
        """The newest reports first; a hundred take a while to unpack, so that is done beside the event loop."""
        fitting = [packed for packed in self._kept(chain) if verdict in (None, packed.verdict)]
        newest = sorted(fitting, key=lambda packed: packed.ended, reverse=True)[:limit]
        return await asyncio.to_thread(lambda: [unpack(packed) for packed in newest])

    def _kept(self, chain: str | None) -> Sequence[Packed]:
        chains = [known for name, known in self._chains.items() if chain in (None, name)]
        by_id = {packed.run_id: packed for known in chains for packed in (*known.bad, *known.reports)}
        return tuple(by_id.values())


def _remember(chain: _Chain, report: Report) -> None:
    """What the next diagnosis may want to know of this run."""
    chain.rounds.append(report.readings)
    chain.latest = {**chain.latest, **{facts.service: facts for facts in report.facts}}
    if report.run.verdict is RunVerdict.PASS:
        chain.well = {facts.service: facts for facts in report.facts}


def _count(chain: _Chain, report: Report) -> None:
    """Blind, partial and skipped are samples of nothing."""
    at = report.run.ended
    if report.run.verdict in _SAMPLE_OF_RUN:
        chain.tally.add(at, success=_SAMPLE_OF_RUN[report.run.verdict])
    for result in report.run.results:
        success = step_sample(result)
        if success is not None:
            chain.steps[result.step.name].add(at, success=success)
