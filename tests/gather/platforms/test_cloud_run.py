"""What Cloud Run says of revisions that serve is read as names and versions; `latest` is a version only sometimes."""

import pytest

from prober.gather.platforms.asking import Unread
from prober.gather.platforms.cloud_run import ask_cloud_run
from prober.gather.platforms.literals import Literals
from prober.model.platform import Source
from tests.gather.platforms.apis import api, asking, platform

SERVICE = "/v2/projects/p/locations/l/services/backend"
SECRET = "projects/p/secrets/service"
CANARY = "canary-of-a-literal-value"


def literal(name, value):
    """A setting that stands in the description."""
    return {"name": name, "value": value}


def mapped(name, secret="service", version="3"):
    """A setting that comes from a secret."""
    return {"name": name, "valueSource": {"secretKeyRef": {"secret": secret, "version": version}}}


def revision(*env, name="backend-2", created="2026-09-08T12:00:00Z", **more):
    """What a revision is started with."""
    container = {"env": list(env), "ports": [{"containerPort": 8080}]}
    return {"name": f"{SERVICE[4:]}/revisions/{name}", "createTime": created, "containers": [container], **more}


def service(*traffic, newest="backend-2", **more):
    """A service of which these revisions get traffic."""
    parts = [{"type": "TRAFFIC_TARGET_ALLOCATION_TYPE_REVISION", "revision": each, "percent": 50} for each in traffic]
    latest = f"{SERVICE[4:]}/revisions/{newest}"
    told = {"latestReadyRevision": latest, "latestCreatedRevision": latest, "trafficStatuses": parts}
    return {"template": {"containers": [{"env": []}]}, **told, **more}


async def read(answers, asked=None, **more):
    """The configuration that these answers make."""
    async with api(answers, asked) as address, asking() as who:
        return await ask_cloud_run("backend", platform(address, **more), who, Literals())


def answered(*env, **more):
    """One revision serves, with these settings."""
    return {SERVICE: service(), f"{SERVICE}/revisions/backend-2": revision(*env, **more)}


async def test_names_and_versions_are_read_and_no_value():
    """Of a literal nothing is left but that it is one; of what nobody asks about, nothing at all."""
    env = [mapped("SERVICE_SECRET"), literal("SERVICE_ID", CANARY), literal("DATABASE_URL", CANARY)]

    told = await read(answered(*env))

    secret, literal_ = told.variables
    assert ("SERVICE_SECRET", Source.SECRET, SECRET, "3") == (secret.name, secret.source, secret.secret, secret.version)
    assert ("SERVICE_ID", Source.LITERAL, "", "") == (literal_.name, literal_.source, literal_.secret, literal_.version)
    assert (8080, ("backend-2",), True) == (told.port, told.revisions, told.is_complete)
    assert CANARY not in repr(told)
    assert "DATABASE_URL" not in repr(told)


@pytest.mark.parametrize("empty", ["", "  ", "\n"])
async def test_an_empty_setting_is_not_set(empty):
    """It is there for the platform, and for nobody else."""
    assert () == (await read(answered(literal("SERVICE_ID", empty)))).variables


async def test_the_revision_that_serves_is_read_and_not_the_newest():
    """A deploy that never became ready changes nothing for users."""
    told = service(newest="backend-2") | {"latestCreatedRevision": f"{SERVICE[4:]}/revisions/backend-3"}
    told |= {"trafficStatuses": [{"type": "TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST", "percent": 100}]}
    told["template"] = {"containers": [{"env": []}]}

    read_ = await read({SERVICE: told, f"{SERVICE}/revisions/backend-2": revision(mapped("SERVICE_SECRET"))})

    assert ("backend-2",) == read_.revisions
    assert ["SERVICE_SECRET"] == [each.name for each in read_.variables]


async def test_without_the_right_to_read_revisions_the_template_will_do_while_it_is_theirs():
    """The service describes its newest revision; of an older one it says nothing."""
    newest = service() | {"template": {"containers": [{"env": [mapped("SERVICE_SECRET")]}]}}
    older = newest | {"latestCreatedRevision": "…/revisions/backend-3"}

    told = await read({SERVICE: newest, f"{SERVICE}/revisions/backend-2": 403})

    assert ["SERVICE_SECRET"] == [each.name for each in told.variables]
    with pytest.raises(Unread, match="may not ask"):
        await read({SERVICE: older, f"{SERVICE}/revisions/backend-2": 403})


async def test_of_two_revisions_only_what_they_share_is_known():
    """Which of them answers next, nobody knows."""
    told = await read({
        SERVICE: service("backend-1", "backend-2"),
        f"{SERVICE}/revisions/backend-1": revision(mapped("SERVICE_SECRET"), mapped("JWT_SECRET", version="1")),
        f"{SERVICE}/revisions/backend-2": revision(mapped("SERVICE_SECRET"), mapped("JWT_SECRET", version="2")),
    })  # fmt: skip

    assert ("backend-1", "backend-2") == told.revisions
    assert ["SERVICE_SECRET"] == [each.name for each in told.variables]
    assert not told.lacks("JWT_SECRET")
    assert told.lacks("SERVICE_ID")


async def test_what_is_mounted_may_be_what_is_missing():
    """A secret in a file has a name of its own."""
    volumes = [{"name": "v", "secret": {"secret": "service", "items": [{"path": "x", "version": "1"}]}}]

    assert not (await read(answered(volumes=volumes))).is_complete


async def test_the_container_with_a_port_is_the_one_that_is_asked():
    """Sidecars have settings of their own."""
    told = revision(mapped("SERVICE_SECRET"))
    told["containers"].insert(0, {"env": [mapped("JWT_SECRET")]})

    read_ = await read({SERVICE: service(), f"{SERVICE}/revisions/backend-2": told})

    assert ["SERVICE_SECRET"] == [each.name for each in read_.variables]


LATEST = f"/v1/{SECRET}/versions/latest"


def newest(created):
    """What Secret Manager says of the newest version."""
    return {"name": f"{SECRET}/versions/7", "createTime": created, "state": "ENABLED"}


@pytest.mark.parametrize(
    ("answer", "allowed", "version"),
    [
        (newest("2026-09-08T11:00:00.123456789Z"), True, "7"),  # older than the revision: every instance has it
        (newest("2026-09-08T13:00:00Z"), True, ""),  # an instance may have started before it, or after
        (newest("2026-09-08T11:00:00Z"), False, ""),  # nobody gave leave to ask
        (403, True, ""),
        ({"name": 7}, True, ""),
    ],
    ids=["older", "newer", "unasked", "denied", "nonsense"],
)
async def test_latest_is_a_version_where_it_cannot_be_another(answer, allowed, version):
    """It is resolved when an instance starts, and nobody tells when that was."""
    asked = []
    answers = answered(mapped("SERVICE_SECRET", version="latest")) | {LATEST: answer}

    (told,) = (await read(answers, asked, asks_versions=allowed)).variables

    assert version == told.version
    assert allowed is (LATEST in [path for path, *_ in asked])


async def test_an_alias_is_no_version():
    """Nor is it known to which one it led when an instance started."""
    (told,) = (await read(answered(mapped("SERVICE_SECRET", version="prod")), asks_versions=True)).variables

    assert "" == told.version


async def test_a_secret_of_another_project_keeps_its_name():
    """Only one without a project is the service's own."""
    (told,) = (await read(answered(mapped("SERVICE_SECRET", secret="projects/q/secrets/s")))).variables

    assert "projects/q/secrets/s" == told.secret


@pytest.mark.parametrize("told", [{}, {"latestReadyRevision": 7}, {"trafficStatuses": [None, 7]}])
async def test_a_service_that_never_served_has_no_configuration(told):
    """Nothing is made of a description that nobody runs with."""
    with pytest.raises(Unread, match="no revision"):
        await read({SERVICE: told})


@pytest.mark.parametrize(
    "told",
    [
        {},
        {"containers": None},
        {"containers": [7]},
        {"containers": [{"env": [7, {"name": 7}, {"name": "SERVICE_ID"}]}]},
    ],
)
async def test_a_strange_description_holds_nothing(told):
    """It is no reason to fall over."""
    assert () == (await read({SERVICE: service(), f"{SERVICE}/revisions/backend-2": told})).variables
