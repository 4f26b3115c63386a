import asyncio
from datetime import timedelta

import pytest

from prober.model.chain import Trigger
from prober.model.errors import ChainElsewhere, KeyReused, StoreUnavailable, TooMuchAsked
from prober.model.order import Aborted, Asker, Intent, Kind, Order, OrderState
from prober.model.shard import Shard
from prober.publish.document import document
from prober.publish.web import body
from prober.publish.web.asking import WHYS
from tests import builders as b
from tests.publish import builders as p

RUNS = "/api/v1/chains/validation/runs"


async def test_a_run_is_started(client, world, bearer):
    """202, where to look, and that it is going."""
    answer = await client.post(RUNS, headers=bearer)

    assert (answer.status_code, answer.json()) == (202, {"id": "run-1", "state": "running"})
    assert answer.headers["location"] == "/api/v1/runs/run-1"
    assert world.operator.started == [(Order(chain="validation"), Asker("trigger"))]
    assert world.triggers() == {"accepted": 1}


async def test_whoever_names_a_revision_has_deployed_it(client, world, bearer):
    """The run counts as a deploy, and knows what the caller said."""
    await client.post(RUNS, headers=bearer, json={"revision": "abc1234", "reason": "nightly"})

    order = Order(chain="validation", trigger=Trigger.DEPLOY, reason="nightly", revision="abc1234")
    assert world.operator.started == [(order, Asker("trigger"))]


async def test_the_same_request_joins_the_run_that_is_going(client, world, bearer):
    """Two callers, one run: the target is not asked twice."""
    answers = [await client.post(RUNS, headers=bearer) for _ in range(3)]

    assert {answer.json()["id"] for answer in answers} == {"run-1"}
    assert world.triggers() == {"accepted": 1, "coalesced": 2}


@pytest.mark.parametrize("asked", [{"params": {"wait": "true"}}, {"json": {"wait": True}}], ids=["query", "body"])
async def test_who_waits_gets_the_report(client, world, bearer, asked):
    """200 and the document, once the run ends."""
    waiting = asyncio.create_task(client.post(RUNS, headers=bearer, **asked))
    await world.operator.asked.wait()
    world.operator.finish(p.build_report(id="run-1"))

    answer = await waiting

    assert (answer.status_code, answer.json()["run"]["id"]) == (200, "run-1")
    assert answer.headers["content-location"] == "/api/v1/runs/run-1"


async def test_who_waits_too_short_is_told_where_to_look(client, bearer):
    """At the timeout the run goes on: 202."""
    answer = await client.post(RUNS, headers=bearer, params={"wait": "true", "timeout": "0.05"})

    assert (answer.status_code, answer.headers["location"]) == (202, "/api/v1/runs/run-1")


@pytest.mark.parametrize("seconds", ["0", "-1", "121", "nan", "inf", "soon"])
async def test_a_timeout_has_its_bounds(client, world, bearer, seconds):
    """More than two minutes is no wait, it is a leak."""
    answer = await client.post(RUNS, headers=bearer, params={"wait": "true", "timeout": seconds})

    assert (answer.status_code, world.operator.started) == (422, [])
    assert world.triggers() == {"rejected": 1}


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        ((b"{", "application/json"), 400),
        ((b"[]", "application/json"), 400),
        ((b'{"chain":"other"}', "application/json"), 400),
        ((b'{"url":"http://169.254.169.254/"}', "application/json"), 400),
        ((b'{"revision":1}', "application/json"), 400),
        ((b'{"reason":"a\\nb"}', "application/json"), 400),
        ((b'{"wait":"yes"}', "application/json"), 400),
        ((b'{"revision":"' + b"x" * 200 + b'"}', "application/json"), 400),
        ((b"[" * 5000, "application/json"), 400),
        ((b"\xff\xfe", "application/json"), 400),
        ((b"reason=form", "application/x-www-form-urlencoded"), 415),
        ((b'{"reason":"simple request"}', "text/plain"), 415),
    ],
)
async def test_a_body_that_is_not_understood_is_refused(client, world, bearer, sent, status):
    """JSON, known fields, sane values; a page's form cannot send it."""
    answer = await client.post(RUNS, headers={**bearer, "Content-Type": sent[1]}, content=sent[0])

    assert (answer.status_code, world.operator.started) == (status, [])
    assert world.triggers() == {"rejected": 1}


async def test_a_call_may_bear_a_name_of_its_callers(client, world, bearer):
    """So that the one who repeats it is served by what was asked for before."""
    await client.post(RUNS, headers={**bearer, "Idempotency-Key": "deploy-17"})

    assert [Asker("trigger", "deploy-17")] == [asker for _, asker in world.operator.started]


@pytest.mark.parametrize("key", ["x" * 256, "a\tb"])
async def test_such_a_name_has_its_bounds(client, world, bearer, key):
    """It is kept for a day."""
    answer = await client.post(RUNS, headers={**bearer, "Idempotency-Key": key})

    assert (answer.status_code, world.operator.started) == (422, [])


@pytest.mark.parametrize(
    ("fails", "status", "again", "outcome"),
    [
        (StoreUnavailable("the disk is full"), 503, "5", "rejected"),
        (TooMuchAsked(10, 7), 429, "7", "limited"),
        (KeyReused("deploy-17"), 422, None, "rejected"),
        (ChainElsewhere("validation", Shard(2, 3)), 421, None, "rejected"),
    ],
)
async def test_what_is_not_taken_is_not_accepted(  # noqa: PLR0913, PLR0917 - what is told of each
    client, world, bearer, fails, status, again, outcome
):
    """Nothing was begun, and the caller is told when to ask again; of our insides it is told nothing."""
    world.operator.fails = fails
    answer = await client.post(RUNS, headers=bearer)

    assert (status, again) == (answer.status_code, answer.headers.get("retry-after"))
    assert world.triggers() == {outcome: 1}
    assert "disk" not in answer.text


async def test_a_body_that_never_ends_is_waited_for_no_longer(client, world, bearer, monkeypatch):
    """Whoever sends a byte a second must not keep us."""
    monkeypatch.setattr(body, "_PATIENCE_SECONDS", 0.1)

    async def drip():
        """And then nothing."""
        yield b"{"
        await asyncio.sleep(1)

    answer = await client.post(RUNS, headers={**bearer, "Content-Type": "application/json"}, content=drip())

    assert (answer.status_code, world.operator.started) == (408, [])


def intent(state, why=None):
    """A run that was asked for."""
    return Intent(id="i1", order=Order(chain="validation"), caller="ci", asked=b.NOON, state=state, why=why)


@pytest.mark.parametrize("state", [OrderState.WAITING, OrderState.RUNNING])
async def test_a_run_that_is_not_over_says_how_far_it_is(client, world, state):
    """202, and when to ask again."""
    world.operator.intents["i1"] = intent(state)
    answer = await client.get("/api/v1/runs/i1")

    assert (202, {"id": "i1", "chain": "validation", "state": state}) == (answer.status_code, answer.json())
    assert "1" == answer.headers["retry-after"]


@pytest.mark.parametrize("why", Aborted)
async def test_a_run_that_came_to_nothing_says_why(client, world, why):
    """It is over, and has no report."""
    world.operator.intents["i1"] = intent(OrderState.ABORTED, why)
    answer = await client.get("/api/v1/runs/i1")

    told = answer.json()
    assert (200, "aborted", why) == (answer.status_code, told["state"], told["why"])
    assert told["detail"] == WHYS[why]


async def test_a_gate_is_no_run(client, world):
    """Where it is to be asked for is told."""
    gate = Order(kind=Kind.GATE, chain="validation")
    world.operator.intents["g1"] = Intent(id="g1", order=gate, caller="ci", asked=b.NOON, state=OrderState.RUNNING)
    answer = await client.get("/api/v1/runs/g1")

    assert (404, True) == (answer.status_code, "/api/v1/gates/g1" in answer.text)


async def test_a_report_that_is_kept_no_longer_is_gone(client, world):
    """Though it is known that there was one."""
    world.operator.intents["i1"] = intent(OrderState.DONE)

    assert 404 == (await client.get("/api/v1/runs/i1")).status_code


async def test_while_the_store_is_away_nobody_knows(client, world):
    """503: it may well be there."""
    world.operator.intents = StoreUnavailable("away")

    assert 503 == (await client.get("/api/v1/runs/i1")).status_code


async def test_an_unknown_chain_is_answered_with_those_there_are(client, world, bearer):
    """404, and the names that would do."""
    answer = await client.post("/api/v1/chains/other/runs", headers=bearer)

    assert (answer.status_code, world.triggers()) == (404, {"rejected": 1})
    assert "validation" in answer.json()["detail"]


async def test_the_door_comes_first(client):
    """Without a token nobody learns whether a chain exists or a body is valid."""
    answers = [
        await client.post("/api/v1/chains/other/runs"),
        await client.post(RUNS, content=b"{"),
        await client.post(RUNS, params={"timeout": "0"}),
    ]

    assert [answer.status_code for answer in answers] == [401, 401, 401]


async def test_a_run_is_running_then_reported(client, world, bearer):
    """202 while it goes, 200 with the report afterwards."""
    await client.post(RUNS, headers=bearer)
    during = await client.get("/api/v1/runs/run-1")
    report = p.broken_report(id="run-1")
    world.operator.finish(report)
    await world.tell(report)
    after = await client.get("/api/v1/runs/run-1")

    assert (during.status_code, during.json()) == (202, {"id": "run-1", "state": "running"})
    assert (after.status_code, after.json()["run"]["verdict"]) == (200, "fail")


async def test_a_list_of_reports_is_made_of_what_is_kept(client, world, monkeypatch):
    """Reading a hundred reports and writing them anew would hold the event loop for a tenth of a second."""
    told = [p.build_report(id="1"), p.broken_report(id="2", ended=b.NOON + timedelta(seconds=5))]
    for report in told:
        await world.tell(report)
    monkeypatch.setattr("prober.publish.history.record.json.loads", None)
    answer = await client.get("/api/v1/runs")
    monkeypatch.undo()

    assert {"runs": [document(report) for report in reversed(told)]} == answer.json()
    assert "application/json" == answer.headers["content-type"]


async def test_reports_are_listed(client, world):
    """The newest first, by chain and verdict when asked."""
    await world.tell(p.build_report(id="1"))
    await world.tell(p.broken_report(id="2", ended=b.NOON + timedelta(seconds=5)))

    async def ids(**asked):
        """Which runs are listed."""
        return [report["run"]["id"] for report in (await client.get("/api/v1/runs", params=asked)).json()["runs"]]

    assert await ids() == ["2", "1"]
    assert await ids(verdict="pass") == ["1"]
    assert await ids(chain="other") == []
    assert await ids(limit=1) == ["2"]
