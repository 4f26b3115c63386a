"""Tests of prober/judge/tempo.py: what durations say, and when they say nothing."""

import pytest

from prober.judge.readings import read
from prober.judge.signals import pace, refusal
from prober.judge.verdict import judge
from tests import builders as b

AUTH_HEALTH, BACKEND_HEALTH = b.health_step(b.AUTH), b.health_step(b.BACKEND)
NOBODY = b.http_step("nobody", token=b.NONE, expect=b.REFUSED)
OURS = b.http_step("ours")


def told(*, auth=0.01, backend=(0.01,), refused=()):
    """What a run reads in which the health checks and the refusals took so long."""
    looks = [
        (AUTH_HEALTH, b.http(200), auth),
        *((BACKEND_HEALTH, b.http(200), seconds) for seconds in backend),
        *((OURS, b.http(401), seconds) for seconds in refused),
    ]
    results = (judge(step, b.look(seen, duration_seconds=seconds)) for step, seen, seconds in looks)
    readings = read(b.run(b.chain(), *results))
    return tuple(getattr(readings.get(signal), "value", None) for signal in (pace("auth"), refusal()))


@pytest.mark.parametrize(
    ("looks", "expected"),
    [
        ({"refused": (0.01,)}, ("quick", "quick")),
        ({"refused": (0.51,)}, ("quick", "waited")),
        ({"refused": (1.02,)}, ("quick", "timed_out")),
        ({"auth": 0.71, "refused": (0.51,)}, ("slow", "waited")),
        ({"auth": 0.2, "refused": (0.45,)}, ("quick", "quick")),
        ({"refused": (0.16,)}, ("quick", None)),
    ],
    ids=["at-once", "a-budget", "a-connection-timeout", "cut-short-by-a-budget", "auth-was-asked", "in-between"],
)
def test_how_long_a_refusal_took(looks, expected):
    """Against what the backend takes when it asks nobody, and what auth takes when it is asked."""
    assert expected == told(**looks)


def test_the_slowest_refusal_counts():
    """Once a breaker has opened, the later ones come at once."""
    assert ("quick", "timed_out") == told(refused=(1.01, 0.01, 0.01))


def test_the_way_there_is_not_counted():
    """Two seconds of latency on every request change nothing."""
    assert ("quick", "quick") == told(auth=2.01, backend=(2.0, 2.01), refused=(2.01,))
    assert ("slow", "waited") == told(auth=2.71, backend=(2.0, 2.01), refused=(2.51,))


def test_where_the_way_is_unsteady_nothing_is_read():
    """A difference no larger than what the measure itself varies by proves nothing."""
    assert (None, None) == told(backend=(0.01, 0.9), refused=(1.1,))


def test_without_a_measure_nothing_is_read():
    """Durations alone say nothing."""
    assert (None, None) == told(backend=(), refused=(1.0,))


def test_a_door_knocked_at_without_a_token_is_a_measure_too():
    """Nobody need be asked about no token."""
    looks = ((AUTH_HEALTH, b.http(200), 0.01), (NOBODY, b.http(401), 0.5), (OURS, b.http(401), 1.6))
    results = (judge(step, b.look(seen, duration_seconds=seconds)) for step, seen, seconds in looks)

    assert "timed_out" == read(b.run(b.chain(), *results))[refusal()].value


def test_time_in_which_we_stood_still_is_no_measure():
    """It is ours: a refusal that seemed to take half a second may have come at once."""
    looks = [(AUTH_HEALTH, b.http(200), 0.0), (BACKEND_HEALTH, b.http(200), 0.0), (OURS, b.http(401), 0.3)]
    results = (judge(step, b.look(seen, stalled_seconds=seconds)) for step, seen, seconds in looks)
    readings = read(b.run(b.chain(), *results))

    assert ("quick", False) == (readings[pace("auth")].value, refusal() in readings)
