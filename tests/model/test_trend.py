"""The long view."""

from datetime import timedelta

import pytest

from prober.model.chain import Trigger
from prober.model.trend import Past, Recall, Window
from prober.model.verdict import RunVerdict
from tests import builders as b


@pytest.mark.parametrize(("samples", "successes", "expected"), [(4, 3, 0.75), (2, 0, 0.0), (5, 5, 1.0), (0, 0, None)])
def test_the_ratio_of_a_window(samples, successes, expected):
    """Successes over samples; without samples it is unknown, which is not zero."""
    window = Window(name="5m", seconds=300, samples=samples, successes=successes, lower=0, upper=1)

    assert expected == window.ratio


def test_a_past_may_be_empty():
    """Before the first run nothing is known, of the chain or of any step."""
    assert ((), {}) == (Past().chain, Past().steps)


@pytest.mark.parametrize(
    ("due", "turn"), [(None, b.NOON), (b.NOON - timedelta(seconds=3), b.NOON - timedelta(seconds=3))]
)
def test_the_time_of_a_turn(due, turn):
    """Its slot's, or that of a run without one."""
    given = {"trigger": Trigger.SCHEDULE, "verdict": RunVerdict.PASS, "sample": True, "due": due}

    assert turn == Recall(run_id="1", chain="validation", began=b.NOON, ended=b.NOON, **given).turn
