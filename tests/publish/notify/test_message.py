"""What a person reads at three in the morning."""

import re
from datetime import timedelta, timezone
from pathlib import Path

import pytest

from prober.model.alarm import Severity
from prober.model.diagnosis import Confidence
from prober.model.notice import Kind, Suspect
from prober.publish.notify.message import duration_text, written
from tests.publish.notify.webhook import DRIFT, NOON, notice

DOCUMENT = Path(__file__).parents[3] / "docs" / "notifications.md"


def suspect(name, confidence=Confidence.MEDIUM, **more):
    """A cause that may be it."""
    return Suspect(name=name, title=f"{name} holds", confidence=confidence, **{"remedy": (f"Mend {name}.",), **more})


def test_a_page_says_what_why_since_when_what_to_do_and_where_to_look():
    """In this order; the last line names the episode, by which a duplicate is known."""
    told = written(notice(text="8 of the last 30 turns failed; 95 % should pass.", link="https://prober.example/"))

    assert "PAGE: validation fails in staging: jwt_secret_drift" == told.title
    assert [
        "Why: auth and backend hold different signing keys (jwt_secret_drift, high confidence)",
        "Since: 2026-09-08 12:00 UTC",
        "Seen: 8 of the last 30 turns failed; 95 % should pass.",
        "Do 1: Make JWT_SECRET the same in both.",
        "Do 2: Restart the backend.",
        "Look: https://prober.example/",
        "Episode: success_ratio_low/e1/firing",
    ] == told.body.splitlines()


def test_the_message_in_the_documentation_is_what_is_written():
    """Whoever reads docs/notifications.md sees what they will get."""
    shown = re.search(r"<!-- shown -->\n```\n(.*?)\n```", DOCUMENT.read_text(), re.DOTALL)[1]
    seen = "8 of the last 30 turns failed; 95 % should pass."
    told = written(notice(text=seen, link="https://prober.staging.example/"))

    assert f"{told.title}\n\n{told.body}" == shown


def test_several_causes_are_said_to_be_several():
    """Nothing that is not certain sounds as if it were; each has the first thing to try against it."""
    told = written(notice(suspects=(suspect("one"), suspect("two"))))

    assert "PAGE: validation fails in staging: one of 2 causes" == told.title
    assert [
        "Why: one of 2 causes, it cannot be told which:",
        "  - one holds (one, medium confidence)",
        "  - two holds (two, medium confidence)",
        "Since: 2026-09-08 12:00 UTC",
        "Do 1: if one: Mend one.",
        "Do 2: if two: Mend two.",
    ] == told.body.splitlines()[:-1]


def test_a_certain_cause_is_told_apart_from_what_may_be_beside_it():
    """The remedy is that of what is certain."""
    told = written(notice(suspects=(DRIFT, suspect("other", Confidence.LOW))))

    assert "PAGE: validation fails in staging: jwt_secret_drift" == told.title
    assert "Besides: perhaps other holds (other, low confidence)" in told.body
    assert "Mend other." not in told.body


@pytest.mark.parametrize(
    ("suspects", "title", "why"),
    [
        ((), "cause unknown", "Why: no cause is named; go by the steps that failed."),
        ((suspect("one"),), "perhaps one", "Why: perhaps one holds (one, medium confidence)"),
        (
            (suspect("own", Confidence.HIGH, ours=True),),
            "own",
            "Why: own holds (own, high confidence, the prober's own fault)",
        ),
        (tuple(map(suspect, "abcde")), "one of 5 causes", "Why: one of 5 causes, it cannot be told which:"),
    ],
)
def test_how_sure_we_are_is_said(suspects, title, why):
    """None, perhaps one, our own, and more than there is room for."""
    told = written(notice(suspects=suspects))

    assert f"PAGE: validation fails in staging: {title}" == told.title
    assert why == told.body.splitlines()[0]


def test_more_causes_than_there_is_room_for_are_counted():
    """Three are named."""
    told = written(notice(suspects=tuple(map(suspect, "abcde"))))

    assert "  - and 2 more" in told.body.splitlines()


@pytest.mark.parametrize(
    ("severity", "alert", "title", "tone"),
    [
        (Severity.CRITICAL, "auth_fail_open", "CRITICAL: auth fails OPEN in staging, seen by validation: ", "failure"),
        (Severity.PAGE, "success_ratio_low", "PAGE: validation fails in staging: ", "failure"),
        (Severity.TICKET, "success_ratio_degraded", "Ticket: validation is degraded in staging: ", "warning"),
        (Severity.TICKET, "step_failing", "Ticket: a step of validation fails each time in staging: ", "warning"),
        (Severity.TICKET, "of_tomorrow", "Ticket: validation is not well in staging: ", "warning"),
    ],
)
def test_the_title_says_how_bad_it_is(severity, alert, title, tone):
    """Without opening the message."""
    told = written(notice(severity=severity, alert=alert))

    assert (f"{title}jwt_secret_drift", tone) == (told.title, told.tone)


def test_the_end_says_how_long_it_lasted():
    """And what it was, for whoever slept through it."""
    told = written(notice(kind=Kind.RESOLVED, until=NOON + timedelta(hours=3, minutes=5, seconds=7)))

    assert ("Resolved: validation in staging, after 3 h 5 min", "success") == (told.title, told.tone)
    assert [
        "It lasted 3 h 5 min: 2026-09-08 12:00 UTC to 2026-09-08 15:05 UTC",
        "Last seen cause: jwt_secret_drift",
        "Episode: success_ratio_low/e1/resolved",
    ] == told.body.splitlines()


def test_an_end_whose_beginning_was_forgotten_makes_up_none():
    """A restart may have lost it."""
    told = written(notice(kind=Kind.RESOLVED, since=None, until=NOON))

    assert "Resolved: validation in staging" == told.title
    assert "It was over at 2026-09-08 12:00 UTC" == told.body.splitlines()[0]


def test_an_episode_that_was_lost_sight_of_says_so():
    """It is not said to have ended well: its chain could not be looked at for long."""
    told = written(notice(kind=Kind.LOST, until=NOON + timedelta(minutes=15)))

    assert ("Lost from sight: validation in staging, which was failing", "warning") == (told.title, told.tone)
    assert [
        "Nothing was heard of it for so long that nobody can say whether it still holds.",
        "Since: 2026-09-08 12:00 UTC",
        "Last seen cause: jwt_secret_drift",
    ] == told.body.splitlines()[:3]
    assert "Episode: success_ratio_low/e1/lost" == told.body.splitlines()[-1]


def test_every_kind_has_its_words():
    """None is left to fail when it first happens."""
    titles = {written(notice(kind=kind)).title for kind in Kind}

    assert len(Kind) == len(titles)


def test_a_sample_says_that_nothing_is_wrong():
    """Nobody should get up for it."""
    told = written(notice(kind=Kind.SAMPLE, alert="Sample"))

    assert ("Sample: the prober of staging can reach you", "info") == (told.title, told.tone)
    assert "Nothing is wrong: somebody asked whether notices arrive here. They do." == told.body.splitlines()[0]


def test_time_is_told_in_one_zone():
    """Whatever zone a moment came in."""
    told = written(notice(since=NOON.astimezone(timezone(timedelta(hours=2)))))

    assert "Since: 2026-09-08 12:00 UTC" in told.body


def test_the_words_of_a_target_steer_no_terminal():
    """Control characters are shown as such; lines are ours alone to break."""
    told = written(notice(text="bell \x07 and escape \x1b[31m"))

    assert "Seen: bell \N{REPLACEMENT CHARACTER} and escape \N{REPLACEMENT CHARACTER}[31m" in told.body


def test_a_message_has_its_bounds():
    """Services refuse, and telephones cut, what is longer; whose episode it is stands at the end all the same."""
    told = written(notice(chain="c" * 63, environment="e" * 63, text="x" * 5000))

    assert (100, 1800) == (len(told.title), len(told.body))
    assert "Episode: success_ratio_low/e1/firing" == told.body.splitlines()[-1]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (-5, "0 s"), (59, "59 s"), (60, "1 min"), (3600, "1 h"), (3661, "1 h 1 min"), (90061, "1 d 1 h")],
)
def test_durations_are_told_in_two_units_at_most(seconds, text):
    """Nobody needs the seconds of a day."""
    assert text == duration_text(timedelta(seconds=seconds))
