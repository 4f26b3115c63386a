"""Tests of prober/publish/handout.py."""

import pytest

from prober.model.gate import Because
from prober.publish import handout
from prober.publish.document import document
from prober.publish.handout import Wanted
from tests.publish import builders as p
from tests.publish.gates import build_gate, told
from tests.publish.test_gate_markdown import endless

GATES = [told(build_gate(chain="a")), told(build_gate("--", Because.SAME_STEP, chain="b"))]


def test_what_nobody_asked_for_is_not_handed_out():
    """Nor said."""
    said = []

    assert handout.of_gates(GATES, Wanted(environ={}), said.append) == []
    assert said == []


def test_everything_is_handed_out_of_every_gate(tmp_path):
    """Files, summary, annotations."""
    said, files = [], {name: tmp_path / name for name in ("junit", "markdown", "summary")}
    environ = {"GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": str(files["summary"])}
    wanted = Wanted(junit=files["junit"], markdown=files["markdown"], environ=environ)

    assert handout.of_gates(GATES, wanted, said.append) == []
    assert [line.partition(" ")[0] for line in said] == ["::notice", "::error"]
    assert [path.read_text().count("NO GO") for path in files.values()] == [2, 1, 1]
    assert [path.read_text().count("GO") for path in files.values()] == [3, 2, 2]


@pytest.mark.parametrize("name", ["junit", "markdown", "GITHUB_STEP_SUMMARY"])
def test_what_cannot_be_written_is_told_and_keeps_nothing_else_back(name, tmp_path):
    """The verdict least of all."""
    given = {
        "junit": tmp_path / "junit",
        "markdown": tmp_path / "markdown",
        "GITHUB_STEP_SUMMARY": tmp_path / "summary",
    }
    given[name] = tmp_path / "nowhere" / "file"
    environ = {"GITHUB_STEP_SUMMARY": str(given.pop("GITHUB_STEP_SUMMARY"))}
    (complaint,) = handout.of_gates(GATES, Wanted(environ=environ, **given), print)

    assert complaint.endswith("cannot be written: No such file or directory")
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize("count", [1, 3, 200])
def test_what_is_handed_out_fits_a_comment(tmp_path, count):
    """However many gates there are, and however much there is to tell of each."""
    path, summary = tmp_path / "markdown", tmp_path / "summary"
    gates = [endless()] * count
    handout.of_gates(gates, Wanted(markdown=path, environ={"GITHUB_STEP_SUMMARY": str(summary)}), print)

    assert 20_000 < len(path.read_text()) <= 60_000
    assert path.read_text() == summary.read_text().removesuffix("\n")
    assert 1 <= path.read_text().count("## ✗") <= count
    assert ("more gates are left out" in path.read_text()) == (path.read_text().count("## ✗") < count)


def test_of_reports_there_is_junit(tmp_path):
    """A suite each."""
    path = tmp_path / "junit"

    assert handout.of_reports([document(p.build_report())], Wanted(junit=path, environ={})) == []
    assert path.read_text().count("<testcase") == 7


def test_what_later_steps_read_is_the_worst_of_all(tmp_path):
    """In names and numbers alone, so that a target says nothing there; added to what steps before have said."""
    path, kept = tmp_path / "gate.env", tmp_path / "outputs"
    kept.write_text("before=1\n")
    handout.of_gates(GATES, Wanted(outputs=path, environ={"GITHUB_OUTPUT": str(kept)}), print)
    said = dict(line.split("=", 1) for line in path.read_text().splitlines())

    assert ["VERDICT", "OK", "SUCCESS_RATIO", "SAMPLES", "CAUSES"] == [name.removeprefix("PROBER_") for name in said]
    assert ("fail", "false", "0.0") == (said["PROBER_VERDICT"], said["PROBER_OK"], said["PROBER_SUCCESS_RATIO"])
    assert f"before=1\n{path.read_text()}" == kept.read_text()


def test_a_gate_without_a_judged_round_has_no_ratio():
    """Nor a number that could be taken for one."""
    assert "PROBER_SUCCESS_RATIO=\n" in handout.outputs([{**GATES[0], "successRatio": None}])
