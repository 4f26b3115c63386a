"""Tests of prober/judge/gate.py."""

import random
from functools import cache
from statistics import fmean

import pytest

from prober.judge.gate import always_failing, concluded, proven, restarts, settled, warming
from prober.model.aims import Aims
from prober.model.gate import Because
from tests.judge.gates import a_round, rounds

AIMS = Aims()


def told(letters, aims=AIMS):
    """What these rounds come to."""
    return settled(rounds(letters), aims)


# ── the test ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_clean_rounds_pass_after_the_computed_number():
    """Twenty are enough to tell; nineteen are not."""
    assert told("+" * 19) is None
    assert told("+" * 20) is Because.HELD


def test_two_failures_of_two_are_enough():
    """One is not: it may be chance."""
    assert told("-") is None
    assert told("-x") is Because.BROKE


@cache
def simulated(ratio, gates=1000, seed=1):
    """How such gates end, and after how many rounds."""
    chance = random.Random(f"{ratio} {seed}")
    return [_simulated(ratio, chance) for _ in range(gates)]


def _simulated(ratio, chance):
    letters = ""
    while (because := told(letters)) is None or not letters:
        letters += "+" if chance.random() < ratio else chance.choice("-x")
    return because, len(letters)


def share(ratio, because):
    """How often it ended so, of all."""
    return fmean(each in because for each, _ in simulated(ratio))


BAD = (Because.BROKE, Because.SAME_STEP)


def test_at_62_percent_it_says_bad_soon():
    """In six rounds or less in the mean, and hardly ever good."""
    ended = simulated(0.62)

    assert fmean(number for _, number in ended) <= 6
    assert fmean(number <= 10 for _, number in ended) > 0.84
    assert share(0.62, BAD) > 0.99


def test_at_97_percent_it_is_seldom_wrong():
    """Six of a hundred, of a thousand gates; worked out exactly it is 5.1."""
    assert share(0.97, BAD) <= 0.06


def test_where_all_rounds_hold_it_always_says_good():
    """After the same number each time."""
    assert {(Because.HELD, 20)} == set(simulated(1.0, gates=10))


def test_between_good_and_bad_it_may_stay_undecided():
    """After as many rounds as allowed; then it says so, and no more."""
    assert told(("+" * 11 + "-") * 10) is Because.UNDECIDED
    assert told("+" * 19, Aims(most_rounds=19)) is Because.UNDECIDED


# ── what needs no statistics ─────────────────────────────────────────────────────────────────────────────────────────


def test_the_same_step_in_every_round_is_no_chance():
    """It is told apart from what fails now here and now there."""
    assert told("--") is Because.SAME_STEP
    assert always_failing(rounds("--")) == ("messages",)
    assert always_failing(rounds("-x")) == ()
    assert always_failing([]) == ()


def test_an_open_door_ends_it_at_once():
    """In the first round, and whatever the others came to."""
    assert settled([a_round("+", open_doors=("forged",))], AIMS) is Because.FAIL_OPEN


# ── what could not be judged ─────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("letters", "because"), [("bbb", Because.BLIND), ("ppp", Because.MOOT), ("bb", None)])
def test_what_cannot_be_judged_is_no_verdict(letters, because):
    """Three in a row are no chance; whose fault it was is told."""
    assert told(letters) is because


def test_a_few_blind_rounds_are_left_out():
    """Of ten, two."""
    assert told("b" + "+" * 20) is Because.HELD
    assert told("bb" + "+" * 6 + "b") is Because.BLIND


# ── what it proves ───────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("samples", "failures"), [(59, 0), (93, 1), (124, 2), (153, 3)])
def test_the_fewest_samples_that_prove_95_percent(samples, failures):
    """The known figures."""
    assert proven(samples, failures) >= 0.95
    assert proven(samples - 1, failures) < 0.95


@pytest.mark.parametrize(("samples", "percent"), [(5, 55), (10, 74), (20, 86), (30, 90), (59, 95), (120, 97.5), (0, 0)])
def test_what_clean_rounds_prove(samples, percent):
    """Twenty prove 86 %, and that is what a pass of twenty may say."""
    assert 100 * proven(samples, 0) == pytest.approx(percent, abs=0.6)


def test_a_bound_grows_with_the_samples_and_falls_with_the_failures():
    """And nothing is proven by failures alone."""
    bounds = [proven(samples, 1) for samples in range(1, 60)]

    assert bounds == sorted(bounds)
    assert proven(3, 3) == 0
    assert proven(59, 0, 0.99) < proven(59, 0, 0.95)


def test_who_wants_a_proof_gets_it():
    """59 rounds, and with a failure among them more."""
    aims = Aims(proven=0.95)

    assert told("+" * 58, aims) is None
    assert told("+" * 59, aims) is Because.HELD
    assert told("+" * 58 + "-", aims) is None


# ── warming up ───────────────────────────────────────────────────────────────────────────────────────────────────────


def down(second, **more):
    """A round that met a service being started."""
    return a_round("-", second, is_down=True, **more)


def test_a_service_that_is_being_started_is_waited_for():
    """As long as the grace lasts."""
    assert warming([down(0), down(5), a_round("+", 10)], AIMS) == 2
    assert warming([a_round("+", 0), down(5), a_round("+", 10)], AIMS) == 2  # the old one, before it was replaced
    assert warming([down(0), down(5)], AIMS) == 2
    assert warming([down(second) for second in (0, 10, 29, 30, 31)], AIMS) == 3


def test_what_fails_otherwise_is_judged_from_the_start():
    """A refusal is no matter of starting."""
    assert warming(rounds("--"), AIMS) == 0


def test_the_announced_revision_is_waited_for():
    """Where services tell theirs; else nobody could ever see it come."""
    aims = Aims(revision="b2")
    old, new = (a_round("+", second, revision=revision) for second, revision in ((0, "b1"), (1, "b2")))

    assert warming([old, new], aims) == 1
    assert warming([old], aims) == 1
    assert warming([old], Aims(revision="b2", warm_up_seconds=0)) == 0
    assert warming(rounds("++"), aims) == 0


def seen(revisions):
    """A round a second, of these revisions."""
    return [a_round("+", second, revision=revision) for second, revision in enumerate(revisions)]


@pytest.mark.parametrize(
    ("revisions", "wanted"), [("aabb", 2), ("aaaa", 0), ("abab", 0), ("aab", 2), (("a", None, "b"), 2)]
)
def test_what_was_deployed_meanwhile_is_judged_alone(revisions, wanted):
    """One change is a deploy; back and forth, two answer at once."""
    assert warming(seen(revisions), AIMS) == wanted


def test_a_revision_that_was_taken_back_is_not_forgotten():
    """What failed before a change counts, where nobody said which revision is the new one."""
    rounds_ = [a_round("-", 0, revision="b2"), *(a_round("+", second, revision="b1") for second in range(1, 5))]

    assert warming(rounds_, AIMS) == 0
    assert warming(rounds_, Aims(revision="b1")) == 1


# ── all together ─────────────────────────────────────────────────────────────────────────────────────────────────────


def answered(letters, revisions):
    """Rounds, and who answered each of them."""
    told = zip(letters, revisions, strict=True)
    return [a_round(letter, second, revision=revision) for second, (letter, revision) in enumerate(told)]


AT_ONCE = Aims(revision="b2", warm_up_seconds=0.0)


def test_a_door_that_is_open_while_things_start_ends_it_too():
    """No start excuses it."""
    assert concluded([a_round("-", is_down=True, open_doors=("forged",))], AIMS) is Because.FAIL_OPEN


def test_while_nothing_is_judged_nothing_is_concluded():
    """However often."""
    assert concluded([down(second) for second in range(20)], AIMS) is None


def test_the_announced_revision_must_hold_by_itself():
    """A few rounds of its own among many of another prove nothing of it."""
    both = answered("+" * 30, ["b1", "b2"] * 15)

    assert concluded(both, AT_ONCE) is None
    assert concluded(answered("+" * 40, ["b1", "b2"] * 20), AT_ONCE) is Because.HELD
    assert concluded(both, Aims(revision="b2", warm_up_seconds=0.0, most_rounds=30)) is Because.UNDECIDED


def test_an_announced_revision_that_always_fails_is_stopped():
    """However many rounds another one holds."""
    rounds_ = answered("+" * 19 + "-+-", ["b1"] * 19 + ["b2", "b1", "b2"])
    assert concluded(rounds_, AT_ONCE) is Because.SAME_STEP


def test_an_announced_revision_that_was_taken_back_is_no_go():
    """Nor is one that never came."""
    assert concluded(answered("-" + "+" * 33, ["b2"] + ["b1"] * 33), AT_ONCE) is Because.NOT_DEPLOYED
    assert concluded(answered("+" * 20, ["b1"] * 20), AT_ONCE) is Because.NOT_DEPLOYED


def up(uptimes, revision="b1"):
    """Rounds a second apart that held, of a service up for so long."""
    return [a_round("+", second, revision=revision, uptime=uptime) for second, uptime in enumerate(uptimes)]


def test_a_service_that_is_started_anew_again_and_again_does_not_hold():
    """Also where no round met it down; once is a deploy."""
    assert concluded(up([50, 0.5, 1.5, 0.3, *range(1, 17)]), AIMS) is Because.RESTARTING
    assert concluded(up([50, 0.5, *range(1, 19)]), AIMS) is Because.HELD


def test_two_instances_of_different_age_are_no_restarts():
    """Their uptimes alternate; none is younger than the round before."""
    assert restarts(up([300, 100, 302, 102, 304])) == 0
    assert restarts(up([50, 0.5, 1.5, 0.3])) == 2
    assert restarts(rounds("++++")) == 0
