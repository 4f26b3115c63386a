from dataclasses import replace

import pytest

from prober.judge.signals import accepts, health
from prober.model.copies import Copy, Fetched
from prober.model.diagnosis import Confidence, Diagnosis, Named, RuledOut, State
from prober.model.observation import Match, Pair
from prober.model.signal import Reading, Signal
from prober.model.trouble import Phase, Trouble, TroubleKind, Whose
from prober.model.verdict import Outcome, Reason, Verdict
from prober.publish import words
from tests import builders as b
from tests.publish import builders as p

BLIND = p.result(p.MESSAGES, b.trouble(TroubleKind.OWN_SECRET, Whose.PROBER), Verdict.BLIND, reason=Reason.OWN_SECRET)
MOOT = p.result(p.SOCKET, None, Verdict.SKIP, reason=Reason.NEEDS)
GOOD = p.result(p.HEALTH, b.http())
OPEN = {"verdict": Verdict.FAIL, "outcome": Outcome.ACCEPTED, "reason": Reason.ACCEPTED}
REFUSED = Reading(accepts("local", "backend"), "refused", ("messages",), normal=False)
HEALTHY = Diagnosis(state=State.HEALTHY)


@pytest.mark.parametrize(
    ("results", "expected"),
    [
        ((GOOD,), "validation passes: all 1 step held."),
        (p.broken_results(), "validation FAILS: 3 of 7 steps did not hold."),
        (
            (GOOD, BLIND),
            (
                "validation is BLIND by the prober's own fault: 1 of 2 steps could not be judged; "
                "nothing was counted against auth and backend."
            ),
        ),
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
            Diagnosis(state=State.UNKNOWN, unexplained=(REFUSED, REFUSED)),
            "Something is wrong that no known cause explains: backend refuses a token that we signed, and 1 more.",
        ),
        (
            Diagnosis(state=State.AMBIGUOUS, causes=(named(),)),
            "Perhaps because auth and backend hold different signing keys (jwt_secret_drift).",
        ),
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
                "Either auth and backend hold different signing keys (jwt_secret_drift), "
                "or auth is down (auth_down): this run cannot tell which."
            ),
        ),
        (
            Diagnosis(state=State.AMBIGUOUS, causes=(named(confidence=Confidence.HIGH), named(), named())),
            (
                "Because auth and backend hold different signing keys (jwt_secret_drift). "
                "Besides, either auth and backend hold different signing keys (jwt_secret_drift), "
                "or auth and backend hold different signing keys (jwt_secret_drift): this run cannot tell which."
            ),
        ),
        (
            Diagnosis(state=State.AMBIGUOUS, causes=(named(),) * 4),
            (
                "One of 4 causes, and this run cannot tell which: "
                "jwt_secret_drift, jwt_secret_drift, jwt_secret_drift, jwt_secret_drift."
            ),
        ),
    ],
    ids=["healthy", "unknown", "unknown but seen", "perhaps", "diagnosed", "ambiguous", "one certain", "many"],
)
def test_a_diagnosis_is_a_sentence(diagnosis, expected):
    """One cause, several, none known, or nothing to explain."""
    sentence = words.cause_sentence(p.build_report(diagnosis=diagnosis))

    assert sentence == expected


def test_a_failure_that_is_no_symptom_has_no_cause():
    """A step that the diagnosis does not reason with fails by itself, and that is said."""
    failed = p.result(p.MESSAGES, b.http(500), Verdict.FAIL, reason=Reason.STATUS)

    assert words.cause_sentence(p.build_report(failed)).startswith("No cause is named: ")


def elsewhere(report):
    """The same report where the services have other names."""
    own = {"auth": replace(b.AUTH, name="idp"), "backend": replace(b.BACKEND, name="api")}
    steps = tuple(replace(step, service=own[step.service.name]) for step in report.run.chain.steps)
    return replace(report, run=replace(report.run, chain=replace(report.run.chain, steps=steps)))


def test_other_names_are_told_once():
    """The texts of causes know roles; whoever calls their services otherwise is told which is which."""
    sentence = words.cause_sentence(elsewhere(p.broken_report()))

    assert sentence.endswith("(jwt_secret_drift). The backend is «api», the auth service is «idp» here.")


def test_other_names_matter_only_where_a_cause_is_told():
    """All is well by any name."""
    assert words.cause_sentence(elsewhere(p.build_report())) == ""


def test_an_open_door_is_a_sentence():
    """Who lets in what, each door once."""
    opened = [p.result(step, b.welcomed(), **OPEN) for step in (p.FORGED_SOCKET, p.FORGED_SOCKET, p.NO_TOKEN)]
    credentials = p.result(b.credentials_step("wrong", expect=b.REFUSED), b.http(), **OPEN)

    assert words.open_doors_sentence(p.build_report()) == ""
    assert words.open_doors_sentence(p.build_report(*opened, credentials)) == (
        "Auth is failing OPEN: backend's WebSocket accepts a forged token; "
        "backend accepts a request without a token; "
        "auth (asked with service credentials) accepts wrong service credentials."
    )


@pytest.mark.parametrize(
    ("results", "diagnosis", "expected"),
    [
        ((GOOD,), HEALTHY, "Nothing is wrong."),
        ((GOOD, MOOT), HEALTHY, "Nothing wrong was seen, but not everything could be looked at."),
        ((BLIND,), HEALTHY, "The fault is the prober's own; nothing was counted against auth and backend."),
        (
            (p.result(p.FORGED_SOCKET, b.welcomed(), **OPEN),),
            Diagnosis(state=State.DIAGNOSED, causes=(named(confidence=Confidence.HIGH),)),
            (
                "Auth is failing OPEN: backend's WebSocket accepts a forged token. "
                "Because auth and backend hold different signing keys (jwt_secret_drift)."
            ),
        ),
    ],
    ids=["pass", "partial", "blind", "open"],
)
def test_each_diagnosis_has_a_summary(results, diagnosis, expected):
    """An open door first, then the cause, then whose fault it is; never nothing."""
    assert words.summary(p.build_report(*results, diagnosis=diagnosis)) == expected


def test_doubts_are_told_in_plain_words():
    """What is unexplained, what would tell, what was ruled out and by what; who falls by one reading shares a line."""
    well = Reading(health("auth"), "ok", ("auth-health", "b", "c"), normal=True)
    accepted = Reading(accepts("auth", "auth"), "accepted", (), normal=True)
    diagnosis = Diagnosis(
        state=State.AMBIGUOUS,
        unexplained=(REFUSED,),
        would_split=(health("auth"), Signal("mood")),
        ruled_out=(RuledOut(name="a", by=accepted), RuledOut(name="b", by=well), RuledOut(name="c", by=well)),
        masked=("d", "e"),
    )

    assert list(words.doubts(p.build_report(diagnosis=diagnosis))) == [
        ("unexplained", "backend refuses a token that we signed  [messages]"),
        ("would tell", "whether auth is well (step auth-health)"),
        ("would tell", "mood"),
        ("ruled out", "b, c: auth says that it is well  [auth-health, b and 1 more]"),
        ("ruled out", "a: auth accepts a token that auth minted"),
        ("could hide", "d, e"),
    ]


def test_too_much_is_summed_up():
    """What rules out most comes first; whoever wants all of it reads the JSON."""
    readings = [Reading(Signal(f"signal{number}"), "x", (), normal=True) for number in range(7)]
    out = tuple(RuledOut(name=reading.signal.name, by=reading) for reading in (*readings, readings[6]))
    diagnosis = Diagnosis(state=State.UNKNOWN, ruled_out=out)
    labels, told = zip(*words.doubts(p.build_report(diagnosis=diagnosis)), strict=True)

    assert labels == (*["ruled out"] * 3, "")
    assert (told[0], told[-1]) == ("signal6, signal6: signal6 = x", "and 4 more causes")


def test_looks_taken_besides_are_marked():
    """Whether a look was a follow-up or a second one is told with what it saw."""
    follow_up = p.result(replace(p.MESSAGES, is_follow_up=True), b.http(200))

    assert words.told(follow_up) == "follow-up: 200 OK"
    assert words.told(GOOD, second=True) == "second look: 200 OK"
    assert words.told(GOOD) == "200 OK"


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


def test_staleness_is_told_in_the_chains_own_name():
    """Before the verdict, so that nobody takes it for what holds now."""
    told = words.staleness(b.chain(name="login"))

    assert "What holds now is not known: login has not run for over 3 of its intervals." == told


def test_what_may_be_ours_is_not_told_as_ours():
    """Where nobody can tell, the words do not: a reader must still think of the services."""
    doubted = p.result(p.MESSAGES, b.http(401), Verdict.BLIND, reason=Reason.MAYBE_OWN)
    report = p.build_report(GOOD, doubted)

    assert words.sentence(report).startswith("validation is BLIND by what may be the prober's own fault: 1 of 2 steps")
    assert words.summary(report) == "The fault may be the prober's own; nothing was counted against auth and backend."


@pytest.mark.parametrize(
    ("copy", "told"),
    [
        (Copy(name="jwt", version="7"), "version 7"),
        (Copy(name="jwt", version="5", latest="7"), "version 5, pinned; the newest is 7"),
        (Copy(name="jwt", version="7", latest="7"), "version 7"),
        (Copy(name="jwt", version="7", previous=("6",)), "version 7; 6 still counts beside it"),
        (Copy(name="jwt", version="7", failing=Fetched.AWAY), "version 7; its source gave nothing when last asked"),
    ],
)
def test_our_copy_is_told_by_its_version(copy, told):
    """And whether a newer one is there, or an older one counts."""
    assert told == words.copy_text(copy)
