from prober.model.selftest import SelfTest
from tests import builders as b


async def test_healthy_is_being_there(client, world):
    """Independent of targets and of readiness."""
    world.operator.ready = False

    answer = await client.get("/-/healthy")

    assert (answer.status_code, answer.text) == (200, "healthy\n")


async def test_ready_follows_the_operator(client, world):
    """503 until the schedule ticks, and again when it stops."""
    before = await client.get("/-/ready")
    world.operator.ready = False
    after = await client.get("/-/ready")

    assert (before.status_code, after.status_code) == (200, 503)
    assert after.headers["retry-after"] == "1"


async def test_reload_takes_up_the_config(client, world, bearer):
    """And tells the chains there are now."""
    answer = await client.post("/-/reload", headers=bearer)

    assert (answer.status_code, answer.json()) == (200, {"reloaded": True, "chains": ["validation"]})
    assert world.operator.reloads == 1


async def test_an_invalid_config_is_refused_with_every_complaint(client, world, bearer):
    """All at once, each with its line."""
    world.operator.complaints = ["probes.yaml:3: no such service", "probes.yaml:9: not a close code"]

    answer = await client.post("/-/reload", headers=bearer)

    assert answer.status_code == 400
    assert answer.json()["errors"] == world.operator.complaints


async def test_who_fails_its_own_test_is_not_ready(client, world):
    """But is healthy: to start it anew would mend nothing."""
    world.board.examined(SelfTest(at=b.NOON, seconds=0.1))
    before = (await client.get("/-/ready")).status_code
    world.board.examined(SelfTest(at=b.NOON, seconds=0.1, complaints=("a complaint",)))
    after, healthy = await client.get("/-/ready"), await client.get("/-/healthy")

    assert (200, 503, 200) == (before, after.status_code, healthy.status_code)
    assert "the self-test fails: no verdict of this prober can be trusted" in after.text
