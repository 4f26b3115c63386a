"""What is remembered in the process: the last reports, and tallies of constant size behind the ratio."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from prober.judge.recall import recall_of
from prober.judge.rounds import MOST_ROUNDS
from prober.judge.window import Tally
from prober.model.chain import Trigger
from prober.model.facts import Facts
from prober.model.report import Report
from prober.model.trend import Past, Recall
from prober.model.verdict import RunVerdict
from prober.publish.document import Document
from prober.publish.history.record import Record, text, unpacked

#: Reports kept of each chain, and as many again that did not pass: those are the ones people come back for.
KEPT = 50

#: Of all chains together, each way: some 20 MB. Of very many chains each keeps its newest; a store has the rest.
KEPT_IN_ALL = 3000

#: Chains that are in the config no more, and are remembered still: a reload that was a mistake is taken back.
MOST_GONE = 100

#: Of what nothing is kept of yet.
_NONE: tuple[Record, ...] = ()


@dataclass(slots=True)
class _Chain:
    """What is remembered of one chain."""

    reports: tuple[Record, ...] = _NONE
    bursts: tuple[Record, ...] = _NONE  # by themselves: a gate has more rounds than are kept
    bad: tuple[Record, ...] = _NONE
    tally: Tally = field(default_factory=Tally)
    steps: defaultdict[str, Tally] = field(default_factory=lambda: defaultdict(Tally))
    rounds: Sequence[Recall] = ()  # of the last runs, oldest first
    latest: Mapping[str, Facts] = field(default_factory=dict)
    well: Mapping[str, Facts] = field(default_factory=dict)
    well_at: datetime | None = None

    def kept(self) -> Iterable[Record]:
        """All that is kept of it, some of it twice."""
        return (*self.bad, *self.bursts, *self.reports)


class MemoryHistory:
    """Bounded by count, so it needs no housekeeping."""

    name = "history"
    is_away: str | None = None  # there is nothing to be away

    def __init__(self, clock_now: Callable[[], datetime]) -> None:
        """Reckon windows back from `clock_now()`."""
        self._now = clock_now
        self._chains: defaultdict[str, _Chain] = defaultdict(_Chain)
        self._gone: Sequence[str] = ()  # of these, by when they went

    def adopt(self, chains: Iterable[str]) -> None:
        """The config knows exactly these chains; of others what went last is remembered, and no more of them."""
        gone = self._chains.keys() - set(chains)
        known = [name for name in self._gone if name in gone]
        in_order = [*known, *sorted(gone.difference(known))]
        for name in in_order[:-MOST_GONE]:
            del self._chains[name]
        self._gone = in_order[-MOST_GONE:]

    async def recent(self, chain: str) -> Past:
        """The windows of `chain` and of its steps, as they stand now."""
        known, now = self._chains.get(chain, _Chain()), self._now()
        return Past(
            chain=known.tally.windows(now),
            steps={step: tally.windows(now) for step, tally in known.steps.items()},
            rounds=tuple(told.readings for told in known.rounds),
            latest=known.latest,
            well=known.well,
        )

    async def write(self, report: Report) -> None:
        """Keep one report, and count it if a schedule started it."""
        told = recall_of(report)
        self.keep(told, Record.of(report, told))

    def keep(self, told: Recall, record: Record) -> None:
        """Keep a run that is also kept elsewhere, as `record`."""
        chain = self._chains[record.chain]
        most = max(1, min(KEPT, KEPT_IN_ALL // len(self._chains)))
        if record.trigger == Trigger.BURST:
            chain.bursts = (*chain.bursts, record)[-most:]
        else:
            chain.reports = (*chain.reports, record)[-most:]
        if record.verdict != RunVerdict.PASS:
            chain.bad = (*chain.bad, record)[-most:]
        _count(chain, told)
        _remember(chain, told, _place(chain, told))

    def recall(self, told: Iterable[Recall]) -> None:
        """Take up what is only heard of now: runs of before a restart, or of other instances."""
        for recall in told:
            chain = self._chains[recall.chain]
            _count(chain, recall, late=True)
            _remember_late(chain, recall)

    async def get(self, run_id: str) -> Document | None:
        """The report of one run; None when it is not, or no longer, kept."""
        kept = (record for known in self._chains.values() for record in known.kept())
        found = next((record for record in kept if record.run_id == run_id), None)
        return unpacked(found.document) if found else None

    async def newest(
        self,
        *,
        chain: str | None = None,
        verdict: RunVerdict | None = None,
        limit: int = 50,
        but_for: Trigger | None = None,
    ) -> Sequence[Document]:
        """The newest reports first; a hundred take a while to unpack, so that is done beside the event loop."""
        found = self._newest(chain, verdict, limit, but_for)
        return await asyncio.to_thread(lambda: [unpacked(record.document) for record in found])

    async def newest_json(
        self, *, chain: str | None = None, verdict: RunVerdict | None = None, limit: int = 50
    ) -> Sequence[bytes]:
        """The newest reports first, as the text that is kept."""
        found = self._newest(chain, verdict, limit)
        return await asyncio.to_thread(lambda: [text(record.document) for record in found])

    def _newest(
        self, chain: str | None, verdict: RunVerdict | None, limit: int, but_for: Trigger | None = None
    ) -> Sequence[Record]:
        of_verdict = (record for record in self._kept(chain) if verdict in (None, record.verdict))
        fitting = [record for record in of_verdict if record.trigger != but_for]
        return sorted(fitting, key=lambda record: record.ended, reverse=True)[:limit]

    def _kept(self, chain: str | None) -> Sequence[Record]:
        chains = self._chains.values() if chain is None else filter(None, [self._chains.get(chain)])
        by_id = {record.run_id: record for known in chains for record in known.kept()}
        return tuple(by_id.values())


def _remember(chain: _Chain, told: Recall, place: int | None = None) -> None:
    """What the next diagnosis may want to know of this run; the newest, or one whose place is before that."""
    place = len(chain.rounds) if place is None else place
    is_newest, facts = place == len(chain.rounds), {facts.service: facts for facts in told.facts}
    chain.rounds = (*chain.rounds[:place], told, *chain.rounds[place:])[1 - MOST_ROUNDS :]
    chain.latest = {**chain.latest, **facts} if is_newest else {**facts, **chain.latest}
    if told.verdict is RunVerdict.PASS and (is_newest or chain.well_at is None or chain.well_at < told.ended):
        chain.well, chain.well_at = facts, told.ended


def _place(chain: _Chain, told: Recall) -> int:
    """Before those that began and ended while it was under way: they saw what held later."""
    place = len(chain.rounds)
    while place and told.began < chain.rounds[place - 1].began and chain.rounds[place - 1].ended <= told.ended:
        place -= 1
    return place


def _remember_late(chain: _Chain, told: Recall) -> None:
    """In its place, after all that ended before."""
    later = (place for place, known in enumerate(chain.rounds) if known.ended > told.ended)
    _remember(chain, told, next(later, None))


def _count(chain: _Chain, told: Recall, *, late: bool = False) -> None:
    """Blind, partial and skipped are samples of nothing."""
    samples = [(chain.tally, told.sample), *((chain.steps[step], success) for step, success in told.steps.items())]
    for tally, success in samples:
        if success is not None:
            (tally.add_late if late else tally.add)(told.ended, success=success)
