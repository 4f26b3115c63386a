"""What a team lives through: staging breaks, Prometheus counts it, a webhook hears why, staging heals, all is quiet."""

import json
import re
from collections.abc import Mapping

import pytest

from tests.live import total
from tests.prometheus.moments import ALERTS

UP = 'prober_chain_up{dialect="%s", chain="validation"}'
RATIO = 'prober_success_ratio{dialect="%s", chain="validation", step="_chain", window="6h"}'
SAMPLES = 'prober_success_samples{dialect="%s", chain="validation", step="_chain", window="6h"}'
TURNS = 'sum(prober_chain_runs_total{dialect="%s", chain="validation", trigger="schedule", verdict=~"%s"})'
MATCHES = 'prober_secret_match{dialect="%s", secret="jwt"}'

#: What good tokens meet at the broken backend of each dialect: the metric and its labels.
REFUSALS: Mapping[str, tuple[str, Mapping[str, str]]] = {
    "reports": ("prober_http_responses_total", {"code": "403", "expected": "false"}),
    "real": ("prober_websocket_closes_total", {"code": "1008", "initiator": "server", "expected": "false"}),
}

#: Four steps with a good token meet it in each turn; follow-ups may meet it too.
REFUSED_A_TURN = 4

BOTH = pytest.mark.parametrize("dialect", ["real", "reports"])


def refusals(dialect):
    """The count of them, as Prometheus is asked for it."""
    metric, labels = REFUSALS[dialect]
    chosen = {"dialect": dialect, "chain": "validation", **labels}
    return f"sum({metric}{{{', '.join(f'{name}={value!r}' for name, value in chosen.items())}}})"


@BOTH
async def test_a_healthy_staging_is_scraped_and_silent(outfit, dialect):
    """The prober is up, every turn succeeds, refusals are counted at zero, secrets match, and no alert fires."""
    asked, at = outfit.prometheus, outfit.well_at
    seen = [await asked.value(each, at) for each in (UP % dialect, RATIO % dialect, refusals(dialect))]

    assert [1, 1, 0] == seen
    assert [1, 1, 1] == [*(await asked.query(MATCHES % dialect, at)).values()]
    assert await asked.value("count(ALERTS)", at) is None


@BOTH
async def test_refusals_of_good_tokens_are_counted(outfit, dialect):
    """1008 in the real dialect, 403 in that of the reports: at every door in every turn, and as the page has it."""
    metric, labels = REFUSALS[dialect]
    page = await outfit.probers[dialect].page()
    counted = await outfit.prometheus.value(refusals(dialect), outfit.healed_at)
    turns = await outfit.prometheus.value(TURNS % (dialect, "fail"), outfit.healed_at)

    assert total(page, metric, chain="validation", **labels) == counted
    assert counted > 0
    assert counted >= REFUSED_A_TURN * (turns - 2)  # in the first and the last it may have been broken for half of it


@BOTH
async def test_the_ratio_is_that_of_the_turns(outfit, dialect):
    """Good turns over good and bad ones, below one when broken; and as many samples as there were turns."""
    wanted = (RATIO % dialect, SAMPLES % dialect, TURNS % (dialect, "pass"), TURNS % (dialect, "pass|fail"))
    ratio, samples, good, turns = [await outfit.prometheus.value(each, outfit.broken_at) for each in wanted]

    assert (samples, pytest.approx(ratio * samples)) == (turns, good)
    assert 0 < good < turns


async def test_a_drifted_secret_is_between_those_who_differ(outfit):
    """The backend's copy is another: both pairs with it are 0, the pair without it stays 1; healed, all are 1."""
    broken = await outfit.prometheus.query(f"max by (left, right) ({MATCHES % 'real'})", outfit.broken_at)
    healed = await outfit.prometheus.query(MATCHES % "real", outfit.healed_at)

    assert {("auth", "backend"): 0, ("prober", "auth"): 1, ("prober", "backend"): 0} == {
        (pair["left"], pair["right"]): value for pair, value in ((json.loads(each), broken[each]) for each in broken)
    }
    assert [1, 1, 1] == [*healed.values()]


async def test_whoever_is_told_reads_what_it_is(outfit):
    """A webhook of Alertmanager hears which secrets differ, who refuses good tokens, and how."""
    said = {name: alert["annotations"]["summary"] for name, alert in heard(outfit, "firing").items()}

    assert {
        "ProberSecretMismatch": "jwt differs between auth and backend",
        "ProberForbidden": "backend answered 403 to a good token",
        "ProberWebSocketPolicyClose": "backend closed a good token's socket with 1008",
    }.items() <= said.items()


async def test_whoever_is_told_reads_the_cause(outfit):
    """The alert of the cause names it in a label; its text has the chain, the name to look it up by, and the remedy."""
    told = heard(outfit, "firing")["ProberRootCause"]
    text = " ".join(told["annotations"].values())

    assert ("jwt_secret_drift", "validation") == (told["labels"]["cause"], told["labels"]["chain"])
    assert {"jwt_secret_drift", "validation"} <= set(re.findall(r"\w+", text))
    assert "map the same version of JWT_SECRET_STAGING into both services" in told["annotations"]["description"]


async def test_what_is_healed_is_taken_back(outfit):
    """The very alerts that fired are resolved: the cause and the mismatch, not some other ones of that name."""
    fired, ended = heard(outfit, "firing"), heard(outfit, "resolved")

    assert {"ProberSecretMismatch", "ProberRootCause"} <= set(ended)
    assert {name: fired[name]["fingerprint"] for name in ended} == {
        name: alert["fingerprint"] for name, alert in ended.items()
    }


def heard(outfit, status):
    """The first alert of each kind that the webhook heard with this status."""
    told = {alert["alertname"]: outfit.inbox.told(status, **alert) for alert in ALERTS}
    return {name: each[0] for name, each in told.items() if each}


@BOTH
async def test_no_secret_of_the_lab_is_on_the_page(outfit, dialect):
    """What the prober was given in confidence is neither scraped nor logged."""
    prober = outfit.probers[dialect]
    told = await prober.page() + prober.log.read_text(encoding="utf-8")
    environment = outfit.worlds[dialect].environment
    secrets = [environment[name] for name in ("JWT_SECRET_STAGING", "SERVICE_SECRET", "E2E_OAUTH_SIMULATION_KEY")]

    assert [secret for secret in secrets if secret in told] == []
