import pytest

from prober.model.errors import ChainPaused
from prober.model.pause import EVERYTHING, Pause, Stopped
from tests import builders as b
from tests.publish.web.conftest import RUNNER

PAUSE = Pause(service="auth", reason="<script>alert(1)</script>", by="ops", since=b.NOON)
BODY = {"service": "auth", "reason": "a load test"}


async def test_a_switch_is_pulled_in_the_name_of_who_pulls_it(client, world, bearer):
    """With a reason, for a while or for good; null and * are everything."""
    for body in (BODY, BODY | {"service": None, "for": 60.0}, BODY | {"service": "*"}):
        answer = await client.post("/api/v1/pauses", headers=bearer, json=body)
        assert (200, "a load test", "trigger") == (answer.status_code, answer.json()["reason"], answer.json()["by"])

    assert {"auth", EVERYTHING} == world.operator.pauses.keys()
    assert (None, None) == (world.operator.pauses["auth"][1], world.operator.pauses[EVERYTHING][1])


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"service": "auth"}, 400),
        ({"service": "auth", "reason": ""}, 400),
        ({"service": "auth", "reason": "x" * 501}, 400),
        ({"service": "auth", "reason": "a\nb"}, 400),
        ({"service": "auth", "reason": "x", "for": 0}, 400),
        ({"service": "auth", "reason": "x", "for": 1e12}, 400),
        ({"reason": "x"}, 400),
        ({"service": "nonesuch", "reason": "x"}, 404),
    ],
)
async def test_a_switch_that_is_not_meant_is_not_pulled(client, world, bearer, body, status):
    """Nobody stops everything by leaving something out."""
    answer = await client.post("/api/v1/pauses", headers=bearer, json=body)

    assert status == answer.status_code
    assert {} == world.operator.pauses


async def test_only_who_may_do_anything_pulls_it(client, world):
    """A pipeline that has chains run may not, nor may a stranger."""
    runner = {"Authorization": f"Bearer {RUNNER}"}
    answers = [
        await client.post("/api/v1/pauses", headers=runner, json=BODY),
        await client.delete("/api/v1/pauses/auth", headers=runner),
        await client.post("/api/v1/pauses", json=BODY),
        await client.delete("/api/v1/pauses/auth"),
    ]

    assert [403, 403, 401, 401] == [answer.status_code for answer in answers]
    assert {} == world.operator.pauses


async def test_a_switch_is_never_told_to_wait(client, world, bearer):
    """However often it was pulled before: pace is for those who have us do something."""
    admission = world.operator.plan.admission
    object.__setattr__(admission, "per_minute", 1)
    object.__setattr__(admission, "burst", 1)
    statuses = {(await client.post("/api/v1/pauses", headers=bearer, json=BODY)).status_code for _ in range(8)}

    assert {200} == statuses


async def test_what_the_store_has_not_taken_is_in_force_and_not_sure(client, world, bearer):
    """503, and the answer says which."""
    world.operator.store_is_away = "the disk is full"
    pulled = await client.post("/api/v1/pauses", headers=bearer, json=BODY)
    lifted = await client.delete("/api/v1/pauses/auth", headers=bearer)

    assert (503, 503) == (pulled.status_code, lifted.status_code)
    assert "in force here, now, but the store has not taken it (the disk is full)" in pulled.json()["detail"]
    assert "still in force here" in lifted.json()["detail"]


async def test_what_has_not_ended_yet_is_told(client, world, bearer):
    """Nobody is told that all is quiet before it is."""
    world.operator.lingers = True
    answer = await client.post("/api/v1/pauses", headers=bearer, json=BODY)

    assert 503 == answer.status_code
    assert "what was under way has not ended yet" in answer.json()["detail"]


async def test_lifting_twice_is_lifting_once(client, world, bearer):
    """And says what still stands; what never was there is not found."""
    await client.post("/api/v1/pauses", headers=bearer, json=BODY)
    world.board.paused(Stopped(services={"auth": Pause(service="*", reason="all", by="x", since=b.NOON)}))
    first = await client.delete("/api/v1/pauses/auth", headers=bearer)
    again = await client.delete("/api/v1/pauses/auth", headers=bearer)
    unknown = await client.delete("/api/v1/pauses/nonesuch", headers=bearer)

    assert [200, 200, 404] == [answer.status_code for answer in (first, again, unknown)]
    assert ("a load test", None) == (first.json()["lifted"]["reason"], again.json()["lifted"])
    assert "all" == first.json()["stillPausedBy"]["reason"]


async def test_who_finds_it_paused_is_told_by_whom(client, world, bearer):
    """409, and 503 where 409 would be a «no go»; in the status, and on the page, as text."""
    stopped = Stopped(pauses=(PAUSE,), services={"auth": PAUSE}, chains={"validation": PAUSE})
    world.board.paused(stopped)
    world.operator.fails = ChainPaused("validation", PAUSE)
    asked = [
        await client.post("/api/v1/chains/validation/runs", headers=bearer),
        await client.post("/api/v1/gates", headers=bearer, json={"chain": "validation"}),
        await client.get("/probe?chain=validation"),
        await client.post("/gate/validation", headers=bearer),
    ]
    told, status = (await client.get("/api/v1/pauses")).json(), (await client.get("/api/v1/status")).json()
    page = (await client.get("/")).text

    assert [409, 409, 409, 503] == [answer.status_code for answer in asked]
    assert all("by ops" in answer.json()["detail"] for answer in asked)
    assert ["validation"] == told["chains"]
    assert ("ops", None) == (status["chains"][0]["paused"]["by"], status["chains"][0]["up"])
    assert ["ops"] == [pause["by"] for pause in status["pauses"]]
    assert "Nothing is sent here: auth is paused since 2026-09-08 12:00:00 UTC by ops: &lt;script&gt;" in page
    assert 'class="panel card paused"' in page
    assert "<script>alert" not in page
    assert "Run now" not in page.partition('data-part="chain"')[2].partition("</article>")[0]
