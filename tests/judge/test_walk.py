"""Tests of prober/judge/walk.py."""

import pytest

from prober.judge.verdict import judge
from prober.judge.walk import Walk
from prober.model.trouble import TroubleKind, Whose
from prober.model.verdict import Outcome, Reason, Verdict
from tests import builders as b


def names(steps):
    """The steps' names."""
    return [step.name for step in steps]


def test_steps_that_need_nothing_go_together():
    """What does not wait for anything is handed out at once, and once only."""
    walk = Walk(b.chain(b.http_step("one"), b.http_step("two")))

    assert (["one", "two"], []) == (names(walk.ready()), names(walk.ready()))


def test_a_step_waits_for_what_it_needs():
    """A needed step must have passed before its follower may go."""
    first, second = b.http_step("first"), b.http_step("second", needs=("first",))
    walk = Walk(b.chain(first, second))
    walk.ready()
    walk.record(judge(first, b.look(b.http(200))))

    assert ["second"] == names(walk.ready())


def test_a_step_whose_need_failed_is_skipped_and_says_why():
    """Not run is never green, and a skip spreads to all that need it in turn."""
    first = b.http_step("first")
    walk = Walk(b.chain(first, b.http_step("second", needs=("first",)), b.http_step("third", needs=("second",))))
    walk.ready()
    walk.record(judge(first, b.look(b.http(500))))
    ready = walk.ready()

    assert ([], True) == (names(ready), walk.over)
    assert [
        (Verdict.FAIL, "500 Internal Server Error, expected 2xx"),
        (Verdict.SKIP, "needs first, which failed"),
        (Verdict.SKIP, "needs second, which was skipped"),
    ] == [(result.verdict, result.detail) for result in walk.results()]


def test_after_waits_for_the_end_whatever_it_was():
    """`after` is about order only: the good token goes once more even when a control failed."""
    control = b.http_step("control", token=b.FORGED, expect=b.REFUSED)
    walk = Walk(b.chain(control, b.http_step("again", after=("control",))))
    early = [names(walk.ready()), names(walk.ready())]
    for _ in range(2):
        walk.record(judge(control, b.look(b.http(200))))

    assert ([["control"], []], ["again"]) == (early, names(walk.ready()))


def test_what_has_not_ended_by_the_deadline_is_skipped():
    """Running and waiting steps alike end as skipped, with the chain's deadline as the reason."""
    walk = Walk(b.chain(b.http_step("one"), b.http_step("two", needs=("one",)), deadline_seconds=7))
    walk.ready()
    walk.abandon()

    assert {(Verdict.SKIP, Reason.CHAIN_DEADLINE, "the chain's 7 s were over")} == {
        (result.verdict, result.reason, result.detail) for result in walk.results()
    }


def test_a_step_ends_once():
    """A second end of the same step is the driver's bug and is refused."""
    step = b.http_step("one")
    walk = Walk(b.chain(step))
    walk.ready()
    walk.record(judge(step, b.look(b.http(200))))

    with pytest.raises(ValueError, match="step 'one' ended twice"):
        walk.record(judge(step, b.look(b.http(200))))


# ── a control that was accepted is looked at once more ───────────────────────────────────────────────────────────────


def recorded(*looks):
    """What a control comes to after these looks, one by one."""
    control = b.http_step("control", token=b.FORGED, expect=b.REFUSED)
    walk = Walk(b.chain(control))
    walk.ready()
    return [walk.record(judge(control, b.look(look))) for look in looks]


def test_a_control_accepted_once_is_not_over():
    """Nobody is alarmed yet, and nothing else goes on as if it had ended."""
    assert [None] == recorded(b.http(200))


def test_a_control_accepted_twice_is_auth_failing_open():
    """The observation says that it was looked at twice."""
    _, second = recorded(b.http(200), b.http(200))

    assert (Verdict.FAIL, Outcome.ACCEPTED, 2) == (second.verdict, second.outcome, second.observation.attempts)


@pytest.mark.parametrize(
    ("second", "detail"),
    [
        (b.http(401), "accepted once, then refused with a fresh one: 401 Unauthorized"),
        (
            b.http(429),
            "accepted once, then with a fresh one: neither accepted nor refused: 429 Too Many Requests",
        ),
    ],
)
def test_a_control_accepted_once_only_is_unclear(second, detail):
    """A cache or a deploy may have let it in: that is no alarm, and no pass either."""
    _, result = recorded(b.http(200), second)

    assert (Verdict.SKIP, Reason.UNCLEAR, Outcome.UNCLEAR, detail) == (
        result.verdict,
        result.reason,
        result.outcome,
        result.detail,
    )


def test_a_second_look_that_we_could_not_take_is_our_own_fault():
    """It says nothing of the target."""
    _, result = recorded(b.http(200), b.trouble(TroubleKind.OWN_FAULT, Whose.PROBER))

    assert Verdict.BLIND == result.verdict


def test_a_refused_control_is_looked_at_once():
    """A refusal needs no second opinion."""
    (result,) = recorded(b.http(401))

    assert (Verdict.PASS, 1) == (result.verdict, result.observation.attempts)


def test_results_keep_the_chains_order():
    """Whatever ended first, the report reads as the chain does."""
    one, two = b.http_step("one"), b.http_step("two")
    walk = Walk(b.chain(one, two))
    walk.ready()
    for step in (two, one):
        walk.record(judge(step, b.look(b.http(200))))

    assert ["one", "two"] == [result.step.name for result in walk.results()]


def test_a_follow_up_is_no_part_of_the_walk():
    """It is asked for by the diagnosis, or not at all; that it did not run is nobody's skip."""
    walk = Walk(b.chain(b.http_step("one"), b.http_step("more", is_follow_up=True)))
    (one,) = walk.ready()
    walk.record(judge(one, b.look(b.http(200))))

    assert (True, ["one"]) == (walk.over, [result.step.name for result in walk.results()])
