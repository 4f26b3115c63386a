from datetime import timedelta

from prober.model.selftest import SelfTest
from prober.publish.document import document
from prober.publish.remembered import Remembered
from tests import builders as b
from tests.publish import builders as p


async def test_chains_are_told_as_configured(client):
    """Names, times, and each step with what it needs."""
    answer = (await client.get("/api/v1/chains")).json()

    [chain] = answer["chains"]
    assert answer["environment"] == "staging"
    assert (chain["name"], chain["intervalSeconds"], chain["threshold"]) == ("validation", 30.0, 0.95)
    assert chain["steps"][3] == {
        "name": "websocket",
        "kind": "websocket",
        "service": "backend",
        "needs": ["mint"],
        "control": False,
    }


async def test_no_secret_reference_is_told(client):
    """Which variable holds a secret is nobody's business."""
    assert "env:JWT" not in (await client.get("/api/v1/chains")).text


async def test_before_the_first_run_nothing_is_known(client):
    """Unknown is null, not false."""
    [chain] = (await client.get("/api/v1/status")).json()["chains"]

    assert (chain["up"], chain["verdict"], chain["runId"]) == (None, None, None)


async def test_when_each_chain_is_looked_at_next(client, world):
    """Null while nothing ticks."""
    told = []
    for at in (None, b.NOON):
        world.operator.next = at
        [chain] = (await client.get("/api/v1/status")).json()["chains"]
        told.append(chain["next"])

    assert [None, "2026-09-08T12:00:00.000Z"] == told


async def test_the_latest_run_is_what_holds(client, world):
    """Verdict, causes and the ratio of the hour."""
    await world.tell(p.broken_report(id="run-3"))

    [chain] = (await client.get("/api/v1/status")).json()["chains"]

    assert (chain["up"], chain["verdict"], chain["runId"]) == (False, "fail", "run-3")
    assert chain["causes"] == ["jwt_secret_drift"]
    assert chain["window"]["ratio"] == 0.625


async def test_the_self_test_is_told(client, world):
    """Null before the first; then whether it holds, when it ended, and what was wrong."""
    before = (await client.get("/api/v1/status")).json()["selftest"]
    world.board.examined(SelfTest(at=b.NOON, seconds=0.1, complaints=("careful services: mint was not looked at",)))
    after = (await client.get("/api/v1/status")).json()["selftest"]

    assert {"up": None, "ended": None, "complaints": []} == before
    assert (False, ["careful services: mint was not looked at"]) == (after["up"], after["complaints"])
    assert after["ended"].startswith("2026-09-08T12:00:00")


async def test_what_is_too_old_is_told_to_be_stale(client, world):
    """By what is configured and by what holds; null before the first run, and no verdict stands without its age."""
    told = []
    for ended in (None, b.NOON, b.NOON - timedelta(seconds=100)):
        if ended:
            await world.tell(p.build_report(ended=ended))
        for path in ("/api/v1/status", "/api/v1/chains"):
            [chain] = (await client.get(path)).json()["chains"]
            told.append((chain["stale"], chain.get("up", ...), chain["ended"] and chain["ended"][11:19]))

    assert [
        *((None, None, None), (None, ..., None)),
        *((False, True, "12:00:00"), (False, ..., "12:00:00")),
        *((True, None, "11:58:20"), (True, ..., "11:58:20")),
    ] == told


async def test_after_a_restart_the_last_run_is_still_told(client, world):
    """Until the next one: its verdict, causes and age, and under which id its report is kept."""
    world.board.remember([Remembered.of(document(p.broken_report(id="before")))])

    [chain] = (await client.get("/api/v1/status")).json()["chains"]

    assert (False, "fail", "before", False) == (chain["up"], chain["verdict"], chain["runId"], chain["stale"])
    assert (["jwt_secret_drift"], 40) == (chain["causes"], chain["window"]["samples"])
