from dataclasses import replace
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
    """Twenty-five lines tell that all is well."""
    assert len(printed(p.build_report()).splitlines()) <= 25


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


OPEN = p.result(p.FORGED_SOCKET, b.welcomed(), Verdict.FAIL, outcome=Outcome.ACCEPTED, reason=Reason.ACCEPTED)


def test_an_open_door_comes_first():
    """Before the verdict, and before every other failure."""
    failed = p.result(p.MESSAGES, b.http(500), Verdict.FAIL, reason=Reason.STATUS)
    lines = printed(p.build_report(failed, OPEN)).splitlines()
    first = lines.index("What failed") + 1

    assert lines[0] == "✗ Auth is failing OPEN: backend's WebSocket accepts a forged token."
    assert lines[1] == "✗ validation FAILS: 2 of 2 steps did not hold."
    assert lines[first].startswith("  ✗ websocket-refuses-forged: ")


def test_an_open_door_is_told():
    """A control that was accepted stands out."""
    assert "✗ ACCEPTED: forged → backend's WebSocket" in printed(p.build_report(OPEN))


def test_a_fault_of_ours_has_a_section_of_its_own():
    """Nothing of it stands under what failed."""
    text = printed(p.build_report(BLIND))

    assert "What failed" not in text
    assert "(its own fault)\n  ◌ messages: secret 'jwt' is missing" in text


def test_looks_taken_besides_are_marked():
    """A follow-up and a second look are listed as what they are."""
    follow_up = p.result(replace(p.MESSAGES, is_follow_up=True), b.http(200))
    report = p.build_report(follow_up)
    text = printed(replace(report, run=replace(report.run, second_looks=(p.result(p.SOCKET, b.welcomed()),))))

    assert "✓  messages   backend  follow-up: 200 OK" in text
    assert "✓  websocket  backend  second look: welcomed, ping answered" in text


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
    doubts = Diagnosis(state=State.UNKNOWN, unexplained=(reading,), would_split=(Signal("mood"),), ruled_out=out)
    text = printed(p.broken_report(diagnosis=doubts))

    assert "unexplained  auth says that it is well  [auth-health]" in text
    assert "would tell   mood" in text
    assert "ruled out    cause_0, cause_1, cause_2, cause_3 and 4 more: auth says that it is well" in text


def test_where_two_steps_met_one_door_the_refusal_is_shown():
    """The matrix has one mark a door: the one that needs looking at."""
    cells = tuple(
        Cell(issuer="local", verifier="backend", outcome=outcome, step="any")
        for outcome in (Outcome.REFUSED, Outcome.ACCEPTED)
    )

    text = printed(p.build_report(matrix=cells))

    assert "local      ✗\n" in text
    assert "✓ accepted · ✗ refused · ? unclear\n" in text


#: A chain with every door that has a token to take.
DOORS = {
    "auth": b.validate_step(),
    "auth_as_service": b.credentials_step(),
    "backend": p.MESSAGES,
    "stream": b.stream_step(),
    "websocket": p.SOCKET,
    "websocket_subprotocol": b.websocket_step("by-subprotocol"),
    "websocket_origin": b.websocket_step("from-the-page"),
}


def with_steps(report, *steps):
    """`report`, of a chain of these steps."""
    return replace(report, run=replace(report.run, chain=replace(report.run.chain, steps=steps)))


def test_the_matrix_has_short_heads_and_says_what_they_mean():
    """All doors fit a mail, and an issuer is called by its own name."""
    cells = [Cell(issuer="local", verifier=v, outcome=Outcome.ACCEPTED, step=s.name) for v, s in DOORS.items()]
    cells.append(Cell(issuer="backdated", verifier="stream", outcome=Outcome.UNCLEAR, step=DOORS["stream"].name))
    lines = printed(with_steps(p.build_report(matrix=tuple(cells)), *DOORS.values())).splitlines()
    head = next(number for number, line in enumerate(lines) if line.startswith("  issuer"))
    legend = " ".join(line.strip() for line in lines[head + 3 :])

    assert lines[head].split() == ["issuer", "auth", "auth/svc", "backend", "stream", "ws", "ws/sub", "ws/origin"]
    assert lines[head + 1].split() == ["local", "✓", "✓", "✓", "?", "✓", "✓", "✓"]
    assert "ws: backend's WebSocket, token in a header · ws/sub: token as subprotocol · ws/origin: with" in legend


def test_where_two_services_have_such_a_door_the_head_says_whose():
    """One column for each."""
    steps = [b.websocket_step(name, service=replace(b.BACKEND, name=name)) for name in ("api", "chat")]
    cells = [Cell(issuer="local", verifier="websocket", outcome=Outcome.ACCEPTED, step=s.name) for s in steps]
    text = printed(with_steps(p.build_report(matrix=tuple(cells)), *steps))

    assert "issuer  api/ws  chat/ws\n" in text


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


@pytest.mark.parametrize(("height", "times"), [(24, 2), (400, 1)])
def test_a_verdict_that_scrolled_away_is_said_once_more(height, times):
    """On a terminal; whoever reads a file begins at its top."""
    console = Console(file=StringIO(), force_terminal=True, width=80, height=height)
    render(p.broken_report(), console)

    assert console.file.getvalue().count("validation FAILS: 3 of 7 steps did not hold.") == times
