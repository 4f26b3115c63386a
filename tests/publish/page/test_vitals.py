from datetime import timedelta

from prober.model.selftest import SelfTest
from prober.model.slot import Missed
from prober.publish.board import Board
from prober.publish.page.vitals import vitals_of
from tests import builders as b
from tests.publish import builders as p


def vitals(board, *, is_kept=True):
    """Tone and words, by title."""
    return {vital.title: (vital.tone, vital.told) for vital in vitals_of(board, is_kept=is_kept)}


def board():
    """At noon."""
    return Board(p.build_plan(), p.CAUSES, lambda: b.NOON + timedelta(seconds=11))


def test_before_anything_happened_nothing_is_green_that_is_not_known():
    """The store and the config are."""
    found = vitals(board())

    assert ("skip", "none has ended yet") == found["self-test"]
    assert ("skip", "none was due yet") == found["turns since the start"] or "pass" == found["turns since the start"][0]
    assert ("skip", "not watched yet") == found["punctuality"]
    assert "pass" == found["config"][0]


def test_what_is_wrong_with_us_is_told():
    """Each in a sentence."""
    us = board()
    us.examined(SelfTest(at=b.NOON, seconds=0.1, complaints=("it calls a refusal a pass",)))
    us.lagged(0.7)
    us.reloaded(successful=False)
    us.internal_error("web")
    us.expected("validation", 5)
    us.missed("validation", Missed.PROCESS_DOWN, 2)
    found = vitals(us, is_kept=False)

    assert ("fail", "it fails, so no verdict is booked: it calls a refusal a pass") == found["self-test"]
    assert ("skip", "3 of 5 due turns taken; missed: 2 process down") == found["turns since the start"]
    assert ("fail", "700 ms late at worst, of late") == found["punctuality"]
    assert "fail" == found["store"][0]
    assert ("fail", "the last reload was refused; the one before is in force. The log says why") == found["config"]
    assert "1 in web" in found["own faults"][1]


def test_all_well_is_told_too():
    """With its numbers."""
    us = board()
    us.examined(SelfTest(at=b.NOON, seconds=0.1))
    us.lagged(0.004)
    us.expected("validation", 5)
    us.history_bytes(3 * 2**20)
    found = vitals(us)

    assert {"pass"} == {tone for tone, _told in found.values()}
    assert "3.0 MiB" == found["store"][1]
    assert "5 of 5 due turns taken" == found["turns since the start"][1]
