"""What held before a deploy: found among the reports that are kept, or written to a file and read again."""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PastDatetime, field_validator

from prober.judge.gate import revisions_of
from prober.model.aims import Aims
from prober.model.chain import Trigger
from prober.model.errors import BaselineUnreadable
from prober.model.gate import Baseline, Gate, GateVerdict, Instance, Round
from prober.model.verdict import RunVerdict, Verdict
from prober.publish.document import SCHEMA
from prober.publish.gate_document import baseline_document

#: So many runs tell what held: more would reach into what held yesterday.
_RUNS = 10

#: Fewer may be chance.
_FEWEST_RUNS = 3

#: A file of a baseline is small; whatever is larger is none.
_LARGEST_BYTES = 2**20

#: Whether the gate's verdict says that it was failing.
_FAILING = {GateVerdict.PASS: False, GateVerdict.FAIL: True, GateVerdict.INCONCLUSIVE: None}


# ── from a gate ──────────────────────────────────────────────────────────────────────────────────────────────────────


def of_gate(gate: Gate) -> Baseline:
    """What this gate saw, for one that comes later."""
    return Baseline(
        at=gate.ended,
        failing=_FAILING[gate.verdict],
        causes=tuple(named.cause.name for named in gate.report.diagnosis.causes),
        failed=tuple(dict.fromkeys(step for each in gate.rounds for step in each.failed)),
        runs=len(gate.rounds),
        instances=gate.rounds[-1].instances if gate.rounds else {},
    )


# ── from kept reports ────────────────────────────────────────────────────────────────────────────────────────────────


def of_reports(kept: Sequence[Mapping[str, Any]], now: Sequence[Round], began: datetime, aims: Aims) -> Baseline | None:
    """What held before what answers now was there, from the newest reports of a chain, newest first.

    That is what other revisions answered than any that answers now, before the gate began; None where that is fewer
    than three runs, or where services tell no revisions: what ran between a deploy and its gate is not «before».
    """
    answering: defaultdict[str, set[str]] = defaultdict(set)
    for service, revision in ((each, told) for round_ in now for each, told in revisions_of(round_).items()):
        answering[service] |= {revision, aims.revision}
    others = [each for each in kept if _moment(each) < began and _is_before(each, answering)]
    return _summed(others[:_RUNS], aims) if len(others) >= _FEWEST_RUNS else None


def _moment(report: Mapping[str, Any]) -> datetime:
    return datetime.fromisoformat(report["run"]["ended"])


def _is_before(report: Mapping[str, Any], answering: Mapping[str, set[str]]) -> bool:
    then = report["run"]["revisions"]
    differs = any(revision not in answering[service] for service, revision in then.items() if service in answering)
    return differs and report["run"]["trigger"] != Trigger.BURST


def _summed(reports: Sequence[Mapping[str, Any]], aims: Aims) -> Baseline:
    verdicts = [each["run"]["verdict"] for each in reports]
    failures, passes = verdicts.count(RunVerdict.FAIL), verdicts.count(RunVerdict.PASS)
    judged = failures + passes
    failing = failures > (1 - aims.bad) * judged if judged else None
    told = [each for each in reports if each["run"]["verdict"] == RunVerdict.FAIL] if failing else []
    return Baseline(
        at=_moment(reports[0]),
        failing=failing,
        causes=tuple(dict.fromkeys(each["name"] for report in told[:1] for each in report["diagnosis"]["causes"])),
        failed=tuple(dict.fromkeys(step for report in told for step in _failed(report))),
        runs=len(reports),
        instances={
            each["service"]: Instance(revision=each["revision"], uptime_seconds=each["uptimeSeconds"])
            for each in reports[0]["facts"]
        },
    )


def _failed(report: Mapping[str, Any]) -> list[str]:
    return [step["name"] for step in report["steps"] if step["verdict"] == Verdict.FAIL and not step["followUp"]]


# ── as a file ────────────────────────────────────────────────────────────────────────────────────────────────────────


def save(path: Path, environment: str, gates: Sequence[Gate]) -> None:
    """Write what these gates saw of an environment; raises OSError."""
    told = {gate.chain: baseline_document(of_gate(gate)) for gate in gates}
    whole = {"schema": SCHEMA, "environment": environment, "baselines": told}
    path.write_text(f"{json.dumps(whole, indent=2)}\n", encoding="utf-8")


def read(path: Path, environment: str, chains: Sequence[str]) -> Mapping[str, Baseline]:
    """What a file says held of each of these chains; raises BaselineUnreadable."""
    try:
        with path.open("rb") as file:
            told = _File.model_validate_json(file.read(_LARGEST_BYTES))
    except OSError as error:
        raise BaselineUnreadable(str(path), error.strerror or type(error).__name__) from error
    except ValueError as error:
        raise BaselineUnreadable(str(path), "it was not written by --save-baseline of this release") from error
    if told.environment != environment:
        raise BaselineUnreadable(str(path), f"it is of environment {told.environment!r}, and this is {environment!r}")
    if missing := [chain for chain in chains if chain not in told.baselines]:
        held = ", ".join(told.baselines) or "none"
        raise BaselineUnreadable(str(path), f"it says nothing of {', '.join(missing)}; of chains it holds: {held}")
    return {chain: told.baselines[chain].value() for chain in chains}


_Name = Annotated[str, Field(max_length=500)]


class _Form(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class _Instance(_Form):
    revision: _Name | None
    uptimeSeconds: float | None  # noqa: N815 - as JSON has it


class _Baseline(_Form):
    at: PastDatetime
    failing: bool | None
    causes: list[_Name]
    failed: list[_Name]
    runs: int
    instances: dict[str, _Instance]

    @field_validator("at")
    @classmethod
    def _with_zone(cls, at: datetime) -> datetime:
        if at.tzinfo is None:
            message = "it has no time zone"
            raise ValueError(message)
        return at

    def value(self) -> Baseline:
        return Baseline(
            at=self.at,
            failing=self.failing,
            causes=tuple(self.causes),
            failed=tuple(self.failed),
            runs=self.runs,
            instances={
                name: Instance(revision=each.revision, uptime_seconds=each.uptimeSeconds)
                for name, each in self.instances.items()
            },
        )


class _File(_Form):
    """A baseline file: read as it was written, or not at all."""

    schema_: Literal[1] = Field(alias="schema")
    environment: str
    baselines: dict[str, _Baseline]
