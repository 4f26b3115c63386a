"""Tests of prober/publish/web/routes/probe.py."""

import asyncio

import httpx
import pytest
import structlog

from prober.model.errors import RunBroke
from prober.model.verdict import Reason, Verdict
from prober.publish.document import document
from prober.publish.web.problems import Problem
from prober.publish.web.routes.probe import _MOST_WAITING, Asked, chain_of
from tests import builders as b
from tests.publish import builders as p
from tests.publish.web.conftest import READER, TOKEN, World

PLAN = p.build_plan("validation", "controls")
BLIND = p.result(p.HEALTH, b.trouble(), Verdict.BLIND, reason=Reason.OWN_SECRET, detail="secret jwt is missing")


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({"chain": "controls"}, "controls"),
        ({"target": "controls"}, "controls"),
        ({"target": "controls", "module": "http_2xx"}, "controls"),
        ({"target": "controls", "module": "validation"}, "controls"),
        ({"chain": "validation", "target": "controls"}, "validation"),
        ({"module": "validation"}, "validation"),
        ({"module": "validation", "target": "auth"}, "validation"),
        ({"module": "validation", "target": "http://auth.test/"}, "validation"),
        ({"module": "validation", "target": "auth.test"}, "validation"),
    ],
)
def test_names_are_understood_as_scrape_configs_have_them(asked, expected):
    """The chain as target with whatever module; or the chain as module, and a service it looks at as target."""
    assert chain_of(PLAN, Asked(**asked)).name == expected


@pytest.mark.parametrize(
    ("asked", "status", "said"),
    [
        ({}, 400, "say which chain: ?chain=NAME; there is validation, controls"),
        ({"chain": "nope"}, 404, "no chain is called 'nope'; there is: validation, controls"),
        ({"target": "https://evil.test", "module": "http_2xx"}, 404, "no chain is called 'https://evil.test'"),
        ({"target": "http://169.254.169.254/", "module": "validation"}, 404, "does not look at this target"),
    ],
)
def test_nobody_has_us_call_what_is_not_configured(asked, status, said):
    """What is asked for is compared with names, and never called."""
    with pytest.raises(Problem, match=f"^{status}") as raised:
        chain_of(PLAN, Asked(**asked))

    assert said in raised.value.detail


async def test_a_run_is_told_as_metrics(client, world):
    """Those of blackbox_exporter, in a registry of their own."""
    world.operator.probed = document(p.broken_report())

    answer = await client.get("/probe?target=validation&module=http_2xx")

    assert (answer.status_code, answer.headers["content-type"].split(";")[0]) == (200, "text/plain")
    assert "\nprobe_success 0.0\n" in answer.text
    assert "prober_" not in answer.text
    assert "probe_success" not in (await client.get("/metrics")).text


@pytest.mark.parametrize(
    ("patience", "waits"), [("10", 9.5), ("0.6", 0.3), ("0.2", 0.1), ("3600", 120.0), (None, 119.5)]
)
async def test_a_scraper_is_answered_before_its_patience_ends(client, world, patience, waits):
    """Half a second before, or by half of a little."""
    world.operator.probed = document(p.build_report())
    headers = {"X-Prometheus-Scrape-Timeout-Seconds": patience} if patience else {}
    await client.get("/probe?chain=validation", headers=headers)

    assert world.operator.probes == [("validation", pytest.approx(waits), False)]


@pytest.mark.parametrize("patience", ["-1", "0", "nan", "inf", "soon"])
async def test_a_patience_that_is_none_is_refused(client, patience):
    """And nothing is run."""
    headers = {"X-Prometheus-Scrape-Timeout-Seconds": patience}

    assert (await client.get("/probe?chain=validation", headers=headers)).status_code == 422


async def test_a_run_that_is_not_over_in_time_says_nothing_of_the_target(client, world):
    """No metrics, so that `up` is 0 and nobody reads it as a failure; and what would do."""
    world.operator.probed = None

    answer = await client.get("/probe?chain=validation")

    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert "raise scrape_timeout" in answer.json()["detail"]


async def test_a_run_that_broke_is_our_fault(client, world):
    """To wait for longer would not help, and nothing is said of the target."""
    world.operator.fails = RunBroke("validation")
    answer = await client.get("/probe", params={"chain": "validation"})

    assert 503 == answer.status_code
    assert "a fault of the prober's own" in answer.json()["detail"]
    assert "scrape_timeout" not in answer.text


async def test_our_own_fault_is_no_failure_of_the_target(client, world):
    """`up` is 0 and there is no `probe_success`; the evidence page is there all the same."""
    world.operator.probed = document(p.build_report(BLIND))
    answers = [await client.get(f"/probe?chain=validation{more}") for more in ("", "&debug=true")]

    assert [answer.status_code for answer in answers] == [503, 200]
    assert "nothing is said of the target" in answers[0].json()["detail"]
    assert "secret jwt is missing" in answers[1].text


@pytest.mark.parametrize(("accept", "begins"), [("*/*", "✗ validation FAILS"), ("text/html", "<!doctype html>")])
async def test_debug_shows_the_evidence(client, world, accept, begins):
    """In the form that is asked for."""
    world.operator.probed = document(p.broken_report())

    answer = await client.get("/probe?chain=validation&debug=true", headers={"Accept": accept})

    assert answer.text.startswith(begins)


async def test_who_bears_a_token_has_it_run_anew(client, world, bearer):
    """And is told to the log; a plain scrape is not."""
    world.operator.probed = document(p.build_report())
    with structlog.testing.capture_logs() as logs:
        await client.get("/probe?chain=validation", headers=bearer)
        await client.get("/probe?chain=validation")

    assert [anew for _, _, anew in world.operator.probes] == [True, False]
    assert [(each["caller"], each["chain"], each["id"]) for each in logs] == [("trigger", "validation", "run-1")]


async def test_a_token_that_is_none_is_refused(client, world):
    """It would be read as a success otherwise."""
    answer = await client.get("/probe?chain=validation", headers={"Authorization": "Bearer wrong"})

    assert (answer.status_code, world.operator.probes) == (401, [])


@pytest.mark.parametrize("more", ["", "&debug=true"])
@pytest.mark.parametrize("reads_are_open", [True, False])
async def test_who_may_read_is_answered_as_everybody(house, client, reads_are_open, more):
    """A token that may not have it run anew gets no less than none: metrics, and the evidence where it may be read."""
    house.world = world = World(reads_are_open=reads_are_open)
    world.operator.probed = document(p.build_report())
    answer = await client.get(f"/probe?chain=validation{more}", headers={"Authorization": f"Bearer {READER}"})

    assert (answer.status_code, [anew for _, _, anew in world.operator.probes]) == (200, [False])


@pytest.mark.parametrize("password", [TOKEN, "wrong"])
async def test_what_is_for_somebody_else_is_not_looked_at(client, world, password):
    """A scrape config of blackbox_exporter may have a password, for it or for a proxy: no token is one here."""
    world.operator.probed = document(p.build_report())
    with structlog.testing.capture_logs() as logs:
        answer = await client.get("/probe?chain=validation", auth=("prometheus", password))

    assert (answer.status_code, [anew for _, _, anew in world.operator.probes], logs) == (200, [False], [])


async def test_who_asks_too_often_is_answered_as_everybody(house, client):
    """A scraper that bears a token goes on to be answered."""
    house.world = world = World(burst=1, per_minute=1)
    world.operator.probed = document(p.build_report())
    for _ in range(3):
        await client.get("/probe?chain=validation", headers={"Authorization": f"Bearer {TOKEN}"})

    assert [anew for _, _, anew in world.operator.probes] == [True, False, False]


async def test_where_no_token_is_configured_none_is_asked_for(shut):
    """Proxies may pass on what they were shown."""
    answer = await shut.get("/probe?chain=nope", headers={"Authorization": "Basic eA=="})

    assert answer.status_code == 404


async def test_evidence_is_for_those_who_may_read(house, client):
    """Where the config keeps reports for bearers, `debug` is no way round; the metrics stay open, as ours are."""
    house.world = world = World(reads_are_open=False)
    world.operator.probed = document(p.build_report())
    statuses = [(await client.get(f"/probe?chain=validation{more}")).status_code for more in ("", "&debug=1")]

    assert statuses == [200, 401]


async def test_only_so_many_may_wait(house, world):
    """Each holds a connection that others need."""
    house.world, world.operator.probed = world, document(p.build_report())
    world.operator.may_answer.clear()
    limits = httpx.Limits(max_connections=100)
    async with httpx.AsyncClient(base_url=house.url, trust_env=False, limits=limits, timeout=30) as client:
        calls = [asyncio.create_task(client.get("/probe?chain=validation")) for _ in range(_MOST_WAITING + 3)]
        done, _ = await asyncio.wait(calls, return_when=asyncio.FIRST_COMPLETED)
        refused = [call.result().status_code for call in done]
        world.operator.may_answer.set()
        statuses = sorted([(await call).status_code for call in calls])

    assert set(refused) == {503}
    assert statuses == [200] * _MOST_WAITING + [503] * 3
