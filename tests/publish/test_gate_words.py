"""Tests of prober/publish/gate_words.py."""

import pytest

from prober.model.aims import Aims
from prober.model.gate import Because, Standing
from prober.publish import gate_words
from prober.publish.document import moment
from prober.publish.gate_words import proven, sentence, unprovable
from tests.publish.gates import BEFORE, build_gate

NOT_THERE = "what they wanted to look at was not there, or the time was over"
LITTLE = "validation: NOT ENOUGH EVIDENCE."
DRIFT = "Because auth and backend hold different signing keys (jwt_secret_drift)."


@pytest.mark.parametrize(
    ("gate", "said"),
    [
        (
            build_gate(),
            "validation: GO. 20 of 20 rounds held, which proves ≥ 86.0 % at 95 % confidence.",
        ),
        (build_gate("--", Because.SAME_STEP), f"validation: NO GO. {DRIFT} 2 of 2 rounds failed."),
        (build_gate("+-x", Because.BROKE), f"validation: NO GO. {DRIFT} 2 of 3 rounds failed."),
        (
            build_gate("++-", Because.UNDECIDED),
            f"{LITTLE} 2 of 3 rounds held: too many for a broken service, too few for a good one. {DRIFT}",
        ),
        (
            build_gate("bbb", Because.BLIND),
            f"{LITTLE} 3 of 3 rounds could not be judged, by the prober's own fault.",
        ),
        (
            build_gate("pp", Because.MOOT),
            f"{LITTLE} 2 of 2 rounds could not be judged: {NOT_THERE}.",
        ),
        (
            build_gate("++", Because.NOT_DEPLOYED, aims=Aims(revision="b2")),
            f"{LITTLE} 2 of 2 rounds held, but b2, which was announced, was not what answered in the end.",
        ),
    ],
)
def test_a_gate_in_one_sentence_or_two(gate, said):
    """Go or no-go, why, and what it proves."""
    assert sentence(gate) == said


def test_every_reason_has_its_words():
    """None ends in a bare headline."""
    gates = [build_gate("+-", because) for because in Because]
    assert all(gate_words.why(gate) for gate in gates)


def test_a_bound_is_never_rounded_up():
    """59 clean rounds prove 95.05 %; 58 do not prove 95."""
    assert proven(build_gate("+" * 59)) == "≥ 95.0 % at 95 % confidence"
    assert proven(build_gate("+" * 58)) == "≥ 94.9 % at 95 % confidence"


@pytest.mark.parametrize(
    ("standing", "word"),
    [
        (Standing.REGRESSION, "REGRESSION"),
        (Standing.STILL_FAILING, "did not break it"),
        (Standing.FIXED, "FIXED"),
        (Standing.HEALTHY, "before"),
    ],
)
def test_how_it_stands_to_before_is_said(standing, word):
    """In words, not in codes."""
    assert word in sentence(build_gate(standing=standing))


def test_what_held_before_is_one_line():
    """By whom, and until when."""
    until = moment(BEFORE.at)
    assert gate_words.before(build_gate(before=BEFORE)) == f"all well, by the last 10 runs until {until}"
    assert gate_words.before(build_gate()) == ""


@pytest.mark.parametrize(
    ("ratio", "rounds", "said"),
    [
        (None, 1, ""),
        (0.95, 59, ""),
        (0.95, 58, "59"),
        (0.99, 120, "299"),
        (0.999, 1000, "2995"),
        (0.99999999, 1000, "299573225"),
        (0.5, 5, ""),
    ],
)
def test_what_so_many_rounds_cannot_prove_is_told_before_them(ratio, rounds, said):
    """With how many it takes at least, if all of them are good."""
    told = unprovable(Aims(proven=ratio, most_rounds=rounds))

    assert bool(told) == bool(said)
    assert f"takes {said} rounds" in told or not said
