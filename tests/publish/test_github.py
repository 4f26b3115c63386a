"""Tests of prober/publish/github.py."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prober.model.gate import Because, Standing
from prober.publish import github
from tests.publish.gates import build_gate, told


def test_an_annotation_has_a_level_a_title_and_the_cause():
    """All in one line, the signs of the command escaped."""
    line = github.annotation(told(build_gate("--", Because.SAME_STEP, standing=Standing.REGRESSION)))

    assert line.startswith("::error title=validation%3A NO GO.::Because auth and backend hold different signing keys")
    assert "%0ABefore the deploy all was well" in line
    assert "%0Aremedy: 1. Make JWT_SECRET" in line
    assert "\n" not in line


@pytest.mark.parametrize(
    ("because", "level"), [(Because.HELD, "notice"), (Because.UNDECIDED, "warning"), (Because.BROKE, "error")]
)
def test_the_level_says_the_verdict(because, level):
    """No go is an error; not enough evidence a warning."""
    assert github.annotation(told(build_gate("+-", because))).startswith(f"::{level} title=")


def test_a_pass_tells_no_remedy():
    """There is nothing to do: 20 rounds of 20 held, at 95 % (escaped)."""
    line = github.annotation(told(build_gate()))

    assert line.endswith("::20 of 20 rounds held, which proves ≥ 86.0 %25 at 95 %25 confidence.")


def test_what_was_remarked_cannot_begin_a_command_of_its_own():
    """Line ends are escaped, control characters gone."""
    gate = told(build_gate(remarks=("Revision x\r\n::set-output name=a::b\x1b% answers, so: yes.",)))
    gate["headline"] = "a,b:c\n::d"
    line = github.annotation(gate)

    assert len(line.splitlines()) == 1
    assert line.startswith("::notice title=a%2Cb%3Ac�%3A%3Ad::")
    assert "%25 answers" in line


def test_a_complaint_is_an_annotation_too():
    """All of its lines in one."""
    assert github.complaint("a.yaml:1: no\n::error::x") == "::error title=prober::a.yaml:1: no%0A::error::x"


#: What the runner looks for: its own signs at the beginning of a line, the older ones anywhere.
_TAKEN = re.compile(r"^(\s|\x1b\[[\d;]*m)*::|##\w*\[", re.MULTILINE)


@given(
    st.lists(st.sampled_from([":", "::", "#", "##[", "##vso[", " ", "\t", "\n", "\x1b[1m", "error", "]"])).map("".join)
)
def test_no_line_that_people_read_is_a_command(text):
    """Wherever it was wrapped."""
    assert not _TAKEN.search(github.harmless(text))


@pytest.mark.parametrize("text", ["[::1]:8080 refused", "a :: b", "# a", "## b", "x[1]", "C:: x"])
def test_what_is_no_command_stays_as_it_is(text):
    """An address is not to be mended."""
    assert github.harmless(text) == text


def test_the_summary_is_added_to_what_steps_before_wrote(tmp_path):
    """And elsewhere than there nothing is written."""
    path = tmp_path / "summary.md"
    path.write_text("before\n")
    github.summarize({"GITHUB_STEP_SUMMARY": str(path)}, ["one\n", "two\n"])
    github.summarize({}, ["three"])

    assert path.read_text() == "before\none\n\ntwo\n\n"


def test_a_summary_is_never_too_large(tmp_path):
    """Over 1 MiB all of it would be refused."""
    path = tmp_path / "summary.md"
    github.summarize({"GITHUB_STEP_SUMMARY": str(path)}, ["≥" * 1_000_000])

    assert path.stat().st_size < 1_000_000
    assert path.read_text().startswith("≥≥")
