"""Tests of prober/gate.py."""

from datetime import timedelta

import pytest

from prober import gate
from prober.model.aims import Aims
from prober.model.gate import Because, GateVerdict, Standing
from prober.publish import baseline
from tests import builders as b
from tests.publish import builders as p


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch):
    for name in ("_BETWEEN_ROUNDS_SECONDS", "_WHILE_WARMING_SECONDS"):
        monkeypatch.setattr(gate, name, 0.0)


class Told:
    """A chain of which it is written how its rounds end."""

    def __init__(self, letters):
        """Over and over, these."""
        self._letters, self.taken, self.memories = letters, 0, []

    async def turn(self, burst):
        """One round."""
        self.memories.append(len(burst.reports))
        letter = self._letters[self.taken % len(self._letters)]
        began = b.NOON + timedelta(seconds=self.taken)
        self.taken += 1
        build = {"+": p.build_report, "-": p.broken_report}[letter]
        return build(id=f"r{self.taken}", began=began, ended=began)


async def nothing_before(_now, _began):
    """Nobody looked."""


async def hold(letters, aims=None, before=nothing_before, **more):
    """A gate of such rounds, and the chain it was held of."""
    told = Told(letters)
    return await gate.hold("validation", aims or Aims(), told.turn, before, **more), told


async def test_a_gate_ends_as_soon_as_it_can_tell():
    """After the rounds that are enough, and not one more."""
    held, chain = await hold("+")

    assert (held.verdict, held.because, held.samples, chain.taken) == (GateVerdict.PASS, Because.HELD, 20, 20)
    assert 0.86 < held.lower < 0.87
    assert held.ratio == 1.0


async def test_a_gate_that_fails_shows_a_round_that_failed():
    """With its diagnosis."""
    held, chain = await hold("-")

    assert (held.verdict, held.because, chain.taken) == (GateVerdict.FAIL, Because.SAME_STEP, 2)
    assert "messages" in held.rounds[0].failed
    assert held.report.run.verdict == "fail"


async def test_every_round_is_told():
    """Whoever waits sees it come."""
    seen = []
    await hold("-", told=seen.append)

    assert [(each.judged, each.failures) for each in seen] == [(1, 1), (2, 2)]


async def test_a_diagnosis_rests_on_the_newest_rounds():
    """A hundred would make it no surer, and slower."""
    _, chain = await hold("+")

    assert max(chain.memories) == 12


async def test_what_held_before_is_asked_for_once():
    """When it is known what answers now."""
    before = baseline.of_gate((await hold("+"))[0])
    asked = []

    async def known(now, began):
        asked.append((now[-1].run_id, began))
        return before

    held, _ = await hold("-", before=known)

    assert [run for run, _ in asked] == ["r2"]
    assert held.standing is Standing.REGRESSION


async def test_a_revision_that_never_answers_is_no_pass():
    """However well the old one does."""
    held, _ = await hold("+", Aims(revision="b2", warm_up_seconds=0.0))

    assert (held.verdict, held.because) == (GateVerdict.INCONCLUSIVE, Because.NOT_DEPLOYED)
    assert "b2 never answered" in held.remarks[0]


async def test_rounds_before_the_announced_revision_are_not_judged():
    """They are told."""
    held, _ = await hold("+", Aims(revision="b2", warm_up_seconds=3.0))

    assert (len(held.warming), len(held.rounds)) == (3, 20)
