"""The world starts fast, breaks and heals while it runs, and leaves nothing behind."""

import asyncio
import resource
import sys
import time
from pathlib import Path

import httpx
import pytest

from prober.lab.faults import UnknownFault
from prober.lab.world import World


def lives(pid):
    """Whether a process runs; one that is over and only waits to be counted does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def processor_seconds():
    """What our child processes that are over have used."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


async def test_it_starts_fast_and_leaves_nothing_behind():
    """Ready after a second and a half of a processor's time, and no process is left after the end."""
    before = processor_seconds()
    async with World() as world:
        pids = [world._edge.pid, world._auth.pid, world._backend.pid]

        assert all(lives(pid) for pid in pids)

    assert processor_seconds() - before < 1.5  # by the clock it depends on what else the machine does
    assert not any(lives(pid) for pid in pids)


async def test_nothing_is_left_behind_when_something_goes_wrong():
    """An error inside the world ends its processes too."""
    world = World()
    pids = []

    async def go_wrong():
        async with world:
            pids.extend((world._edge.pid, world._auth.pid, world._backend.pid))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await go_wrong()

    assert not any(lives(pid) for pid in pids)


async def gone(pids):
    """Whether these processes all end within some seconds."""
    for _ in range(100):
        if not any(lives(pid) for pid in pids):
            return True
        await asyncio.sleep(0.05)
    return False


async def test_killed_parents_leave_no_orphans():
    """A parent that is killed cannot clean up; its services notice and go."""
    program = (
        "import asyncio\n"
        "from prober.lab.world import World\n"
        "async def main():\n"
        "    async with World() as world:\n"
        "        print(world._edge.pid, world._auth.pid, world._backend.pid, flush=True)\n"
        "        await asyncio.sleep(60)\n"
        "asyncio.run(main())\n"
    )
    parent = await asyncio.create_subprocess_exec(sys.executable, "-c", program, stdout=asyncio.subprocess.PIPE)
    pids = [int(pid) for pid in (await parent.stdout.readline()).split()]
    parent.kill()
    await parent.wait()

    assert len(pids) == 3
    assert await gone(pids)


async def test_a_new_revision_is_a_deploy(real):
    """Another revision is another process: uptime begins anew, and nobody was turned away meanwhile."""

    async def look_on():
        return [(await real.backend("GET", "/health")).status_code for _ in range(100)]

    before = (await real.backend("GET", "/health")).json()
    watching, begun = asyncio.create_task(look_on()), time.monotonic()
    await real.world.change("service_identity_regression")
    after = (await real.backend("GET", "/health")).json()

    assert ("backend-00096", "backend-00097") == (before["revision"], after["revision"])
    assert after["uptime_seconds"] < time.monotonic() - begun
    assert {200} == set(await watching)


async def test_a_crash_loop_resets_the_uptime(visit):
    """A service that dies by itself is started again, and its uptime tells."""
    async with World(backend={"crash_after_seconds": 2.0}) as world:
        first = world._backend.pid
        died = await gone([first])
        await asyncio.wait_for(revived(world, first), 10)
        uptime = (await visit(world).backend("GET", "/health")).json()["uptime_seconds"]

    assert died
    assert uptime < 2


async def revived(world, first):
    """Wait until another process has taken the place of the first."""
    while world._backend.pid in {None, first}:  # noqa: ASYNC110 - processes set no events
        await asyncio.sleep(0.02)


async def test_two_revisions_serve_at_once(visit):
    """With two revisions on one address both are met, and a token holds at one of them only."""
    async with World(["mixed_revisions"]) as world:
        visitor, seen = visit(world), set()
        async with asyncio.timeout(10):
            while len(seen) < 2:
                answer = await visitor.messages_once(visitor.local_token())
                seen.add((answer.headers["x-service-revision"], answer.status_code))

    assert {("backend-00096", 200), ("backend-00097", 401)} == seen


async def test_it_changes_while_it_runs(real):
    """Faults come and go without a restart, and the addresses stay."""
    before, seen = real.env, []
    for names in ((), ("jwt_secret_drift",), ("bypass_key_absent",), ()):
        await real.world.change(*names)
        seen.append(((await real.mint()).status_code, (await real.messages(real.local_token())).status_code))

    assert [(200, 200), (200, 401), (503, 200), (200, 200)] == seen
    assert before == real.env


@pytest.mark.parametrize(("fault", "where"), [("auth_down", "auth"), ("backend_down", "backend")])
async def test_down_is_really_down(real, fault, where):
    """A service that is down refuses connections, and the edge before it says so; healed, it is there again."""
    direct = getattr(real.world, f"{where}_direct_url")
    await real.world.change(fault)
    with pytest.raises(httpx.ConnectError):
        await real.client.get(f"{direct}/health")
    said = (await getattr(real, where)("GET", "/health")).text
    await real.world.change()

    assert said == "Service Unavailable"
    assert (await getattr(real, where)("GET", "/health")).status_code == 200
    assert (await real.client.get(f"{direct}/health")).status_code == 200


async def test_only_the_probers_way_can_be_broken(real):
    """Where the prober is to reach auth in a way that fails, the backend goes on as before."""
    await real.world.change("auth_unreachable_from_prober")
    with pytest.raises(httpx.ConnectError):
        await real.auth("GET", "/health")

    assert (await real.messages(real.local_token())).status_code == 200


async def test_it_looks_as_if_it_had_been_up_for_an_hour(visit):
    """A staging that was left alone is an hour old; a deploy makes the service young that was deployed."""
    async with World() as world:
        visitor = visit(world)
        before = [(await visit_of("GET", "/health")).json() for visit_of in (visitor.auth, visitor.backend)]
        await world.change("service_identity_regression")
        after = [(await visit_of("GET", "/health")).json() for visit_of in (visitor.auth, visitor.backend)]

    assert [True, True] == [3600 <= body["uptime_seconds"] < 3630 for body in before]
    assert [False, True] == [body["uptime_seconds"] < 30 for body in after]


async def test_a_crash_loop_begins_young(visit):
    """A backend that crashes again and again was never up for an hour."""
    async with World(["backend_crash_loop"]) as world:
        uptime = (await visit(world).backend("GET", "/health")).json()["uptime_seconds"]

    assert uptime < 5


@pytest.mark.parametrize(
    ("faults", "announced", "serving"),
    [
        ((), "backend-00096", "backend-00096"),
        (("service_identity_regression",), "backend-00097", "backend-00097"),
        (("stale_revision",), "backend-00097", "backend-00096"),
    ],
)
async def test_a_deploy_is_announced(real, faults, announced, serving):
    """The prober is told which revision was deployed; whether it serves is for the prober to see."""
    await real.world.change(*faults)
    told = (await real.backend("GET", "/health")).json()["revision"]

    assert (announced, serving, "auth-00041") == (real.env["BACKEND_REVISION"], told, real.env["AUTH_REVISION"])


def test_of_two_revisions_the_newer_one_was_announced():
    """With two serving at once, what was announced is the one that came last."""
    assert World(["mixed_revisions"]).environment["BACKEND_REVISION"] == "backend-00097"


async def test_a_world_may_begin_broken(visit):
    """Faults given at the start are in force from the start."""
    async with World(["auth_down", "ws_router_dead"], "reports") as world:
        visitor = visit(world)

        assert world._auth.pid is None
        assert (await visitor.backend("GET", "/health")).status_code == 200


async def test_a_scenario_forces_its_dialect(real):
    """A running world speaks the reports' dialect for a scenario, and its own again when healed."""
    await real.world.change("reported_bypass_key_missing")
    told = real.env["LAB_DIALECT"], real.env["LAB_MINT_PATH"], (await real.mint()).status_code
    await real.world.change()

    assert ("reports", "/auth/e2e-test-auth", 503) == told
    assert real.env["LAB_DIALECT"] == "real"


async def test_the_environment_is_complete(real, reported):
    """The prober is given all it needs, and each dialect says how keys are compared."""
    methods = {world.env["LAB_DIALECT"]: world.env["LAB_SECRET_METHOD"] for world in (real, reported)}

    assert {"real": "proof", "reports": "hash"} == methods
    assert {
        "AUTH_URL",
        "BACKEND_URL",
        "JWT_SECRET_STAGING",
        "SERVICE_ID",
        "SERVICE_SECRET",
        "E2E_OAUTH_SIMULATION_KEY",
        "LAB_MINT_PATH",
        "LAB_DIALECT",
        "LAB_SECRET_METHOD",
        "LAB_AUTH_SECRET_PATH",
        "LAB_BACKEND_SECRET_PATH",
        "AUTH_REVISION",
        "BACKEND_REVISION",
    } == set(real.env)


def test_secrets_are_fresh_and_long():
    """No two worlds share a secret, and each is long enough to be a key."""
    names = ("JWT_SECRET_STAGING", "SERVICE_SECRET", "E2E_OAUTH_SIMULATION_KEY")
    secrets = [World().environment[name] for name in names for _ in range(2)]

    assert len(set(secrets)) == 6
    assert all(len(secret) >= 48 for secret in secrets)


def test_a_fault_of_the_prober_changes_what_it_is_given():
    """A wrong secret or a key not sent is in the environment, not in the services."""
    world = World(["prober_secret_wrong", "bypass_key_not_sent"])

    assert world.environment["JWT_SECRET_STAGING"] != world._secret("jwt")
    assert world.environment["E2E_OAUTH_SIMULATION_KEY"] == ""


def test_unknown_names_are_refused():
    """A fault or a dialect that does not exist is refused before anything starts."""
    with pytest.raises(UnknownFault):
        World(["nothing"])
    with pytest.raises(ValueError, match="real and reports"):
        World(dialect="latin")


async def test_secrets_stay_out_of_the_process_list(real_world):
    """No secret is in a service's arguments or environment."""
    secrets = [real_world.environment[name] for name in ("JWT_SECRET_STAGING", "SERVICE_SECRET")]
    for pid in (real_world._edge.pid, real_world._auth.pid, real_world._backend.pid):
        for name in ("cmdline", "environ"):
            text = await asyncio.to_thread(Path(f"/proc/{pid}/{name}").read_text)

            assert not any(secret in text for secret in secrets)


async def test_a_service_takes_another_secret_as_it_runs_or_by_a_deploy():
    """What it accepts beside the new one is accepted as before."""
    async with World(auth={"bypass_key": "the-old-bypass-key"}) as world, httpx.AsyncClient(trust_env=False) as client:

        async def minted(key):
            answer = await client.post(
                f"{world.auth_url}/auth/e2e/test-auth", headers={"X-E2E-Bypass-Key": key}, json={"email": "a@b.example"}
            )
            return answer.status_code

        before, pid = [await minted(key) for key in ("the-old-bypass-key", "the-new-bypass-key")], world._auth.pid
        await world.hold(auth={"bypass_key": "the-new-bypass-key", "also_bypass_keys": ("the-old-bypass-key",)})
        during, same = [await minted(key) for key in ("the-old-bypass-key", "the-new-bypass-key")], world._auth.pid
        await world.hold(auth={"also_bypass_keys": (), "revision": "auth-00042"})
        after, other = [await minted(key) for key in ("the-old-bypass-key", "the-new-bypass-key")], world._auth.pid

    assert ([200, 401], [200, 200], [401, 200]) == (before, during, after)
    assert (True, False) == (same == pid, other == pid)
