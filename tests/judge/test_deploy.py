"""Tests of prober/judge/deploy.py."""

from datetime import timedelta

import pytest

from prober.judge.deploy import Story, never_answered, remarks, round_of, standing
from prober.model.aims import Aims
from prober.model.facts import Facts
from prober.model.gate import Baseline, Because, Instance, Standing
from prober.model.verdict import Reason, RunVerdict, Verdict
from tests import builders as b
from tests.builders import NOON
from tests.judge.gates import a_round, rounds
from tests.publish import builders as p


def baseline(failing=False, **more):
    """What held five minutes before noon."""
    return Baseline(at=NOON - timedelta(minutes=5), failing=failing, **more)


def said(judged, *, before=None, warming=(), aims=None, causes=()):
    """The remarks on such rounds."""
    story = Story(aims=aims or Aims(), warming=warming, rounds=judged, before=before, causes=causes)
    return remarks(story)


# ── a round ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_report_is_a_round():
    """Which steps failed, which doors were open, who answered."""
    facts = (Facts(service="backend", revision="b2", uptime_seconds=3.0),)
    made = round_of(p.broken_report(facts=facts))

    assert made.verdict is RunVerdict.FAIL
    assert "messages" in made.failed
    assert not made.is_down
    assert made.instances == {"backend": Instance(revision="b2", uptime_seconds=3.0)}


@pytest.mark.parametrize(
    ("seen", "reason", "is_down"),
    [
        (b.http(503), Reason.STATUS, True),
        (b.http(403), Reason.REFUSED, False),
        (b.trouble(), Reason.CONNECTION_REFUSED, True),
        (b.http(500), Reason.STATUS, False),
    ],
)
def test_how_a_service_fails_that_is_being_started(seen, reason, is_down):
    """Nobody listens, or the platform has no instance to ask; an error of its own is something else."""
    failed = p.result(p.HEALTH, seen, Verdict.FAIL, reason=reason)

    assert round_of(p.build_report(failed)).is_down is is_down


# ── before and after ─────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("failing", "because", "wanted"),
    [
        (False, Because.HELD, Standing.HEALTHY),
        (False, Because.BROKE, Standing.REGRESSION),
        (False, Because.FAIL_OPEN, Standing.REGRESSION),
        (True, Because.SAME_STEP, Standing.STILL_FAILING),
        (True, Because.HELD, Standing.FIXED),
        (None, Because.BROKE, Standing.UNKNOWN),
        (False, Because.UNDECIDED, Standing.UNKNOWN),
        (True, Because.BLIND, Standing.UNKNOWN),
    ],
)
def test_how_now_stands_to_before(failing, because, wanted):
    """What could not be told then or now is unknown."""
    before = baseline(failing, failed=("messages",) if failing else ())
    assert standing(before, because, rounds("--"), ()) is wanted


def test_without_a_baseline_nothing_is_compared():
    """Nobody looked before."""
    assert standing(None, Because.BROKE, rounds("--"), ()) is Standing.UNKNOWN


@pytest.mark.parametrize(
    ("because", "causes", "wanted"),
    [
        (Because.SAME_STEP, (), Standing.FAILING_OTHERWISE),
        (Because.SAME_STEP, ("auth_down",), Standing.STILL_FAILING),
        (Because.FAIL_OPEN, (), Standing.FAILING_OTHERWISE),
    ],
)
def test_who_fails_of_something_else_than_before_is_not_still_failing(because, causes, wanted):
    """An open door least of all: what was broken before did not open it."""
    before = baseline(failing=True, failed=("socket",), causes=("auth_down",))
    assert standing(before, because, rounds("--"), causes) is wanted


# ── the announced revision ───────────────────────────────────────────────────────────────────────────────────────────


def test_a_revision_that_never_showed_up_is_named_beside_what_did():
    """The verdict is about what answered."""
    judged, aims = rounds("++", revision="b1"), Aims(revision="b2")

    assert never_answered(judged, aims)
    assert said(judged, aims=aims) == ("Revision b2 never answered. What answered is backend: b1.",)


def test_a_revision_that_showed_up_needs_no_word():
    """Nor does one that nobody announced."""
    assert not never_answered(rounds("++", revision="b2"), Aims(revision="b2"))
    assert said(rounds("++", revision="b2"), aims=Aims(revision="b2")) == ()
    assert said(rounds("++", revision="b1")) == ()


def test_where_nobody_tells_revisions_that_is_said():
    """Not known is not the same as absent."""
    assert not never_answered(rounds("++"), Aims(revision="b2"))
    (remark,) = said(rounds("++"), aims=Aims(revision="b2"))
    assert "not known whether b2" in remark


def mixed(letters, revisions):
    """Rounds that these revisions answered."""
    return [
        a_round(letter, second, revision=revision)
        for second, (letter, revision) in enumerate(zip(letters, revisions, strict=True))
    ]


def test_two_revisions_at_once_are_told_with_the_guilty_one():
    """When only one of them fails, it is that one."""
    first, second = said(mixed("+-+-", ("b1", "b2", "b1", "b2")))

    assert first == (
        "Two revisions of backend answer at once, by the last answer of each round: b1 (2 rounds) and b2 (2 rounds)."
    )
    assert second == "Every round that failed was last answered by b2, and none of the others failed."


def test_where_both_fail_none_is_guilty():
    """Nor where none does."""
    assert len(said(mixed("--++", ("b1", "b2", "b1", "b2")))) == 1
    assert len(said(mixed("++++", ("b1", "b2", "b1", "b2")))) == 1


def test_a_change_meanwhile_is_told():
    """And that what was seen before does not count."""
    (remark,) = said(rounds("++", revision="b2"), warming=rounds("-", revision="b1"))
    assert remark == "backend went from b1 to b2 meanwhile; what was seen before is not judged."


def test_why_rounds_were_not_judged_is_told():
    """So answer services that start, or it was waited for."""
    (starting,) = said(rounds("++"), warming=[a_round("-", is_down=True)])
    _, waiting = said(rounds("++", revision="b1"), warming=rounds("++", revision="b1"), aims=Aims(revision="b2"))

    assert starting == "The first 1 round is not judged: so answer services that are being started."
    assert waiting == "The first 2 rounds are not judged: b2 had not answered yet."


# ── what else ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_step_that_fails_each_time_is_named():
    """One round is no «each time»."""
    assert said(rounds("--")) == ("messages failed in every round: this is no matter of chance.",)
    assert said(rounds("-")) == ()


def test_another_cause_than_before_is_told():
    """Still failing is not failing still of the same."""
    before = baseline(failing=True, causes=("auth_down",))

    assert said(rounds("+-"), before=before, causes=("jwt_secret_drift",)) == (
        "It failed before too, of another cause: auth_down.",
    )
    assert said(rounds("+-"), before=before, causes=("auth_down",)) == ()


@pytest.mark.parametrize(
    ("uptime", "revision", "is_told"),
    [(3600.0, "b1", True), (298.0, "b1", False), (20.0, "b1", False), (3600.0, "b2", False)],
)
def test_where_nothing_was_started_anew_nothing_was_deployed(uptime, revision, is_told):
    """An uptime that did not start again since, at the same revision."""
    before = baseline(instances={"backend": Instance(revision="b1", uptime_seconds=3000.0)})
    told = said(rounds("++", uptime=uptime, revision=revision), before=before)

    assert bool(told) is is_told


def test_who_tells_no_uptime_is_not_accused():
    """Of what nobody knows nothing is said."""
    before = baseline(instances={"backend": Instance(revision="b1", uptime_seconds=None)})
    assert said(rounds("++", revision="b1"), before=before) == ()
