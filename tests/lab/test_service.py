"""What both services have in common: headers, health, clocks, and comparing keys."""

import hashlib
import time
from email.utils import parsedate_to_datetime

import pytest


@pytest.mark.parametrize(("where", "name"), [("auth", "auth-service"), ("backend", "netra-backend")])
async def test_every_answer_tells_who_answers(real, where, name):
    """Name, version, revision and date are on every answer, also on one that says no."""
    for path in ("/health", "/nowhere"):
        headers = (await getattr(real, where)("GET", path)).headers

        assert {"x-service-name": name, "x-service-version": "1.4.2"}.items() <= dict(headers).items()
        assert {"x-service-revision", "date"} <= set(headers)


@pytest.mark.parametrize("where", ["auth", "backend"])
async def test_health_tells_version_revision_and_uptime(real, where):
    """A deploy that did not happen and a crash loop can be seen in the health body."""
    body = (await getattr(real, where)("GET", "/health")).json()

    assert {"status", "service", "version", "revision", "timestamp", "uptime_seconds", "environment"} <= set(body)
    assert body["status"] == "healthy"


async def test_the_date_is_the_services_own(real):
    """A service whose clock is behind says so in its Date header."""
    await real.world.change("prober_clock_ahead")
    told = parsedate_to_datetime((await real.auth("GET", "/health")).headers["date"]).timestamp()

    assert -123 < told - time.time() < -117


@pytest.mark.parametrize("service", ["auth", "backend"])
async def test_both_prove_to_hold_the_key(real, service):
    """In a healthy world each service's proof fits the prober's key, and no other."""
    assert await real.holds_key(service)
    assert not await real.holds_key(service, "x" * 48)


@pytest.mark.parametrize("service", ["auth", "backend"])
async def test_a_nonce_is_taken_once(real, service):
    """A proof that was asked for cannot be asked for again."""
    nonce, first = await real.prove(service)
    _, again = await real.prove(service, nonce=nonce)

    assert (200, 409) == (first.status_code, again.status_code)


@pytest.mark.parametrize("service", ["auth", "backend"])
async def test_strangers_get_no_proof(real, service):
    """Without the service secret there is no proof."""
    assert (await real.prove(service, secret="wrong"))[1].status_code == 401


async def test_the_hash_route_is_of_the_reports_only(real, reported):
    """In the real dialect the hash is unavailable; in the reports' dialect both services give the same one."""
    secret = reported.env["SERVICE_SECRET"]
    path = reported.env["LAB_AUTH_SECRET_PATH"]
    hashes = [
        (await reported.auth("GET", path, headers={"x-service-auth": secret})).json()["hash"],
        (await reported.backend("GET", path, secret)).json()["hash"],
    ]
    expected = hashlib.md5(reported.env["JWT_SECRET_STAGING"].encode()).hexdigest()[:16]  # noqa: S324

    assert [expected, expected] == hashes
    assert (await real.auth("GET", path, headers={"x-service-auth": secret})).status_code == 404


async def test_strangers_get_no_hash(reported):
    """Without the service secret there is no hash."""
    path = reported.env["LAB_AUTH_SECRET_PATH"]

    assert (await reported.auth("GET", path)).status_code == 401
    assert (await reported.backend("GET", path, "wrong")).status_code == 401


@pytest.mark.parametrize(
    ("where", "path"),
    [
        ("auth", "/auth/config"),
        ("backend", "/auth/config"),
        ("backend", "/health/ready"),
        ("backend", "/ws/health"),
        ("backend", "/api/circuit-breakers/status"),
    ],
)
async def test_what_the_reports_do_not_tell_of_is_real_only(real, reported, where, path):
    """Routes that no report mentions are not there in the reports' dialect."""
    statuses = [(await getattr(visitor, where)("GET", path)).status_code for visitor in (real, reported)]

    assert [200, 404] == statuses
