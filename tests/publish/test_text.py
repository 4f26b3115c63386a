from io import StringIO

import pytest
from rich.console import Console

from prober.model.diagnosis import Diagnosis, RuledOut, State
from prober.model.observation import Match
from prober.model.report import Cell
from prober.model.signal import Reading, Signal
from prober.model.trouble import TroubleKind, Whose
from prober.model.verdict import Outcome, Reason, Verdict
from prober.publish.text import render, step_line
from tests import builders as b
from tests.publish import builders as p

BLIND = p.result(
    p.MESSAGES,
    b.trouble(TroubleKind.OWN_SECRET, Whose.PROBER),
    Verdict.BLIND,
    reason=Reason.OWN_SECRET,
    detail="secret 'jwt' is missing",
)


def printed(report, **more):
    """`report` as a pipe gets it."""
    out = StringIO()
    render(report, Console(file=out, **more))
    return out.getvalue()


@pytest.mark.parametrize(
    ("name", "report"),
    [("healthy.txt", p.build_report()), ("broken.txt", p.broken_report())],
    ids=["healthy", "broken"],
)
def test_the_text_reads_as_it_should(golden, name, report):
    """Verdict, what failed, why, and everything at a glance."""
    text = printed(report)

    assert text == golden(name, text)


def test_a_healthy_run_fits_a_screen():
    """Twenty-four lines tell that all is well."""
    assert len(printed(p.build_report()).splitlines()) <= 24


@pytest.mark.parametrize("report", [p.build_report(), p.broken_report()], ids=["healthy", "broken"])
def test_a_pipe_gets_plain_lines(report):
    """No escape codes, no trailing blanks, a hundred columns at most."""
    lines = printed(report).splitlines()

    assert "\x1b" not in "".join(lines)
    assert lines == [line.rstrip() for line in lines]
    assert max(map(len, lines)) <= 100


def test_no_color_is_respected(monkeypatch):
    """With NO_COLOR a terminal gets no colours."""
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm-256color")
    text = printed(p.broken_report(), force_terminal=True, width=80)

    assert "\x1b[31m" not in text
    assert "\x1b[1;31m" not in text


def test_a_terminal_gets_colours(monkeypatch):
    """Failures are red where red can be shown."""
    monkeypatch.delenv("NO_COLOR", raising=False)
    text = printed(p.broken_report(), force_terminal=True, color_system="standard", width=80)

    assert "\x1b[1;31m" in text


def test_a_blind_step_is_among_what_failed():
    """Our own fault is told at the top too, with its own mark."""
    assert "◌ messages: secret 'jwt' is missing" in printed(p.build_report(BLIND))


def test_an_open_door_is_told():
    """A control that was accepted stands out."""
    opened = p.result(p.FORGED_SOCKET, b.welcomed(), Verdict.FAIL, outcome=Outcome.ACCEPTED, reason=Reason.ACCEPTED)

    assert "✗ ACCEPTED: forged → websocket" in printed(p.build_report(opened))


def test_secrets_that_could_not_be_compared_are_told():
    """Unknown has a mark of its own."""
    unknown = p.result(p.SECRETS, b.secrets_seen(auth_backend=Match.UNKNOWN), Verdict.SKIP)

    assert "– jwt: auth and backend could not be compared" in printed(p.build_report(unknown))


def test_a_report_of_nothing_prints():
    """A run without a step, a window or a pair has a verdict all the same."""
    text = printed(p.build_report(BLIND, windows=(), matrix=(), controls=(), secrets=()))

    assert "Who accepts" not in text
    assert "Success ratio" not in text


def test_doubts_are_told():
    """What is unexplained, what would tell, and the first of many causes ruled out."""
    reading = Reading(Signal("health", ("auth",)), "ok", ("auth-health",), normal=True)
    out = tuple(RuledOut(name=f"cause_{number}", by=reading) for number in range(8))
    doubts = Diagnosis(state=State.UNKNOWN, unexplained=(reading,), would_split=(Signal("credentials"),), ruled_out=out)
    text = printed(p.broken_report(diagnosis=doubts))

    assert "unexplained  health(auth) = ok" in text
    assert "would tell   credentials" in text
    assert "and 3 more" in text


def test_where_two_steps_met_one_door_the_refusal_is_shown():
    """The matrix has one mark a door: the one that needs looking at."""
    cells = tuple(
        Cell(issuer="local", verifier="backend", outcome=outcome, step="any")
        for outcome in (Outcome.REFUSED, Outcome.ACCEPTED)
    )

    assert "local   ✗ refused" in printed(p.build_report(matrix=cells))


def test_a_long_account_shrinks_and_nothing_else_does():
    """Mark, name, service and time stay whole whatever a step has to tell."""
    told = p.result(p.SECRETS, b.secrets_seen(), Verdict.FAIL, reason=Reason.MISMATCH, detail="long story " * 20)
    [line] = [line for line in printed(p.build_report(told)).splitlines() if line.endswith(" ms")]

    assert line.startswith("  ✗  secret-match  auth  long story")
    assert line.endswith("…  10 ms")
    assert len(line) == 100


def test_hostile_words_stay_words():
    """Markup is not interpreted and control characters do not reach the terminal."""
    hostile = "[red]\x1b[2J:boom:"
    report = p.build_report(p.result(p.MESSAGES, b.http(500), Verdict.FAIL, reason=Reason.STATUS, detail=hostile))

    assert "[red]\N{REPLACEMENT CHARACTER}[2J:boom:" in printed(report)


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        (p.result(p.MESSAGES, b.http(200)), "✓ messages  backend  200 OK  10 ms"),
        (
            p.result(p.MESSAGES, b.http(403), Verdict.FAIL, reason=Reason.REFUSED, detail="403 Forbidden: no"),
            "✗ messages  backend  403 Forbidden: no  10 ms",
        ),
        (
            p.result(p.SOCKET, None, Verdict.SKIP, reason=Reason.NEEDS, detail="needs mint"),
            "– websocket  backend  needs mint",
        ),
    ],
)
def test_a_step_has_a_line_of_its_own(result, expected):
    """What the terminal shows while a run goes on."""
    assert step_line(result).plain == expected
