"""What Kubernetes says of a Deployment is read as names, and as versions where the Secrets' metadata may be asked."""

from contextlib import suppress

import pytest

from prober.gather.platforms.asking import Unread
from prober.gather.platforms.kubernetes import ask_kubernetes
from prober.gather.platforms.literals import Literals
from prober.model.platform import PlatformKind, Source
from tests.gather.platforms.apis import api, asking, platform

DEPLOYMENT = "/apis/apps/v1/namespaces/staging/deployments/backend"
PODS = "/api/v1/namespaces/staging/pods"
SECRET = "/api/v1/namespaces/staging/secrets/service"
CANARY = "canary-of-a-literal-value"
PARTIAL = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"


def mapped(name, secret="service", key="secret", **more):
    """A setting that comes from a Secret."""
    return {"name": name, "valueFrom": {"secretKeyRef": {"name": secret, "key": key, **more}}}


def deployment(*env, status=None, volumes=(), **container):
    """A Deployment whose rollout is over."""
    spec = {"name": "backend", "env": list(env), "ports": [{"containerPort": 8080}], **container}
    return {
        "metadata": {"generation": 7, "annotations": {"deployment.kubernetes.io/revision": "12"}},
        "spec": {
            "selector": {"matchLabels": {"app": "backend"}},
            "template": {"spec": {"containers": [{"name": "sidecar"}, spec], "volumes": list(volumes)}},
        },
        "status": {"observedGeneration": 7, "replicas": 2, "updatedReplicas": 2} | (status or {}),
    }


def pods(*started, **more):
    """Pods whose containers were started then."""
    of = [
        {"status": {"containerStatuses": [{"name": "backend", "state": {"running": {"startedAt": each}}}]}}
        for each in started
    ]
    return {"kind": "PodList", "metadata": {}, "items": of, **more}


def metadata(written="2026-09-08T12:00:00Z", *keys, kind="PartialObjectMetadata"):
    """A Secret without its data, last annotated long after it was written."""
    data = {"f:data": {".": {}, **{f"f:{key}": {} for key in keys or ("secret",)}}}
    entries = [
        {"manager": "kubectl-create", "time": written, "fieldsV1": data},
        {"manager": "kubectl-annotate", "time": "2026-12-24T12:00:00Z", "fieldsV1": {"f:metadata": {}}},
    ]
    told = {"resourceVersion": "4711", "creationTimestamp": "2026-01-01T00:00:00Z", "managedFields": entries}
    return {"kind": kind, "metadata": told, "data": {"secret": CANARY}}


async def read(answers, asked=None, **more):
    """The configuration that these answers make."""
    async with api(answers, asked) as address, asking() as who:
        where = platform(address, PlatformKind.KUBERNETES, **more)
        return await ask_kubernetes("backend", where, who, Literals())


async def test_names_are_read_and_no_value():
    """Of a literal nothing is left but that it is one; of what nobody asks about, nothing at all."""
    env = [
        mapped("SERVICE_SECRET"),
        {"name": "SERVICE_ID", "value": CANARY},
        {"name": "DATABASE_URL", "value": CANARY},
        {"name": "JWT_SECRET", "valueFrom": {"configMapKeyRef": {"name": "m", "key": "k"}}},
        {"name": "JWT_SECRET_KEY", "value": " "},
    ]

    told = await read({DEPLOYMENT: deployment(*env)})

    assert [
        ("SERVICE_SECRET", Source.SECRET, "staging/service/secret", ""),
        ("SERVICE_ID", Source.LITERAL, "", ""),
        ("JWT_SECRET", Source.OTHER, "", ""),
    ] == [(each.name, each.source, each.secret, each.version) for each in told.variables]
    assert (8080, ("12",), True) == (told.port, told.revisions, told.is_complete)
    assert CANARY not in repr(told)
    assert "DATABASE_URL" not in repr(told)


async def test_no_secret_is_asked_for_without_leave():
    """One look is one request then, and the names are all there is."""
    asked = []
    await read({DEPLOYMENT: deployment(mapped("SERVICE_SECRET"), envFrom=[{"secretRef": {"name": "service"}}])}, asked)

    assert [DEPLOYMENT] == [path for path, *_ in asked]


async def test_of_a_secret_its_metadata_alone_is_asked_for():
    """A plain GET would bring its values."""
    asked = []
    answers = {DEPLOYMENT: deployment(mapped("SERVICE_SECRET")), SECRET: metadata(), PODS: pods("2026-09-08T13:00:00Z")}
    await read(answers, asked, asks_versions=True)

    assert [PARTIAL] == [accept for path, accept, _ in asked if path == SECRET]


@pytest.mark.parametrize(
    ("started", "version"),
    [
        (["2026-09-08T13:00:00Z"], "4711"),
        (["2026-09-08T13:00:00Z", "2026-09-09T13:00:00Z"], "4711"),
        (["2026-09-08T11:00:00Z"], "before 4711"),
        (["2026-09-08T11:00:00Z", "2026-09-08T13:00:00Z"], ""),  # they do not even agree with each other
        ([], ""),
        ([""], ""),
    ],
    ids=["after", "all-after", "before", "both", "none", "unknown"],
)
async def test_a_container_has_what_was_there_when_it_started(started, version):
    """That an annotation came later is no matter."""
    answers = {DEPLOYMENT: deployment(mapped("SERVICE_SECRET")), SECRET: metadata(), PODS: pods(*started)}

    (told,) = (await read(answers, asks_versions=True)).variables

    assert version == told.version


@pytest.mark.parametrize(
    ("secret", "listed"),
    [
        (403, pods("2026-09-08T13:00:00Z")),
        (metadata(), 403),
        (metadata(kind="Secret"), pods("2026-09-08T13:00:00Z")),
        (metadata(), pods("2026-09-08T13:00:00Z", metadata={"continue": "more"})),
        (metadata(written="yesterday"), pods("2026-09-08T13:00:00Z")),
        ({"kind": "PartialObjectMetadata"}, pods("2026-09-08T13:00:00Z")),
    ],
    ids=["denied", "no-pods", "whole-secret", "more-pods", "no-time", "no-metadata"],
)
async def test_where_anything_is_unknown_the_version_is(secret, listed):
    """A server that answers with the whole Secret all the same is not listened to."""
    answers = {DEPLOYMENT: deployment(mapped("SERVICE_SECRET")), SECRET: secret, PODS: listed}

    told = await read(answers, asks_versions=True)

    assert "" == told.variables[0].version
    assert CANARY not in repr(told)


async def test_pods_that_are_going_do_not_count():
    """A rollout that is over leaves some behind for a while."""
    listed = pods("2026-09-08T11:00:00Z", "2026-09-08T13:00:00Z")
    listed["items"][0]["metadata"] = {"deletionTimestamp": "2026-09-08T13:00:01Z"}
    answers = {DEPLOYMENT: deployment(mapped("SERVICE_SECRET")), SECRET: metadata(), PODS: listed}

    assert "4711" == (await read(answers, asks_versions=True)).variables[0].version


ALL_OF_IT = [{"prefix": "SERVICE_", "secretRef": {"name": "service"}}]


async def test_what_a_whole_secret_brings_is_unknown_without_leave():
    """Then nothing is missing for sure."""
    told = await read({DEPLOYMENT: deployment(envFrom=ALL_OF_IT)})

    assert ((), False) == (told.variables, told.is_complete)


async def test_the_keys_of_a_whole_secret_are_in_its_metadata():
    """What stands in `env` outranks them."""
    answers = {
        DEPLOYMENT: deployment({"name": "SERVICE_ID", "value": "x"}, envFrom=ALL_OF_IT),
        SECRET: metadata("2026-09-08T12:00:00Z", "SECRET", "ID", "OTHER"),
        PODS: pods("2026-09-08T13:00:00Z"),
    }

    told = await read(answers, asks_versions=True)

    assert told.is_complete
    assert {"SERVICE_SECRET": "staging/service/SECRET", "SERVICE_ID": ""} == {e.name: e.secret for e in told.variables}


async def test_keys_of_a_config_map_are_no_secrets():
    """They are there, and that is all."""
    answers = {
        DEPLOYMENT: deployment(envFrom=[{"configMapRef": {"name": "settings"}}]),
        "/api/v1/namespaces/staging/configmaps/settings": metadata("2026-09-08T12:00:00Z", "SERVICE_ID"),
    }

    (told,) = (await read(answers, asks_versions=True)).variables

    assert ("SERVICE_ID", Source.OTHER) == (told.name, told.source)


async def test_what_may_be_missing_is_not_sure():
    """An optional reference starts a container with or without its Secret."""
    told = await read({DEPLOYMENT: deployment(mapped("SERVICE_SECRET", optional=True))})

    assert ((), ("SERVICE_SECRET",)) == (told.variables, told.unsure)
    assert not told.lacks("SERVICE_SECRET")


async def test_what_is_mounted_may_be_what_is_missing():
    """A Secret in a file has a name of its own."""
    assert not (await read({DEPLOYMENT: deployment(volumes=[{"secret": {"secretName": "service"}}])})).is_complete


@pytest.mark.parametrize("status", [{"updatedReplicas": 1}, {"observedGeneration": 6}], ids=["rolling", "unseen"])
async def test_during_a_rollout_nobody_knows_who_answers(status):
    """The description is the new pods'; the old ones still serve."""
    told = await read({DEPLOYMENT: deployment(mapped("SERVICE_SECRET"), status=status)})

    assert (("12", "earlier"), (), False) == (told.revisions, told.variables, told.is_complete)


async def test_a_container_that_is_not_there_has_no_configuration():
    """The config names another."""
    with pytest.raises(Unread, match="no such container"):
        await read({DEPLOYMENT: deployment()}, place="staging/backend/other")


@pytest.mark.parametrize(
    "told", [{}, {"spec": 7}, {"spec": {"template": {"spec": {"containers": [7, {"env": [7]}]}}}, "status": []}]
)
async def test_a_strange_description_holds_nothing(told):
    """It is no reason to fall over."""
    with suppress(Unread):
        assert () == (await read({DEPLOYMENT: told}, place="staging/backend")).variables
