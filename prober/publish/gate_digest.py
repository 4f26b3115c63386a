"""What is worth reading of a gate's document, or a report's: who failed how, what to do; outlets lay it out."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from prober.model.diagnosis import Confidence
from prober.model.gate import Because, GateVerdict
from prober.model.verdict import Reason, Verdict
from prober.publish.document import Document

#: Of what is not certain so much is told; the report has the rest.
_MOST_POSSIBLE = 3
_MOST_UNEXPLAINED = 3
_MOST_QUESTIONS = 2

#: 0 go, 1 no-go, 4 not enough evidence; but 3 where that is our own fault.
_EXIT_CODES: Mapping[str, int] = {GateVerdict.PASS: 0, GateVerdict.FAIL: 1, GateVerdict.INCONCLUSIVE: 4}
_OWN_FAULT = 3


@dataclass(frozen=True, slots=True)
class Finding:
    """What one or more steps came to, in the same words."""

    text: str
    steps: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Tally:
    """How many steps at one service came to which verdict."""

    service: str
    counts: Mapping[Verdict, int]


def exit_code(gate: Document) -> int:
    """With which a command ends that was asked for this gate."""
    return _OWN_FAULT if gate["because"] == Because.BLIND else _EXIT_CODES[gate["verdict"]]


def findings(report: Document, verdict: Verdict) -> list[Finding]:
    """The steps of such a verdict, those that tell the same together; an open door first."""
    steps = sorted(
        (each for each in report["steps"] if each["verdict"] == verdict),
        key=lambda each: each["reason"] != Reason.ACCEPTED,
    )
    told = dict.fromkeys(each["detail"] for each in steps)
    return [Finding(text, tuple(each["name"] for each in steps if each["detail"] == text)) for text in told]


def tallies(report: Document) -> list[Tally]:
    """All steps at a glance, by service."""
    services = dict.fromkeys(each["service"] for each in report["steps"])
    return [Tally(service, _counts(report, service)) for service in services]


def _counts(report: Document, service: str) -> Mapping[Verdict, int]:
    verdicts = [each["verdict"] for each in report["steps"] if each["service"] == service]
    return {verdict: verdicts.count(verdict) for verdict in Verdict if verdict in verdicts}


def advice(report: Document) -> Iterator[tuple[str, str]]:
    """What to do, each line with its label; a label that goes on is empty."""
    diagnosis = report["diagnosis"]
    certain = [each for each in diagnosis["causes"] if each["confidence"] == Confidence.HIGH]
    for cause in certain:
        yield from _remedy(cause)
    possible = [each for each in diagnosis["causes"] if each not in certain]
    for number, cause in enumerate(possible[:_MOST_POSSIBLE]):
        yield "or" if number else "either", f"{cause['name']} → {cause['remedy'][0]}"
    yield from (("unexplained", text) for text in diagnosis["unexplainedText"][:_MOST_UNEXPLAINED])
    yield from (("would tell", text) for text in diagnosis["wouldSplitText"][:_MOST_QUESTIONS])


def _remedy(cause: Document) -> Iterator[tuple[str, str]]:
    remedies = cause["remedy"]
    for number, remedy in enumerate(remedies, 1):
        yield "remedy" if number == 1 else "", f"{number}. {remedy}" if len(remedies) > 1 else remedy
    yield "verify", cause["verify"]
    yield "more", f"prober explain {cause['name']}"
