"""Tests of prober/publish/gate_text.py."""

from io import StringIO

import pytest
from rich.console import Console

from prober.model.gate import Because, Progress, Standing
from prober.publish.gate_text import Ticker, render
from tests.judge.gates import a_round
from tests.publish import builders as p
from tests.publish.gates import BEFORE, build_gate
from tests.publish.gates import told as document_of

_SCREEN = 24


def shown(gate):
    """What a pipe gets."""
    console = Console(file=StringIO())
    render(document_of(gate), console)
    return console.file.getvalue()


def test_a_pass_is_two_lines():
    """Who is let go on needs no table."""
    assert shown(build_gate()).rstrip().splitlines() == [
        "✓ validation: GO.",
        "  20 of 20 rounds held, which proves ≥ 86.0 % at 95 % confidence.",
    ]


def test_a_failure_tells_verdict_cause_blame_and_then_what_failed():
    """In this order; of what held only how much."""
    gate = build_gate(
        "--", Because.SAME_STEP, standing=Standing.STILL_FAILING, before=BEFORE, remarks=("messages failed each time.",)
    )
    text = shown(gate)
    places = [
        text.index(each)
        for each in (
            "NO GO",
            "jwt_secret_drift",
            "did not break it",
            "failed each time",
            "before:",
            "What failed",
            "What to do",
            "Steps",
        )
    ]

    assert places == sorted(places)
    assert "auth-health" not in text
    assert len(text.splitlines()) <= _SCREEN


def test_what_was_remarked_cannot_steer_the_terminal():
    """A revision is what a service says."""
    assert "\x1b" not in shown(build_gate(remarks=("Revision \x1b[31mred never answered.",)))


@pytest.mark.parametrize(
    ("letter", "warming", "judged", "said"),
    [
        ("-", 0, 1, "validation: round 1 failed: messages; 1 failed in all, proves ≥ 0 %\n"),
        ("-", 2, 0, "validation: warming up, round 2 failed: messages\n"),
        ("+", 0, 5, ""),
    ],
)
def test_elsewhere_than_on_a_terminal_failures_are_lines(letter, warming, judged, said, capsys):
    """On standard error, which nobody parses; a log of rounds that held would tell nothing."""
    with Ticker("validation", Console(file=StringIO())) as ticker:
        ticker.told(Progress(a_round(letter), warming, judged, 1, 0.0))

    assert capsys.readouterr().err == said


def test_on_a_terminal_one_line_moves():
    """And is gone when the verdict comes."""
    console = Console(file=StringIO(), force_terminal=True, width=100)
    with Ticker("validation", console) as ticker:
        ticker.told(Progress(a_round("-"), 0, 3, 1, 0.0))
        ticker._moving.refresh()

    assert "round 3 failed: messages" in console.file.getvalue()


def test_nothing_that_it_prints_is_a_command_of_a_pipeline():
    """Wherever a line of a target's words was wrapped."""
    report = p.with_detail(p.broken_report(), f"{'x ' * 45}::error::forged ##[error]forged")
    told = shown(build_gate("--", Because.SAME_STEP, report=report))

    assert "forged" in told
    assert [] == [line for line in told.splitlines() if line.lstrip().startswith("::") or "##[" in line]


def test_many_failures_are_summed_up():
    """Whoever has thirty kinds of failures reads the report."""
    gate = document_of(build_gate("--", Because.SAME_STEP))
    step = gate["report"]["steps"][2]
    gate["report"]["steps"] = [{**step, "detail": f"kind {number}"} for number in range(30)]
    console = Console(file=StringIO())
    render(gate, console)

    assert "kind 5" in console.file.getvalue()
    assert "kind 6" not in console.file.getvalue()
    assert "and 24 more" in console.file.getvalue()


def test_of_a_gate_held_elsewhere_each_news_is_one_line(capsys):
    """Looked at once a second, it would fill the log."""
    running = {"id": "g1", "state": "running", "progress": {"failures": 0}}
    with Ticker("validation", Console(file=StringIO())) as ticker:
        for gate in (running, running, {**running, "progress": {"failures": 2}}, {"state": "running\x1b"}):
            ticker.follow(gate)

    assert capsys.readouterr().err.splitlines() == [
        "validation: running elsewhere",
        "validation: running elsewhere, 2 failed so far",
        "validation: running� elsewhere",
    ]


@pytest.mark.parametrize(("height", "times"), [(10, 2), (24, 1)])
def test_a_verdict_that_scrolled_away_is_said_once_more(height, times):
    """On a small terminal, or where much is to be told."""
    console = Console(file=StringIO(), force_terminal=True, width=80, height=height)
    render(document_of(build_gate("--", Because.SAME_STEP)), console)

    assert console.file.getvalue().count("validation: NO GO.") == times
