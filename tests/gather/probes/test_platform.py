"""Who cannot be asked is unknown, and nothing of a platform's answer leaves the look but what was asked for."""

import asyncio
import json
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from prober.gather.look import look
from prober.gather.probes.platform import look_platform
from prober.model.chain import PlatformStep, Role
from prober.model.observation import PlatformSeen
from prober.model.platform import PlatformKind
from prober.model.trouble import Trouble, TroubleKind, Whose
from prober.publish.document import _seen
from tests.gather.peers import kit, raw_peer, service
from tests.gather.platforms.apis import TOKEN, api, platform

METADATA = "/computeMetadata/v1/instance/service-accounts/default/token"
SERVICES = "/v2/projects/p/locations/l/services"
CANARY = "canary-of-a-literal-value"


def described(*env):
    """A service as Cloud Run describes it, by its template alone."""
    told = {"template": {"containers": [{"env": list(env)}]}}
    return told | {"latestReadyRevision": "r/backend-2", "latestCreatedRevision": "r/backend-2"}


def bare(address):
    """As the metadata server is named."""
    return address.removeprefix("http://")


def step(address, **places):
    """A step that asks about services, each at a place of its own."""
    services = tuple(
        replace(
            service(1, name),
            role=Role(name),
            platform=platform(address, place=f"projects/p/locations/l/services/{place}"),
        )
        for name, place in places.items()
    )
    return PlatformStep(name="configuration", service=services[0], services=services, deadline_seconds=2.0)


@asynccontextmanager
async def cloud(asked=None, **services):
    """A cloud that lends tokens and tells of services."""
    lent = {"access_token": TOKEN, "expires_in": 3599, "token_type": "Bearer"}
    answers = {METADATA: lent} | {f"{SERVICES}/{name}": told for name, told in services.items()}
    async with api(answers, asked) as address:
        yield address


LITERAL = {"name": "SERVICE_ID", "value": CANARY}


async def test_equal_literals_are_found_without_being_kept():
    """Both services have one id, and a third has another."""
    other = {"name": "SERVICE_ID", "value": f"{CANARY}-old"}
    async with (
        cloud(auth=described(LITERAL), backend=described(LITERAL), other=described(other)) as address,
        kit(metadata=bare(address)) as tools,
    ):
        seen = (await look_platform(step(address, auth="auth", backend="backend", other="other"), tools)).seen

    numbers = [told.variables[0].alike for told in seen.configurations]
    assert numbers[0] == numbers[1] != numbers[2]
    assert CANARY not in repr(seen)
    assert CANARY not in json.dumps(_seen(seen))


async def test_who_may_not_be_asked_is_unknown_beside_who_was():
    """Least privilege may be granted for one of the two."""
    async with (
        cloud(auth=403, backend=described(LITERAL)) as address,
        kit(metadata=bare(address)) as tools,
    ):
        seen = (await look_platform(step(address, auth="auth", backend="backend"), tools)).seen

    assert ["backend"] == [told.service for told in seen.configurations]
    assert "we may not ask" in seen.unread["auth"]


@pytest.mark.parametrize("answer", [401, 403, 404, 500, [], {}], ids=str)
async def test_where_nobody_could_be_asked_it_is_our_trouble(answer):
    """No failure of what we look at, whatever the platform says."""
    async with cloud(auth=answer) as address, kit(metadata=bare(address)) as tools:
        seen = (await look_platform(step(address, auth="auth"), tools)).seen

    assert isinstance(seen, Trouble)
    assert (TroubleKind.OWN_FAULT, Whose.PROBER) == (seen.kind, seen.whose)


async def test_a_platform_that_is_away_is_our_trouble():
    """So is one that does not answer."""

    async def silent(reader, _writer):
        await reader.read()

    async with cloud() as lender, raw_peer(silent) as port, kit(metadata=bare(lender)) as tools:
        slow = replace(step(f"http://127.0.0.1:{port}", auth="auth"), deadline_seconds=0.2)
        seen = (await look_platform(slow, tools)).seen
        away = (await look_platform(step("http://127.0.0.1:1", auth="auth"), tools)).seen

    assert "did not answer in time" in seen.detail
    assert (Whose.PROBER, Whose.PROBER) == (seen.whose, away.whose)


async def test_a_token_that_is_no_longer_known_is_borrowed_anew():
    """Somebody revoked it before its time."""
    asked = []
    async with cloud(asked, auth=401) as address, kit(metadata=bare(address)) as tools:
        for _ in range(2):
            await look_platform(step(address, auth="auth"), tools)

    assert 2 == [path for path, *_ in asked].count(METADATA)


async def test_a_cluster_is_asked_with_the_mounted_token(tmp_path):
    """As the pod's own service account."""
    (tmp_path / "token").write_text("token-of-the-pod\n")
    asked = []
    container = {"name": "backend", "env": [LITERAL]}
    told = {"spec": {"template": {"spec": {"containers": [container]}}}}
    async with (
        api({"/apis/apps/v1/namespaces/staging/deployments/backend": told}, asked) as address,
        kit(metadata=bare(address)) as tools,
    ):
        where = platform(address, PlatformKind.KUBERNETES, token_file=str(tmp_path / "token"))
        of = replace(service(1), platform=where)
        seen = (await look_platform(PlatformStep(name="c", service=of, services=(of,)), tools)).seen

    assert isinstance(seen, PlatformSeen)
    assert ["Bearer token-of-the-pod"] == [shown for *_, shown in asked]


async def test_nobody_is_asked_where_no_platform_is_named():
    """A service without one is unknown."""
    async with cloud(auth=described()) as address, kit(metadata=bare(address)) as tools:
        asked = step(address, auth="auth")
        both = replace(asked, services=(*asked.services, service(1, "bare")))
        seen = (await look_platform(both, tools)).seen

    assert {"bare": "no platform is named"} == seen.unread


async def test_a_look_at_a_platform_shows_nothing_that_was_sent():
    """There is no request that one could send again by hand without the token."""
    async with cloud(auth=described(LITERAL)) as address, kit(metadata=bare(address)) as tools:
        observation = await look(step(address, auth="auth"), tools)

    assert observation.sent is None
    assert CANARY not in repr(observation)
    assert TOKEN not in repr(observation)
    await asyncio.sleep(0)
