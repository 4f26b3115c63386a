"""What held before a deploy: found among the reports that are kept, or written to a file and read again."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from prober.judge.gate import revisions_of
from prober.model.errors import BaselineUnreadable
from prober.model.gate import Aims, Baseline, Gate, GateVerdict, Instance, Round
from prober.model.verdict import RunVerdict, Verdict
from prober.publish.document import SCHEMA, Document
from prober.publish.gate_document import baseline_document

#: So many runs tell what held: more would reach into what held yesterday.
_RUNS = 10

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


def of_reports(kept: Sequence[Mapping[str, Any]], now: Round, began: datetime, aims: Aims) -> Baseline | None:
    """What held before what answers now was there, from the newest reports of a chain, newest first; None without any.

    That is before the revisions that answer now, where services tell theirs, and else before the gate began.
    """
    earlier = [each for each in kept if _moment(each) < began]
    answering = revisions_of(now)
    others = [each for each in earlier if _differs(each["run"]["revisions"], answering)]
    return _summed((others or earlier)[:_RUNS], aims)


def _moment(report: Mapping[str, Any]) -> datetime:
    return datetime.fromisoformat(report["run"]["ended"])


def _differs(then: Mapping[str, str], now: Mapping[str, str]) -> bool:
    return any(now[service] != revision for service, revision in then.items() if service in now)


def _summed(reports: Sequence[Mapping[str, Any]], aims: Aims) -> Baseline | None:
    if not reports:
        return None
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


def save(path: Path, gates: Sequence[Gate]) -> None:
    """Write what these gates saw; raises OSError."""
    told = {gate.chain: baseline_document(of_gate(gate)) for gate in gates}
    path.write_text(f"{json.dumps({'schema': SCHEMA, 'baselines': told}, indent=2)}\n", encoding="utf-8")


def read(path: Path) -> Mapping[str, Baseline]:
    """By chain, what a file says held; raises BaselineUnreadable."""
    try:
        with path.open("rb") as file:
            told = json.loads(file.read(_LARGEST_BYTES))
        return {chain: _baseline(each) for chain, each in told["baselines"].items()}
    except OSError as error:
        raise BaselineUnreadable(str(path), error.strerror or type(error).__name__) from error
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise BaselineUnreadable(str(path), "it was not written by --save-baseline") from error


def _baseline(told: Document) -> Baseline:
    return Baseline(
        at=datetime.fromisoformat(told["at"]),
        failing=told["failing"],
        causes=tuple(told["causes"]),
        failed=tuple(told["failed"]),
        runs=told["runs"],
        instances={
            service: Instance(revision=each["revision"], uptime_seconds=each["uptimeSeconds"])
            for service, each in told["instances"].items()
        },
    )
