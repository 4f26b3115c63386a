"""Record: a run as it is kept, in plain values that a queue, a file or a database can hold; made once, when it ends."""

import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, Self

from prober.judge.assess import sample as sample_of
from prober.judge.assess import step_sample
from prober.model.chain import Trigger
from prober.model.facts import Facts
from prober.model.report import Report
from prober.model.signal import Reading, Readings, Signal
from prober.model.slot import Slot
from prober.model.verdict import RunVerdict, StepResult
from prober.publish.document import Document, document

#: The least that zlib does halves the time of its default and gives away a tenth of the room.
_LEVEL = 1


@dataclass(frozen=True, slots=True)
class StepRow:
    """How one step of a run ended; what the long view of a step is counted from."""

    step: str
    service: str
    verdict: str
    reason: str
    began: float  # Unix seconds
    duration_seconds: float | None  # None: not looked at


@dataclass(frozen=True, slots=True, kw_only=True)
class Recall:
    """What the next diagnosis and the windows want to know of a run."""

    run_id: str
    chain: str
    ended: datetime
    passed: bool
    sample: bool | None  # whether the chain succeeded; None: a sample of nothing
    steps: Mapping[str, bool]  # the steps that are samples
    readings: Readings
    facts: tuple[Facts, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One run, ready to be kept."""

    run_id: str
    slot: Slot | None
    chain: str
    trigger: str
    verdict: str
    began: float  # Unix seconds
    ended: float
    revision: str
    revisions: Mapping[str, str]  # by service
    causes: tuple[tuple[str, str], ...]  # name, confidence
    steps: tuple[StepRow, ...]
    sample: bool | None
    recall: bytes  # zlib of JSON: readings, facts
    document: bytes  # zlib of JSON: the report as other programs see it

    @classmethod
    def of(cls, report: Report) -> Self:
        """Everything of `report` that is kept."""
        run = report.run
        return cls(
            run_id=run.id,
            slot=run.slot,
            chain=run.chain.name,
            trigger=str(run.trigger),
            verdict=str(run.verdict),
            began=run.began.timestamp(),
            ended=run.ended.timestamp(),
            revision=run.revision,
            revisions={told.service: told.revision for told in report.facts if told.revision is not None},
            causes=tuple((named.cause.name, str(named.confidence)) for named in report.diagnosis.causes),
            steps=tuple(_step_row(result, run.began) for result in run.results),
            sample=sample_of(run),
            recall=packed(_recall(report)),
            document=packed(document(report)),
        )


def recall_of(report: Report) -> Recall:
    """What is remembered of a run that has just ended."""
    run = report.run
    scheduled = run.trigger is Trigger.SCHEDULE
    samples = {result.step.name: step_sample(result) for result in run.results} if scheduled else {}
    return Recall(
        run_id=run.id,
        chain=run.chain.name,
        ended=run.ended,
        passed=run.verdict is RunVerdict.PASS,
        sample=sample_of(run),
        steps={step: success for step, success in samples.items() if success is not None},
        readings=report.readings,
        facts=report.facts,
    )


def _step_row(result: StepResult, began: datetime) -> StepRow:
    look = result.observation
    return StepRow(
        result.step.name,
        result.step.service.name,
        str(result.verdict),
        str(result.reason),
        (look.began if look else began).timestamp(),
        look.duration_seconds if look else None,
    )


# ── packed ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def packed(value: object) -> bytes:
    """JSON in little room: a report is 60 kB as text and 6 kB so."""
    return zlib.compress(json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode(), _LEVEL)


def unpacked(data: bytes) -> Document:
    """The JSON again."""
    found: Document = json.loads(zlib.decompress(data))
    return found


# ── what is remembered, as JSON ──────────────────────────────────────────────────────────────────────────────────────


def _recall(report: Report) -> Document:
    told = recall_of(report)
    return {
        "steps": dict(told.steps),
        "readings": [_reading(reading) for reading in told.readings.values()],
        "facts": [_facts(facts) for facts in told.facts],
    }


def recalled(data: bytes, *, verdict: str, ended: float, **known: Any) -> Recall:  # noqa: ANN401 - of Recall's fields
    """What was remembered of a run, read again from the `recall` of its record and what it is `known` by."""
    told = unpacked(data)
    readings = tuple(map(_reading_again, told["readings"]))
    return Recall(
        ended=datetime.fromtimestamp(ended, UTC),
        passed=verdict == RunVerdict.PASS,
        steps=told["steps"],
        readings={reading.signal: reading for reading in readings},
        facts=tuple(map(_facts_again, told["facts"])),
        **known,
    )


def _reading(reading: Reading) -> Sequence[Any]:
    return reading.signal.name, reading.signal.about, reading.value, reading.steps, reading.normal


def _reading_again(told: Sequence[Any]) -> Reading:
    name, about, value, steps, normal = told
    return Reading(Signal(name, tuple(about)), value, tuple(steps), normal)


def _facts(facts: Facts) -> Document:
    told = {name: value for name, value in asdict(facts).items() if value is not None}
    if facts.certificate_not_after is not None:
        told["certificate_not_after"] = facts.certificate_not_after.isoformat()
    return told


def _facts_again(told: Mapping[str, Any]) -> Facts:
    until = told.get("certificate_not_after")
    return Facts(**{**told, "certificate_not_after": datetime.fromisoformat(until) if until else None})
