"""Record: a run as it is kept, in plain values that a queue, a file or a database can hold; made once, when it ends."""

import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import Any, Self

from prober.judge.recall import recall_of
from prober.model.chain import Trigger
from prober.model.facts import Facts
from prober.model.report import Report
from prober.model.signal import Reading, Signal
from prober.model.slot import Slot
from prober.model.trend import Recall
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
    def of(cls, report: Report, told: Recall | None = None) -> Self:
        """Everything of `report` that is kept; `told` is what is remembered of it, where somebody knows."""
        run, told = report.run, told or recall_of(report)
        return cls(
            run_id=run.id,
            slot=run.slot,
            chain=run.chain.name,
            trigger=str(run.trigger),
            verdict=str(run.verdict),
            began=run.began.timestamp(),
            ended=run.ended.timestamp(),
            revision=run.revision,
            revisions={facts.service: facts.revision for facts in report.facts if facts.revision is not None},
            causes=tuple((named.cause.name, str(named.confidence)) for named in report.diagnosis.causes),
            steps=tuple(_step_row(result, run.began) for result in run.results),
            sample=told.sample,
            recall=packed(_recall(told)),
            document=packed(document(report)),
        )


def _step_row(result: StepResult, began: datetime) -> StepRow:
    look = result.observation
    return StepRow(
        result.step.name,
        result.step.service.name,
        str(result.verdict),
        str(result.reason),
        (look.began if look else began).timestamp(),
        look.latency_seconds if look else None,
    )


# ── packed ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def packed(value: object) -> bytes:
    """JSON in little room: a report is 60 kB as text and 6 kB so."""
    return zlib.compress(_JSON.encode(value).encode(), _LEVEL)


#: Made once. What it is given is a tree, in which nothing holds itself: to look for that takes a tenth of the time.
_JSON = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False, check_circular=False)


def unpacked(data: bytes) -> Document:
    """The JSON again."""
    found: Document = json.loads(text(data))
    return found


def text(data: bytes) -> bytes:
    """The JSON as text: a twentieth of the work."""
    return zlib.decompress(data)


# ── what is remembered, as JSON ──────────────────────────────────────────────────────────────────────────────────────


def _recall(told: Recall) -> Document:
    return {
        "steps": dict(told.steps),
        "controls": list(told.controls),
        "doors": dict(told.doors),
        "readings": [_reading(reading) for reading in told.readings.values()],
        "facts": [_facts(facts) for facts in told.facts],
        "due": told.due.isoformat() if told.due else None,
    }


def recalled(data: bytes, *, trigger: str, verdict: str, began: float, ended: float, **known: Any) -> Recall:  # noqa: ANN401 - the columns of a run
    """What was remembered of a run, read again from the `recall` of its record and what else it is `known` by."""
    told = unpacked(data)
    readings, due = tuple(map(_reading_again, told["readings"])), told.get("due")
    return Recall(
        trigger=Trigger(trigger),
        verdict=RunVerdict(verdict),
        began=datetime.fromtimestamp(began, UTC),
        ended=datetime.fromtimestamp(ended, UTC),
        steps=told["steps"],
        controls=tuple(told.get("controls", ())),  # as of the first tables, which did not know of them
        doors=told.get("doors", {}),
        readings={reading.signal: reading for reading in readings},
        facts=tuple(map(_facts_again, told["facts"])),
        due=datetime.fromisoformat(due) if due else None,
        **known,
    )


def _reading(reading: Reading) -> Sequence[Any]:
    return reading.signal.name, reading.signal.about, reading.value, reading.steps, reading.normal


def _reading_again(told: Sequence[Any]) -> Reading:
    name, about, value, steps, normal = told
    return Reading(Signal(name, tuple(about)), value, tuple(steps), normal)


def _facts(facts: Facts) -> Document:
    told = {name: value for name in _FACTS if (value := getattr(facts, name)) is not None}
    if facts.certificate_not_after is not None:
        told["certificate_not_after"] = facts.certificate_not_after.isoformat()
    return told


_FACTS = tuple(each.name for each in fields(Facts))


def _facts_again(told: Mapping[str, Any]) -> Facts:
    until = told.get("certificate_not_after")
    return Facts(**{**told, "certificate_not_after": datetime.fromisoformat(until) if until else None})
