"""Tests of prober/publish/junit.py; the reader is junit2html's, which shares no code with what writes."""

from dataclasses import replace

import pytest
from junit2htmlreport.parser import Junit

from prober.model.gate import Because, Standing
from prober.publish import junit
from prober.publish.document import document
from tests.publish import builders as p
from tests.publish.gates import build_gate, told


def read(xml):
    """What another program reads: the suites."""
    return Junit(xmlstring=xml).suites


def cases(suite):
    """By name, each case of a suite."""
    return {case.name: case for of_class in suite.classes.values() for case in of_class.cases}


def test_a_gate_that_fails_is_a_failure_with_its_diagnosis():
    """The sentence is the message; cause and remedy are what is read when it is opened."""
    gate = told(build_gate("--", Because.SAME_STEP, standing=Standing.REGRESSION, remarks=("messages failed.",)))
    (suite,) = read(junit.of_gates([gate]))
    case = cases(suite)["gate"]

    assert (suite.name, case.testclass.name, case.outcome()) == ("validation", "validation", "failed")
    assert case.failure_msg == gate["sentence"]
    for part in ("jwt_secret_drift", "messages failed.", "remedy", "verify", "REGRESSION"):
        assert part in f"{case.failure_msg}{case.failure}"


def test_every_step_is_a_case():
    """Of its service, with the time it took; skipped ones say why."""
    found = cases(read(junit.of_gates([told(build_gate("--", Because.SAME_STEP))]))[0])

    assert [(name, case.testclass.name, case.outcome()) for name, case in found.items() if name != "gate"] == [
        ("auth-health", "validation.auth", "passed"),
        ("mint", "validation.auth", "passed"),
        ("secret-match", "validation.auth", "failed"),
        ("messages", "validation.backend", "failed"),
        ("websocket", "validation.backend", "failed"),
        ("messages-refuses-no-token", "validation.backend", "skipped"),
        ("websocket-refuses-forged", "validation.backend", "skipped"),
    ]
    assert found["messages"].failure_msg == "403 Forbidden: token_rejected"
    assert "Make JWT_SECRET the same version" in found["messages"].failure
    assert found["messages"].duration > 0
    assert "so was the good token" in found["messages-refuses-no-token"].skipped_msg


@pytest.mark.parametrize(
    ("because", "outcome"), [(Because.HELD, "passed"), (Because.BLIND, "failed"), (Because.UNDECIDED, "failed")]
)
def test_only_go_is_green(because, outcome):
    """Not enough evidence is an error: the gate could not be decided."""
    xml = junit.of_gates([told(build_gate("+", because))])

    assert cases(read(xml)[0])["gate"].outcome() == outcome
    assert ("<error" in xml) is (outcome == "failed")
    assert "<failure" not in xml


def test_a_gate_that_passes_turns_no_step_red():
    """One round of forty may fail; the pipeline goes on, and the step is not hidden either."""
    gate = told(build_gate("+" * 39 + "-", Because.HELD))
    found = cases(read(junit.of_gates([gate]))[0])

    assert {case.outcome() for case in found.values()} == {"passed", "skipped"}
    assert "403 Forbidden" in found["messages"].skipped_msg


def test_what_is_known_of_a_gate_stands_beside_its_cases():
    """For those who search."""
    (suite,) = read(junit.of_gates([told(build_gate())]))
    known = {each.name: each.value for each in suite.properties}

    assert (known["verdict"], known["samples"], known["lowerBound"]) == ("pass", "20", "0.8609")


def test_our_own_fault_is_an_error_and_no_failure():
    """It says nothing of the target."""
    report = document(p.build_report(*(replace(each, verdict="blind") for each in p.healthy_results()[:2])))
    xml = junit.of_reports([report])

    assert (xml.count("<error"), xml.count("<failure")) == (2, 0)


def test_what_a_target_says_cannot_break_the_file():
    """Neither by its signs nor by those that XML cannot hold."""
    hostile = "]]><testcase/>\x00\x1b\ud800￾\"'&lt;"
    report = document(p.with_detail(p.broken_report(), hostile))
    (suite,) = read(junit.of_reports([report]))

    assert len(cases(suite)) == len(report["steps"])
    assert "]]><testcase/>" in cases(suite)["messages"].failure_msg


def test_the_counts_are_those_of_the_cases():
    """Readers trust the sums."""
    xml = junit.of_reports([document(p.broken_report()), document(p.build_report(chain="other"))])

    assert xml.startswith('<?xml version="1.0" encoding="UTF-8"?>\n<testsuites')
    assert 'tests="14"' in xml
    assert 'failures="3"' in xml
    assert 'skipped="2"' in xml
