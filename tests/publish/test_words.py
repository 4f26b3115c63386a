from dataclasses import replace

import pytest

from prober.model.diagnosis import Confidence, Diagnosis, Named, State
from prober.model.observation import Match, Pair
from prober.model.trouble import Phase, Trouble, TroubleKind, Whose
from prober.model.verdict import Outcome, Reason, Verdict
from prober.publish import words
from tests import builders as b
from tests.publish import builders as p

BLIND = p.result(p.MESSAGES, b.trouble(TroubleKind.OWN_SECRET, Whose.PROBER), Verdict.BLIND, reason=Reason.OWN_SECRET)
MOOT = p.result(p.SOCKET, None, Verdict.SKIP, reason=Reason.NEEDS)
GOOD = p.result(p.HEALTH, b.http())


@pytest.mark.parametrize(
    ("results", "expected"),
    [
        ((GOOD,), "validation passes: all 1 step held."),
        (p.broken_results(), "validation FAILS: 3 of 7 steps did not hold."),
        ((GOOD, BLIND), "validation is blind: the prober could not look at 1 step; no word on the target."),
        ((GOOD, MOOT), "validation is partial: 1 of 2 steps held, the others were moot."),
    ],
    ids=["pass", "fail", "blind", "partial"],
)
def test_each_verdict_is_a_sentence(results, expected):
    """The verdict in words, with its numbers."""
    sentence = words.sentence(p.build_report(*results))

    assert sentence == expected


def named(cause=p.DRIFT, confidence=Confidence.MEDIUM):
    """A named cause."""
    return Named(cause=cause, confidence=confidence, explains=())


@pytest.mark.parametrize(
    ("diagnosis", "expected"),
    [
        (Diagnosis(state=State.HEALTHY), ""),
        (Diagnosis(state=State.UNKNOWN), "Something is wrong that no known cause explains."),
        (
            Diagnosis(state=State.DIAGNOSED, causes=(named(confidence=Confidence.HIGH),)),
            "Because auth and backend hold different signing keys (jwt_secret_drift).",
        ),
        (
            Diagnosis(
                state=State.AMBIGUOUS,
                causes=(named(), named(replace(p.DRIFT, name="auth_down", title="auth is down"))),
            ),
            (
                "Because of one of these: auth and backend hold different signing keys (jwt_secret_drift), "
                "or auth is down (auth_down)."
            ),
        ),
        (
            Diagnosis(state=State.AMBIGUOUS, causes=(named(confidence=Confidence.HIGH), named(), named())),
            (
                "Because auth and backend hold different signing keys (jwt_secret_drift). "
                "Also because of one of these: "
                "auth and backend hold different signing keys (jwt_secret_drift), "
                "or auth and backend hold different signing keys (jwt_secret_drift)."
            ),
        ),
        (
            Diagnosis(state=State.AMBIGUOUS, causes=(named(),) * 4),
            "Because of one of 4 causes that this run cannot tell apart; see below.",
        ),
    ],
    ids=["healthy", "unknown", "diagnosed", "ambiguous", "one certain", "many"],
)
def test_a_diagnosis_is_a_sentence(diagnosis, expected):
    """One cause, several, none known, or nothing to explain."""
    sentence = words.cause_sentence(p.build_report(diagnosis=diagnosis))

    assert sentence == expected


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        (p.result(p.MESSAGES, b.http(403)), "403 Forbidden"),
        (p.result(p.NO_TOKEN, b.http(403), outcome=Outcome.REFUSED), "403 Forbidden"),
        (p.result(b.validate_step(), b.http(200), outcome=Outcome.REFUSED), "200 OK, token refused"),
        (p.result(p.MESSAGES, b.http(200, first_event="data: hello")), "200 OK, first event"),
        (p.result(p.SOCKET, b.refused_late()), "accepted, then 1008 policy violation"),
        (p.result(p.SOCKET, b.refused_early()), "handshake refused with 403 Forbidden"),
        (p.result(p.SOCKET, b.welcomed()), "welcomed, ping answered"),
        (
            p.result(p.MESSAGES, Trouble(TroubleKind.CONNECTION_REFUSED, Whose.TARGET, "", Phase.CONNECT)),
            "connection refused",
        ),
        (p.result(p.MESSAGES, b.trouble(TroubleKind.DNS)), "name does not resolve"),
        (p.result(p.SECRETS, b.secrets_seen(), detail="2 pairs equal"), "2 pairs equal"),
        (p.result(p.SOCKET, None, detail="needs mint"), "needs mint"),
    ],
)
def test_what_was_seen_is_told_in_few_words(result, expected):
    """Statuses and close codes have names people know."""
    text = words.seen_text(result)

    assert text == expected


@pytest.mark.parametrize(
    ("seconds", "expected"), [(0.0042, "4.2 ms"), (0.0421, "42 ms"), (1.2345, "1,234 ms"), (0.0, "0.0 ms")]
)
def test_durations_are_milliseconds(seconds, expected):
    """Two digits are enough to compare."""
    assert words.milliseconds(seconds) == expected


def test_a_step_that_was_not_run_took_no_time():
    """No duration is shown for it, not zero."""
    assert words.duration_text(MOOT) == ""


@pytest.mark.parametrize(
    ("match", "expected"),
    [
        (Match.EQUAL, "jwt: auth and backend hold the same"),
        (Match.EQUAL_AFTER_STRIP, "jwt: auth and backend differ by white space only"),
        (Match.DIFFERENT, "jwt: auth and backend differ"),
        (Match.UNKNOWN, "jwt: auth and backend could not be compared (no such route)"),
    ],
)
def test_a_comparison_is_a_sentence(match, expected):
    """Who was compared, what came of it, and why when nothing did."""
    why = "no such route" if match is Match.UNKNOWN else ""

    assert words.pair_text(Pair(secret="jwt", left="auth", right="backend", match=match, why=why)) == expected


def test_control_characters_do_not_get_through():
    """A target cannot colour, erase or forge lines of our terminal."""
    assert words.printable("a\x1b[2Kb\nc") == "a\N{REPLACEMENT CHARACTER}[2Kb\N{REPLACEMENT CHARACTER}c"


@pytest.mark.parametrize(("ratio", "expected"), [(1.0, "100 %"), (0.975, "97.5 %"), (None, "–"), (0.0, "0 %")])
def test_ratios_are_percent(ratio, expected):
    """Unknown is a dash, not zero."""
    assert words.percent(ratio) == expected
