import asyncio
from datetime import timedelta

import pytest

from prober.model.chain import Trigger
from prober.publish.document import document
from tests import builders as b
from tests.publish import builders as p

RUNS = "/api/v1/chains/validation/runs"


async def test_a_run_is_started(client, world, bearer):
    """202, where to look, and that it is going."""
    answer = await client.post(RUNS, headers=bearer)

    assert (answer.status_code, answer.json()) == (202, {"id": "run-1", "state": "running"})
    assert answer.headers["location"] == "/api/v1/runs/run-1"
    assert world.operator.started == [("validation", Trigger.MANUAL, "", "")]
    assert world.triggers() == {"accepted": 1}


async def test_whoever_names_a_revision_has_deployed_it(client, world, bearer):
    """The run counts as a deploy, and knows what the caller said."""
    await client.post(RUNS, headers=bearer, json={"revision": "abc1234", "reason": "nightly"})

    assert world.operator.started == [("validation", Trigger.DEPLOY, "nightly", "abc1234")]


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
