"""Tests of prober/judge/facts.py."""

import pytest

from prober.judge.facts import clock_offset, facts
from prober.judge.verdict import judge
from tests import builders as b


def told(step, seen):
    """The facts one look tells."""
    return facts(b.run(b.chain(step), judge(step, b.look(seen))))[0]


def test_version_revision_and_uptime_are_read_where_the_config_says():
    """A header or a place in the body, whichever is configured."""
    seen = b.http(200, {"revision": "auth-00041", "uptime_seconds": 12.5}, headers={"x-service-version": "1.4.0"})
    fact = told(b.health_step(), seen)

    assert ("1.4.0", "auth-00041", 12.5) == (fact.version, fact.revision, fact.uptime_seconds)


def test_what_is_not_told_is_unknown():
    """A service that tells nothing has no facts, not empty ones."""
    fact = told(b.health_step(), b.trouble())

    assert (None, None, None, None) == (fact.version, fact.revision, fact.uptime_seconds, fact.clock_offset_seconds)


@pytest.mark.parametrize(
    ("date", "expected"),
    [
        ("Tue, 08 Sep 2026 12:00:00 GMT", 0.495),
        ("Tue, 08 Sep 2026 12:02:00 GMT", 120.495),
        ("Tue, 08 Sep 2026 11:59:00 GMT", -59.505),
        ("yesterday", None),
    ],
)
def test_the_clock_offset_is_good_to_half_a_second(date, expected):
    """The Date header against the middle of the exchange by our clock; nonsense tells nothing."""
    seen = b.http(headers={"date": date})

    assert (expected if expected is None else pytest.approx(expected)) == clock_offset(seen, b.look(seen))
