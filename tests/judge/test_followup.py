"""Tests of prober/judge/followup.py: what is worth another look."""

from dataclasses import replace

import pytest

from prober.judge.followup import MOST_SECOND_LOOKS, follow_ups
from prober.judge.signals import accepts
from prober.judge.verdict import judge
from prober.model.diagnosis import Cause, Layer
from prober.model.trend import Past
from prober.model.trouble import TroubleKind, Whose
from tests import builders as b

DOOR, SECOND_DOOR = accepts("local", "backend"), accepts("second", "backend")
SECOND = replace(b.LOCAL, name="second", variant="second")
SPLITTER = b.http_step("second-user", token=SECOND, is_follow_up=True, needs=("health",))
USELESS = b.validate_step("second-at-auth", token=SECOND, is_follow_up=True)
HEALTH = b.health_step(b.BACKEND, name="health")


def cause(name, second):
    """A cause that refuses our token, and does so with a second user's."""
    predicts = {DOOR: frozenset({"refused"}), SECOND_DOOR: frozenset({second})}
    layers = (Layer("surface", (DOOR,)), Layer("root"))
    return Cause(
        name=name, family="E", title=name, predicts=predicts, layers=layers, remedy=("mend",), verify="look", page=name
    )


TIE = (cause("user_unknown", "accepted"), cause("service_refused", "refused"))


def asked(*looks, catalogue=TIE, spare=(SPLITTER, USELESS)):
    """The names of the steps to take after a run with these looks."""
    chain = b.chain(*(step for step, _ in looks), *spare)
    run = b.run(chain, *(judge(step, b.look(seen)) for step, seen in looks))
    return [step.name for step in follow_ups(run, Past(), catalogue)]


def test_a_tie_asks_for_the_step_that_would_split_it():
    """Only for that one: another door of the same token would tell nothing."""
    assert ["second-user"] == asked((HEALTH, b.http(200)), (b.http_step(), b.http(401)))


def test_without_a_tie_nothing_is_asked():
    """Extra looks cost the target something."""
    assert [] == asked((HEALTH, b.http(200)), (b.http_step(), b.http(401)), catalogue=TIE[:1])


def test_a_splitter_whose_need_did_not_pass_is_not_taken():
    """What is behind a broken hop says nothing."""
    assert [] == asked((HEALTH, b.http(200, {"status": "ill"})), (b.http_step(), b.http(401)), spare=())
    assert [] == asked((b.http_step(), b.http(401)))


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        (b.http(500), ["messages"]),
        (b.trouble(TroubleKind.RESET), ["messages"]),
        (b.http(401), []),
        (b.trouble(TroubleKind.TIMEOUT), []),
        (b.trouble(TroubleKind.OWN_FAULT, Whose.PROBER), []),
        (b.http(200), []),
    ],
)
def test_what_may_have_been_chance_is_looked_at_again(seen, expected):
    """A crash or a cut may be; a refusal is an answer, and silence takes too long."""
    assert expected == asked((b.http_step(), seen), spare=())


def test_second_looks_are_bounded():
    """A target in trouble must not be asked twice as much."""
    assert MOST_SECOND_LOOKS == len(asked(*((b.http_step(f"step-{n}"), b.http(500)) for n in range(30)), spare=()))


@pytest.mark.parametrize(
    ("pace_seconds", "expected"), [(0.0, ["door", "second-user"]), (1.5, ["second-user"])], ids=["at-once", "paced"]
)
def test_a_chain_with_a_pace_splits_ties_too(pace_seconds, expected):
    """Only so can it tell our own fault from the target's; but it looks at nothing twice."""
    looks = ((HEALTH, b.http(200)), (b.http_step(), b.http(401)), (b.http_step("door"), b.http(500)))
    chain = b.chain(*(step for step, _ in looks), SPLITTER, pace_seconds=pace_seconds)
    run = b.run(chain, *(judge(step, b.look(seen)) for step, seen in looks))

    assert expected == [step.name for step in follow_ups(run, Past(), TIE)]
