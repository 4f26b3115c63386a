"""JUnit XML: a suite a chain, a case a step, and the gate itself as a case; the one file that meets junitparser.

From the documents, so that a gate that was kept, or asked of another prober, is told as one of our own.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime

from junitparser import Error, Failure, JUnitXml, Skipped, SystemOut, TestCase, TestSuite

from prober.model.gate import GateVerdict
from prober.model.verdict import Verdict
from prober.publish import gate_digest, words
from prober.publish.document import Document

#: What is known of a gate beside its cases.
_PROPERTIES = ("id", "verdict", "because", "standing", "revision", "samples", "failures", "lowerBound", "confidence")

Kind = type[Failure] | type[Error] | type[Skipped]

#: Of a moment: readers differ about fractions and zones.
_TO_THE_SECOND = len("2026-01-01T00:00:00")


def of_gates(gates: Iterable[Document]) -> str:
    """A file of these gates."""
    return _file(map(_gate_suite, gates))


def of_reports(reports: Iterable[Document]) -> str:
    """A file of these reports."""
    return _file(_suite(report, _step_cases(report)) for report in reports)


def _file(suites: Iterable[TestSuite]) -> str:
    xml = JUnitXml("prober")
    for suite in suites:
        xml.add_testsuite(suite)
    xml.update_statistics()
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{xml.tostring().decode()}\n'


def _suite(report: Document, cases: Iterable[TestCase], properties: Iterable[tuple[str, object]] = ()) -> TestSuite:
    suite = TestSuite(report["run"]["chain"])
    suite.timestamp = report["run"]["started"][:_TO_THE_SECOND]
    for name, value in properties:  # before the cases, as the schema of Jenkins wants it
        suite.add_property(name, _clean(str(value)))
    suite.add_testcases(list(cases))
    return suite


# ── a gate ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def _gate_suite(gate: Document) -> TestSuite:
    steps = _step_cases(gate["report"])
    if gate["verdict"] == GateVerdict.PASS:
        steps = [_tolerated(case) for case in steps]
    return _suite(gate["report"], [_gate_case(gate), *steps], [(name, gate[name]) for name in _PROPERTIES])


def _gate_case(gate: Document) -> TestCase:
    """Only «go» is a success."""
    case = TestCase("gate", gate["chain"], _seconds(gate))
    kind = _GATE_KINDS.get(gate["verdict"])
    if kind:
        case.result = [_result(kind, gate["sentence"], gate["because"], _diagnosis(gate["report"], gate["remarks"]))]
    case.append(SystemOut(_clean(" ".join([gate["sentence"], *gate["remarks"]]))))
    return case


_GATE_KINDS: Mapping[str, Kind] = {
    GateVerdict.FAIL: Failure,
    GateVerdict.INCONCLUSIVE: Error,  # a pipeline must not go on by it either
}


def _seconds(gate: Document) -> float:
    began, ended = (datetime.fromisoformat(gate[name]) for name in ("began", "ended"))
    return (ended - began).total_seconds()


def _tolerated(case: TestCase) -> TestCase:
    """Of a gate that says go, a step that failed in the round that is shown must not turn a pipeline red."""
    if case.is_failure or case.is_error:
        case.result = [
            _result(Skipped, f"in one round, which the gate allows for: {case.result[0].message}", "allowed")
        ]
    return case


# ── its steps ────────────────────────────────────────────────────────────────────────────────────────────────────────


def _step_cases(report: Document) -> list[TestCase]:
    return [_step_case(step, report) for step in report["steps"]]


def _step_case(step: Document, report: Document) -> TestCase:
    case = TestCase(step["name"], f"{report['run']['chain']}.{step['service']}", step["durationSeconds"] or 0.0)
    kind = _KINDS.get(step["verdict"])
    if kind is None:
        case.append(SystemOut(_clean(step["detail"])))
    else:
        text = _diagnosis(report) if kind is not Skipped else ""
        case.result = [_result(kind, step["detail"], step["reason"], text)]
    return case


_KINDS: Mapping[str, Kind] = {
    Verdict.FAIL: Failure,
    Verdict.BLIND: Error,  # our own fault
    Verdict.SKIP: Skipped,
}


def _diagnosis(report: Document, remarks: Iterable[str] = ()) -> str:
    """What is read when a case is opened: the cause, then what to do."""
    advice = (f"{label:<12}{text}" for label, text in gate_digest.advice(report))
    return "\n".join([report["diagnosis"]["summary"], *remarks, "", *advice])


def _result(kind: Kind, message: str, type_: str, text: str = "") -> Failure | Error | Skipped:
    result = kind(_clean(message), type_)
    result.text = "\n".join(map(_clean, text.splitlines()))
    return result


def _clean(text: str) -> str:
    """XML cannot hold control characters, not even as references (XML 1.0 §2.2)."""
    return words.printable(text)
