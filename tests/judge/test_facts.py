"""Tests of prober/judge/facts.py."""

import pytest

from prober.judge.facts import clock_offset, facts
from prober.judge.readings import read
from prober.judge.verdict import judge
from prober.model.facts import Facts
from prober.model.trend import Past
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
        ("Tue, 08 Sep 99999999999 12:00:00 GMT", None),
    ],
)
def test_the_clock_offset_is_good_to_half_a_second(date, expected):
    """The Date header against the middle of the exchange by our clock; nonsense tells nothing."""
    seen = b.http(headers={"date": date})

    assert (expected if expected is None else pytest.approx(expected)) == clock_offset(seen, b.look(seen))


# ── as readings ──────────────────────────────────────────────────────────────────────────────────────────────────────


NOTHING_BEFORE = Past()


def readings(*looks, past=NOTHING_BEFORE):
    """What these looks at the auth service read, beside its health."""
    results = [judge(step, b.look(seen, **more)) for step, seen, more in looks]
    return {str(signal): r.value for signal, r in read(b.run(b.chain(), *results), past).items() if str(signal) != UP}


UP = "health(auth)"
HEALTH = b.health_step()


def test_two_revisions_in_one_run():
    """Whoever is answered by two revisions at once is told so, even where one of them was announced."""
    told = readings(*((b.health_step(name=f"look-{n}"), b.http(200, {"revision": f"a-{n}"}), {}) for n in (1, 2)))

    assert {"revision(auth)": "mixed"} == told


@pytest.mark.parametrize(("now", "expected"), [("a-1", "unchanged"), ("a-2", "changed")])
def test_a_deploy_is_seen_against_the_last_run_that_passed(now, expected):
    """It describes and accuses nobody."""
    past = Past(well={"auth": Facts(service="auth", revision="a-1")})

    assert {"deploy(auth)": expected} == readings((HEALTH, b.http(200, {"revision": now}), {}), past=past)


@pytest.mark.parametrize(
    ("before", "now", "expected"),
    [(None, 5, "young"), (None, 3600, "steady"), (50, 51, "young"), (3600, 4, "reset"), (3600, 3599, "steady")],
)
def test_an_uptime_that_went_back_is_a_restart(before, now, expected):
    """Two answers may differ by how long they took; more than that is another process."""
    past = Past(latest={"auth": Facts(service="auth", uptime_seconds=before)})

    assert {"uptime(auth)": expected} == readings((HEALTH, b.http(200, {"uptime_seconds": now}), {}), past=past)


@pytest.mark.parametrize(
    ("date", "seconds", "expected"),
    [
        ("12:00:01", 0.01, "ok"),
        ("12:00:05", 0.01, "ahead"),
        ("11:59:55", 0.01, "behind"),
        ("12:20:00", 0.01, "far_ahead"),
        ("11:58:00", 0.01, "far_behind"),
        ("12:00:05", 8.0, "ok"),
    ],
)
def test_a_clock_is_off_only_beyond_doubt(date, seconds, expected):
    """The header has whole seconds, and a slow answer may have been dated at any moment of its way."""
    seen = b.http(200, headers={"date": f"Tue, 08 Sep 2026 {date} GMT"})

    assert {"clock(auth)": expected} == readings((HEALTH, seen, {"duration_seconds": seconds}))
