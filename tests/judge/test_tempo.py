"""Tests of prober/judge/tempo.py: what durations say, and when they say nothing."""

from datetime import timedelta

import pytest

from prober.judge.assess import assess
from prober.judge.causes import catalogue
from prober.judge.readings import read
from prober.judge.signals import pace, refusal
from prober.judge.verdict import judge
from prober.model.trend import Past
from tests import builders as b

AUTH_HEALTH, BACKEND_HEALTH = b.health_step(b.AUTH), b.health_step(b.BACKEND)
NOBODY = b.http_step("nobody", token=b.NONE, expect=b.REFUSED)
OURS = b.http_step("ours")
VALIDATE = b.validate_step()


def told(*, auth=0.01, backend=(0.01,), direct=(), refused=()):
    """What a run reads in which the health checks, auth asked directly, and the refusals took so long."""
    looks = [
        (AUTH_HEALTH, b.http(200), auth),
        *((BACKEND_HEALTH, b.http(200), seconds) for seconds in backend),
        *((VALIDATE, b.http(200, {"valid": True, "user_id": b.SUBJECT}), seconds) for seconds in direct),
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
        ({"refused": (0.28,)}, ("quick", None)),
        ({"refused": (0.31,)}, ("quick", "waited")),
    ],
    ids=[
        *("at-once", "a-budget", "a-connection-timeout", "cut-short-by-a-budget", "auth-was-asked", "in-between"),
        *("many-at-once-on-a-busy-machine", "the-shortest-budget"),
    ],
)
def test_how_long_a_refusal_took(looks, expected):
    """Against what the backend takes when it asks nobody, and what auth takes when it is asked."""
    assert expected == told(**looks)


def refusals(*looks):
    """What refusals say that came so long after the start, each after so many seconds."""
    healthy = [judge(step, b.look(b.http(200))) for step in (AUTH_HEALTH, BACKEND_HEALTH)]
    refused = [
        judge(
            b.http_step(f"ours-{number}"),
            b.look(b.http(401), began=b.NOON + timedelta(seconds=after), duration_seconds=seconds),
        )
        for number, (after, seconds) in enumerate(looks)
    ]
    reading = read(b.run(b.chain(), *healthy, *refused)).get(refusal())
    return reading and reading.value


def test_the_slowest_refusal_counts():
    """Once a breaker has opened, the later ones come at once."""
    assert "timed_out" == refusals((0, 1.01), (1.1, 0.01), (1.1, 0.01))


@pytest.mark.parametrize(
    ("looks", "expected"),
    [
        (((0, 0.41), (0.02, 0.01)), "quick"),
        (((0, 0.41), (0.02, 0.01), (0.03, 0.02)), "quick"),
        (((0, 0.41), (0.02, 0.42)), "waited"),
        (((0, 0.41), (0.02, 0.42), (0.03, 0.01)), "waited"),
        (((0, 0.01), (1, 1.41)), "quick"),
        (((0, 0.41), (1, 0.42), (2, 0.01)), "waited"),
    ],
    ids=["one-of-two", "one-of-three", "both", "all-but-one", "later", "until-a-breaker-opened"],
)
def test_who_is_alone_in_waiting_was_late_by_chance(looks, expected):
    """A backend whose patience with auth runs out keeps all waiting who come together."""
    assert expected == refusals(*looks)


def test_a_socket_refused_at_once_is_company_too():
    """It asks the same auth service; with no other refusal left nothing is read of their time."""
    healthy = [judge(step, b.look(b.http(200))) for step in (AUTH_HEALTH, BACKEND_HEALTH)]
    late = judge(OURS, b.look(b.http(401), duration_seconds=0.4))
    socket = judge(b.websocket_step(), b.look(b.refused_early()))

    assert refusal() in read(b.run(b.chain(), *healthy, late))
    assert refusal() not in read(b.run(b.chain(), *healthy, late, socket))


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


# ── a busy machine ───────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("looks", "expected"),
    [
        ({"auth": 0.385, "backend": (0.09, 0.041), "direct": (0.29, 0.27), "refused": (0.328, 0.318)}, (None, None)),
        ({"auth": 0.058, "backend": (0.04, 0.03), "direct": (0.25, 0.26), "refused": (0.32, 0.31)}, ("quick", None)),
        ({"auth": 0.72, "backend": (0.02, 0.01), "direct": (0.71, 0.72), "refused": (0.33, 0.34)}, ("slow", "waited")),
        ({"auth": 0.72, "backend": (0.02, 0.01), "direct": (0.03, 0.04), "refused": (0.33, 0.34)}, ("slow", "waited")),
        ({"auth": 0.03, "backend": (0.02, 0.01), "direct": (0.03, 0.04), "refused": (0.53, 0.54)}, ("quick", "waited")),
        ({"auth": 0.03, "backend": (0.02, 0.01), "direct": (0.1, 0.2), "refused": (1.1, 1.2)}, ("quick", "timed_out")),
    ],
    ids=[
        *("all-are-late-at-first", "all-are-late-together", "auth-is-slow", "only-its-health-is-slow"),
        *("only-the-backend-waits", "only-the-backend-times-out"),
    ],
)
def test_who_waits_with_all_others_waits_for_nobody(looks, expected):
    """Where asking auth directly takes as long, a late refusal is no budget's: a known fault was «unknown» by it."""
    assert expected == told(**looks)


def test_a_cause_is_not_lost_to_a_busy_machine():
    """Readings of a first round under load, of a backend that has no service credentials."""
    ours, valid = {"error": "inter_service_auth_failed"}, b.http(200, {"valid": True, "user_id": b.SUBJECT})
    looks = [
        (AUTH_HEALTH, b.http(200), 0.385),
        (BACKEND_HEALTH, b.http(200), 0.09),
        (VALIDATE, valid, 0.29),
        (b.credentials_step(), valid, 0.27),
        (NOBODY, b.http(401), 0.041),
        (OURS, b.http(401, ours), 0.328),
        (b.stream_step(), b.http(401, ours), 0.34),
    ]
    results = [judge(step, b.look(seen, duration_seconds=seconds)) for step, seen, seconds in looks]

    told = assess(b.run(b.chain(), *results), Past(), catalogue()).diagnosis

    assert ["service_credentials_missing"] == [named.cause.name for named in told.causes]
