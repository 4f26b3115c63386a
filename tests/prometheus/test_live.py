from contextlib import asynccontextmanager

import pytest

#: A turn begins at most five seconds after the lab broke, takes about one, and is scraped within another.
SOON = 12.0

REFUSED_403 = 'sum(prober_http_responses_total{dialect="reports", code="403", expected="false"})'
CLOSED_1008 = 'sum(prober_websocket_closes_total{dialect="real", code="1008", initiator="server", expected="false"})'
UP = 'prober_chain_up{dialect="%s", chain="validation"}'
RATIO = 'prober_success_ratio{dialect="%s", chain="validation", step="_chain", window="6h"}'
MATCH = 'prober_secret_match{dialect="real", secret="jwt", left="auth", right="backend"}'


@asynccontextmanager
async def broken(outfit, dialect, fault):
    """A staging with this fault; healed, and seen to be healed, at the end."""
    await outfit.worlds[dialect].change(fault)
    try:
        yield
    finally:
        await outfit.worlds[dialect].change()
    assert await outfit.prometheus.becomes(UP % dialect, 1, SOON)


async def test_a_healthy_staging_is_scraped_and_silent(outfit):
    """Both probers are up, every turn succeeds, refusals are counted at zero, and no alert stays."""
    asked, at = outfit.prometheus, outfit.well_at
    wanted = (*(UP % each for each in outfit.worlds), *(RATIO % each for each in outfit.worlds))
    seen = [await asked.value(each, at) for each in (*wanted, REFUSED_403, CLOSED_1008, MATCH, 'sum(up{job="prober"})')]

    assert seen == [1, 1, 1, 1, 0, 0, 1, 2]
    assert await asked.value("count(ALERTS)", at) is None


async def test_the_1008_count_moves(outfit):
    """A backend without service credentials closes good sockets with 1008; healed, the chain is up again."""
    asked = outfit.prometheus
    before = await asked.value(CLOSED_1008)
    async with broken(outfit, "real", "service_credentials_missing"):
        assert await asked.becomes(UP % "real", 0, SOON)

        assert await asked.value(CLOSED_1008) > before
        assert await asked.becomes(f"{RATIO % 'real'} < bool 1", 1, SOON)
        assert await outfit.inbox.hears("firing", SOON, alertname="ProberWebSocketPolicyClose", service="backend")


async def test_the_403_count_moves(outfit):
    """Services as the reports tell of them answer 403 to good tokens."""
    asked = outfit.prometheus
    before = await asked.value(REFUSED_403)
    async with broken(outfit, "reports", "service_credentials_missing"):
        assert await asked.becomes(UP % "reports", 0, SOON)

        assert await asked.value(REFUSED_403) > before
        assert await outfit.inbox.hears("firing", SOON, alertname="ProberForbidden", service="backend")


async def test_a_drifted_secret_is_told_by_its_cause(outfit):
    """The match goes from 1 to 0; whoever is paged reads which secrets differ and why tokens are refused."""
    asked, inbox = outfit.prometheus, outfit.inbox
    assert await asked.becomes(MATCH, 1, SOON)
    async with broken(outfit, "real", "jwt_secret_drift"):
        assert await asked.becomes(MATCH, 0, SOON)
        differ = await inbox.hears("firing", SOON, alertname="ProberSecretMismatch", left="auth", right="backend")
        cause = await inbox.hears("firing", SOON, alertname="ProberRootCause", cause="jwt_secret_drift")

        assert differ[0]["annotations"]["summary"] == "jwt differs between auth and backend"
        assert cause[0]["annotations"]["summary"] == "validation: jwt_secret_drift"
    assert await asked.becomes(MATCH, 1, SOON)
    assert await inbox.hears("resolved", SOON, alertname="ProberSecretMismatch", left="auth", right="backend")


@pytest.mark.parametrize("dialect", ["real", "reports"])
async def test_no_secret_of_the_lab_is_on_the_page(outfit, dialect):
    """What the prober was given in confidence is neither scraped nor logged."""
    prober = outfit.probers[dialect]
    told = await prober.page() + prober.log.read_text(encoding="utf-8")
    environment = outfit.worlds[dialect].environment
    secrets = [environment[name] for name in ("JWT_SECRET_STAGING", "SERVICE_SECRET", "E2E_OAUTH_SIMULATION_KEY")]

    assert [secret for secret in secrets if secret in told] == []
