import random

import pytest

from prober.publish.history.speeds import NONE, quantiles, speed


@pytest.mark.parametrize(
    ("seconds", "expected"), [(None, NONE), (0.0, 1), (0.00015, 1), (0.0002, 2), (0.1, 10), (60.0, 20)]
)
def test_a_duration_has_a_class(seconds, expected):
    """One to a doubling, from a tenth of a millisecond on."""
    assert expected == speed(seconds)


@pytest.mark.parametrize("spread", [0.3, 0.6, 1.0, 2.0])
def test_quantiles_are_near_the_truth(spread):
    """Within two fifths, however they are spread."""
    chance = random.Random(1)
    durations = sorted(chance.lognormvariate(-4.0, spread) for _ in range(1000))
    counts = {each: sum(speed(seconds) == each for seconds in durations) for each in map(speed, durations)}

    p50, p95 = quantiles((0.5, 0.95), counts, durations[-1])

    assert pytest.approx(durations[500], rel=0.4) == p50
    assert pytest.approx(durations[950], rel=0.4) == p95


def test_nothing_is_slower_than_the_slowest():
    """Though its class would allow it."""
    assert [0.0143] == quantiles((1.0,), {speed(0.0143): 3}, 0.0143)


def test_what_was_not_looked_at_took_no_time():
    """Neither a quantile nor a zero."""
    assert [None, None] == quantiles((0.5, 0.95), {NONE: 4}, None)
