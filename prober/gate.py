"""A gate: rounds of one chain, until they tell whether what was deployed is good; what `prober gate` takes."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import uuid4

from prober.burst import Burst
from prober.judge import deploy, gate
from prober.model.aims import Aims
from prober.model.gate import Baseline, Because, Gate, Progress, Round, Standing
from prober.model.report import Report
from prober.model.verdict import RunVerdict

#: Long enough for another instance; the budget of what is looked at may make it longer.
_BETWEEN_ROUNDS_SECONDS = 0.3

#: While services are being started there is nothing to be quick for.
_WHILE_WARMING_SECONDS = 1.0

#: The rounds that a diagnosis rests on: more make it no surer.
_REMEMBERED = 12

#: Takes one round; it remembers those of the burst.
Turn = Callable[[Burst], Awaitable[Report]]

#: Finds what held before what answers in these rounds was there, by when the gate began.
Before = Callable[[Sequence[Round], datetime], Awaitable[Baseline | None]]


Told = Callable[[Progress], None]


def _to_nobody(_progress: Progress) -> None:
    """Whom nobody waits for."""


@dataclass(slots=True)
class _Rounds:
    """The rounds so far, and the burst that their diagnosis rests on."""

    aims: Aims
    all: list[Round] = field(default_factory=list)
    burst: Burst = field(default_factory=Burst)
    warming: int = 0

    def add(self, report: Report) -> None:
        self.all.append(deploy.round_of(report))
        self.burst.reports.append(report)
        self.warming = gate.warming(self.all, self.aims)
        judged = len(self.all) - self.warming
        del self.burst.reports[: -max(1, min(judged, _REMEMBERED))]  # what was there before tells nothing of this

    @property
    def judged(self) -> list[Round]:
        return self.all[self.warming :]

    @property
    def counts(self) -> tuple[int, int]:
        """Samples and failures."""
        verdicts = [each.verdict for each in self.judged]
        failures = verdicts.count(RunVerdict.FAIL)
        return failures + verdicts.count(RunVerdict.PASS), failures

    @property
    def settled(self) -> Because | None:
        """What they come to; None: another one."""
        return gate.concluded(self.all, self.aims)

    @property
    def progress(self) -> Progress:
        samples, failures = self.counts
        lower = gate.proven(samples, failures, self.aims.confidence)
        return Progress(self.all[-1], self.warming, samples, failures, lower)


async def hold(chain: str, aims: Aims, turn: Turn, before: Before, told: Told = _to_nobody) -> Gate:
    """Take rounds of `chain` until they tell, or the time is over; a round ends within its chain's deadline."""
    began, rounds = datetime.now(UTC), _Rounds(aims)
    until = asyncio.get_running_loop().time() + aims.most_seconds
    while True:
        rounds.add(await turn(rounds.burst))
        told(rounds.progress)
        is_over = asyncio.get_running_loop().time() >= until
        if because := rounds.settled or (Because.UNDECIDED if is_over else None):
            return _gate(chain, began, rounds, because, await before(rounds.judged or rounds.all, began))
        await asyncio.sleep(_BETWEEN_ROUNDS_SECONDS if rounds.judged else _WHILE_WARMING_SECONDS)


def _standing(
    before: Baseline | None, because: Because, judged: Sequence[Round], causes: Sequence[str], aims: Aims
) -> Standing:
    """Of what was not deployed nothing is said."""
    if deploy.never_answered(judged, aims):
        return Standing.UNKNOWN
    return deploy.standing(before, because, judged, causes)


def _gate(chain: str, began: datetime, rounds: _Rounds, because: Because, before: Baseline | None) -> Gate:
    (samples, failures), report = rounds.counts, rounds.burst.verdict()
    warming, judged = tuple(rounds.all[: rounds.warming]), tuple(rounds.judged)
    causes = [named.cause.name for named in report.diagnosis.causes]
    story = deploy.Story(aims=rounds.aims, warming=warming, rounds=judged, before=before, causes=causes)
    return Gate(
        id=uuid4().hex,
        chain=chain,
        aims=rounds.aims,
        began=began,
        ended=datetime.now(UTC),
        because=because,
        warming=warming,
        rounds=judged,
        samples=samples,
        failures=failures,
        lower=gate.proven(samples, failures, rounds.aims.confidence),
        standing=_standing(before, because, judged, causes, rounds.aims),
        remarks=deploy.remarks(story),
        before=before,
        report=report,
    )
