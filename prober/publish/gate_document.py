"""A gate as the JSON document that pipelines rely on: `schema: 1`, keys may be added, none renamed."""

from collections.abc import Mapping

from prober.judge.gate import revisions_of
from prober.model.gate import Baseline, Gate, GateVerdict, Instance, Progress, Round
from prober.publish import gate_words
from prober.publish.document import SCHEMA, Document, document, moment

#: A proven ratio is told to so many digits.
_DIGITS = 4


def gate_document(gate: Gate) -> Document:
    """The whole gate, ready for `json.dumps`; `report` is that of the round that shows it best."""
    report = document(gate.report)
    return {
        "schema": SCHEMA,
        "id": gate.id,
        "chain": gate.chain,
        "state": "done",
        "began": moment(gate.began),
        "ended": moment(gate.ended),
        "ok": gate.verdict is GateVerdict.PASS,
        "verdict": gate.verdict,
        "because": gate.because,
        "sentence": gate_words.sentence(gate),
        "headline": gate_words.headline(gate),
        "why": gate_words.why(gate),
        "standingText": gate_words.standing(gate),
        "beforeText": gate_words.before(gate),
        "remarks": list(gate.remarks),
        "successRatio": gate.ratio,
        "samples": gate.samples,
        "failures": gate.failures,
        "lowerBound": round(gate.lower, _DIGITS),
        "confidence": gate.aims.confidence,
        "provenText": gate_words.proven(gate),
        "standing": gate.standing,
        "revision": gate.aims.revision,
        "before": baseline_document(gate.before) if gate.before else None,
        "warmUp": [_round(each) for each in gate.warming],
        "rounds": [_round(each) for each in gate.rounds],
        "diagnosis": report["diagnosis"],
        "report": report,
    }


def progress_document(progress: Progress) -> Document:
    """How far a gate is."""
    return {
        "warming": progress.warming,
        "judged": progress.judged,
        "failures": progress.failures,
        "lowerBound": round(progress.lower, _DIGITS),
    }


def _round(each: Round) -> Document:
    return {
        "run": each.run_id,
        "began": moment(each.began),
        "verdict": each.verdict,
        "failed": list(each.failed),
        "openDoors": list(each.open_doors),
        "revisions": revisions_of(each),
    }


def baseline_document(before: Baseline) -> Document:
    """What held before, as it is kept in a file."""
    return {
        "at": moment(before.at),
        "failing": before.failing,
        "causes": list(before.causes),
        "failed": list(before.failed),
        "runs": before.runs,
        "instances": _instances(before.instances),
    }


def _instances(instances: Mapping[str, Instance]) -> Document:
    return {
        service: {"revision": each.revision, "uptimeSeconds": each.uptime_seconds}
        for service, each in instances.items()
    }
