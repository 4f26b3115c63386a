from dataclasses import replace
from datetime import timedelta

import pytest

from prober.model.diagnosis import Confidence, Diagnosis, Named, State
from prober.model.pause import Pause
from prober.model.verdict import Outcome, Reason, Verdict
from prober.publish.document import document
from prober.publish.page.card import Moments, Revision, card_of, seen_of
from prober.publish.remembered import Remembered
from tests import builders as b
from tests.publish import builders as p

CHAIN = p.build_plan().chains["validation"]
SECOND = timedelta(seconds=1)


def card(report=None, before=None, **moments):
    """The card of a report."""
    kept = document(report) if report else None
    seen = seen_of(kept) if kept else None
    return card_of(CHAIN, "staging", seen, Moments(now=b.NOON + 11 * SECOND, **moments), before)


def causes(state, *confidences, unexplained=()):
    """A failing report with such a diagnosis."""
    named = [
        Named(cause=replace(p.DRIFT, name=f"cause_{place}", title=f"title {place}"), confidence=each, explains=())
        for place, each in enumerate(confidences)
    ]
    return replace(p.broken_report(), diagnosis=Diagnosis(state=state, causes=tuple(named), unexplained=unexplained))


HIGH, MEDIUM = Confidence.HIGH, Confidence.MEDIUM


@pytest.mark.parametrize(
    ("report", "expected"),
    [
        (p.build_report(), "Staging accepts good tokens and refuses bad ones: all 7 looks held."),
        (causes(State.DIAGNOSED, HIGH), "Staging is refusing tokens: title 0."),
        (causes(State.DIAGNOSED, HIGH, HIGH), "Staging is refusing tokens: title 0 and title 1."),
        (causes(State.DIAGNOSED, MEDIUM), "Staging is refusing tokens: perhaps title 0."),
        (causes(State.AMBIGUOUS, MEDIUM, MEDIUM), "Staging is refusing tokens: either title 0, or title 1."),
        (
            causes(State.AMBIGUOUS, MEDIUM, MEDIUM, MEDIUM),
            "Staging is refusing tokens: one of 3 causes, and this run cannot tell which.",
        ),
        (causes(State.UNKNOWN), "Staging is refusing tokens: no known cause explains what is seen."),
        (causes(State.HEALTHY), "Staging is refusing tokens: messages and 2 more did not hold."),
    ],
)
def test_the_verdict_is_a_sentence(report, expected):
    """That a person who was woken understands, and that is no surer than the diagnosis."""
    assert expected == card(report).headline


def test_what_fails_beside_tokens_is_no_refusal():
    """A service that is down refuses nobody."""
    down = p.result(p.HEALTH, b.http(503), Verdict.FAIL, reason=Reason.STATUS, detail="503 Service Unavailable")

    assert card(p.build_report(down)).headline.startswith("Staging is not well: ")


def test_an_open_door_outranks_every_verdict():
    """And it is told where."""
    opened = p.result(p.FORGED_SOCKET, b.welcomed(), Verdict.FAIL, outcome=Outcome.ACCEPTED, reason=Reason.ACCEPTED)
    found = card(p.build_report(opened))

    assert "open" == found.state
    assert "Staging's auth is failing OPEN: backend's WebSocket accepts a forged token." == found.headline


def test_our_own_fault_is_told_as_ours():
    """Nothing is counted against the environment."""
    blind = p.result(p.MESSAGES, None, Verdict.BLIND, reason=Reason.OWN_FAULT, detail="our secret is missing")
    report = replace(p.build_report(blind), diagnosis=Diagnosis(state=State.HEALTHY))
    found = card(report)

    assert "blind" == found.state
    assert "The prober cannot look at staging: our secret is missing. Nothing is counted against it." == found.headline


def test_trouble_has_a_beginning():
    """And, where one came shortly before, a revision beside it; one that came long before, or after, is none."""
    new = Revision(service="backend", name="00097", changed=b.NOON - 40 * SECOND)
    old = Revision(service="auth", name="00041", changed=b.NOON - timedelta(hours=2))
    later = Revision(service="auth", name="00042", changed=b.NOON + timedelta(minutes=5))
    found = card(p.broken_report(), since=b.NOON, revisions=(old, new, later)).since

    assert (b.NOON, True, new) == (found.at, found.is_first, found.culprit)
    assert card(p.broken_report(), since=b.NOON, revisions=(old, later)).since.culprit is None


def test_of_trouble_from_before_the_start_the_last_good_moment_is_known():
    """That is said as what it is; of what is well nobody asks since when."""
    found = card(p.broken_report(), last_success=b.NOON - SECOND).since

    assert (b.NOON - SECOND, False) == (found.at, found.is_first)
    assert card(p.build_report(), since=b.NOON).since is None
    assert card(p.broken_report()).since is None


@pytest.mark.parametrize("report", [None, p.build_report(), p.broken_report()])
def test_what_is_paused_is_neither_well_nor_failing(report):
    """Whatever was seen last; and it grows no staler than that."""
    pause = Pause(service="auth", reason="a load test", by="ops", since=b.NOON)
    found = card(report, paused=pause)

    assert ("paused", "‖", None) == (found.state, found.mark, found.stale_at)
    assert "Nothing is sent here: auth is paused since 2026-09-08 12:00:00 UTC by ops: a load test." == found.headline
    assert b.NOON == found.since.at


def test_a_card_grows_stale_after_three_intervals():
    """Its mark then is no verdict's."""
    fresh = card(p.build_report())
    old = replace(fresh, moments=Moments(now=fresh.stale_at + SECOND))

    assert (False, "✓") == (fresh.is_stale, fresh.mark)
    assert (True, "?") == (old.is_stale, old.mark)


def test_before_the_first_run_nothing_is_known():
    """After a restart, what held before is."""
    before = Remembered.of(document(p.broken_report()))

    assert ("none", "Nobody has looked at staging yet.") == (card().state, card().headline)
    assert ("fail", f"Before the prober was restarted: {before.summary}") == (
        card(before=before).state,
        card(before=before).headline,
    )


def test_what_is_sure_and_what_may_be_are_kept_apart():
    """The page shows them differently."""
    view = card(causes(State.AMBIGUOUS, HIGH, MEDIUM)).run

    assert (["cause_0"], ["cause_1"]) == ([c.name for c in view.certain], [c.name for c in view.possible])
