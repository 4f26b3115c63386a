"""What an operator has stopped gets nothing: at once, through kill -9, restart and reload, until it is lifted."""

import asyncio
import signal
import time

import pytest

from tests.live import samples, total
from tests.reliability.peer import peer
from tests.reliability.promises import Taking, client
from tests.reliability.rig import CHAINS, Home, living, missed

pytestmark = pytest.mark.timeout(120)

#: Several turns of each chain.
A_WHILE = 1.2

WHY = {"service": "backend", "reason": "a load test until noon"}


async def later(target, since, seconds=A_WHILE):
    """How often the target was asked from a moment on, once it had time enough to be."""
    await asyncio.sleep(seconds)
    return sum(at > since for at in await target.asked())


async def pull(life, **body):
    """The answer, and when it was there."""
    async with client(life) as operator:
        answer = await operator.post("/api/v1/pauses", json=WHY | body)
    return answer, time.monotonic()


async def test_what_is_paused_is_asked_for_nothing_until_it_is_lifted(tmp_path):
    """Neither by turns, nor by anybody's word; after kill -9 and a reload; and the books stay whole."""
    async with peer() as target:
        home = Home(tmp_path, Taking(target))
        async with living(home) as life:
            await life.at_rest(CHAINS)
            pulled, since = await pull(life)
            async with client(life) as pipeline:
                asked = [
                    await pipeline.post("/api/v1/chains/steady/runs"),
                    await pipeline.post("/api/v1/gates", json={"chain": "steady"}),
                    await pipeline.get("/probe?chain=steady"),
                ]
                hook = await pipeline.post("/gate/steady")
            life.process.send_signal(signal.SIGHUP)
            while_paused = await later(target, since)
            page = await life.page()
            await life.kill()

        async with living(home, log="log-2") as life:
            after_kill = await later(target, since)
            page_after_kill = await life.at_rest(CHAINS, least=0)
            async with client(life) as operator:
                told = (await operator.get("/api/v1/status")).json()
                lifted = await operator.delete("/api/v1/pauses/backend")
                again = await operator.delete("/api/v1/pauses/backend")
            await life.at_rest(CHAINS, least=1)
            after_lift = await later(target, since, 0.0)
            await life.stop()
        accounts = await home.accounts()

    assert (200, WHY["reason"], ["quick", "steady"]) == (
        pulled.status_code, pulled.json()["reason"], pulled.json()["chains"],
    )  # fmt: skip
    assert [409, 409, 409] == [answer.status_code for answer in asked], [answer.text for answer in asked]
    assert all(WHY["reason"] in answer.json()["detail"] for answer in [*asked, hook])
    assert 503 == hook.status_code
    assert (0, 0) == (while_paused, after_kill)
    assert after_lift > 0
    assert [1.0, 1.0] == [
        each.value for each in (*samples(page, "prober_paused"), *samples(page_after_kill, "prober_paused"))
    ]
    assert [] == list(samples(page, "prober_chain_up"))
    assert total(page, "prober_slots_missed_total", reason="paused") > 0
    assert ["trigger", "trigger"] == [chain["paused"]["by"] for chain in told["chains"]]
    assert (WHY["reason"], None) == (lifted.json()["lifted"]["reason"], again.json()["lifted"])
    assert missed(accounts)["paused"] > 0
    assert [] == [
        account for account in accounts if account.expected != account.recorded + sum(account.missed.values())
    ]
    assert 0 == home.failures()
