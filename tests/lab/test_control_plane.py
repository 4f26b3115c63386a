"""The lab's platform speaks the real APIs: without rights one hears nothing, and a Secret comes with its data."""

import base64

import httpx
import pytest

from prober.lab.control_plane import PARTIAL, ControlPlane, application
from prober.lab.settings import RIGHTS, PlatformSettings
from tests.lab.test_description import BACKEND, told

TOKEN = "a-token"
RUN = "/v2/projects/lab/locations/europe-west1/services/backend"
IN_CLUSTER = {
    "deployments": "/apis/apps/v1/namespaces/staging/deployments/backend",
    "pods": "/api/v1/namespaces/staging/pods?labelSelector=app%3Dbackend",
    "secrets": "/api/v1/namespaces/staging/secrets/service",
}
PATHS = {
    "run.services.get": RUN,
    "run.revisions.get": f"{RUN}/revisions/backend-1",
    "secretmanager.versions.get": "/v1/projects/lab/secrets/service/versions/latest",
    **IN_CLUSTER,
}


async def ask(path, token=TOKEN, rights=RIGHTS, described=None, **headers):
    """One answer of a platform that describes a healthy lab."""
    service = ControlPlane(PlatformSettings(token=TOKEN, rights=rights, **(described or told())))
    transport = httpx.ASGITransport(application(service))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        return await client.get(path, headers={"authorization": f"Bearer {token}", **headers})


@pytest.mark.parametrize(("right", "path"), PATHS.items())
async def test_each_answer_needs_its_right(right, path):
    """Without it 403, without a token 401, each as the API says it."""
    others = tuple(each for each in RIGHTS if each != right)
    answers = [await ask(path), await ask(path, rights=others), await ask(path, token="another")]

    assert [200, 403, 401] == [answer.status_code for answer in answers]
    says = answers[1].json()
    assert 403 == (says["code"] if right in IN_CLUSTER else says["error"]["code"])


@pytest.mark.parametrize(
    "path",
    [
        RUN.replace("backend", "nobody"),
        f"{RUN}/revisions/none",
        IN_CLUSTER["deployments"].replace("backend", "nobody"),
        IN_CLUSTER["secrets"].replace("service", "nothing"),
    ],
)
async def test_what_is_not_there_is_not_found(path):
    """A service, a revision, a deployment or a secret that nobody made."""
    assert 404 == (await ask(path)).status_code


async def test_of_a_label_that_nobody_has_there_are_no_pods():
    """A list is never missing."""
    assert [] == (await ask(IN_CLUSTER["pods"].replace("backend", "nobody"))).json()["items"]


async def test_a_token_is_lent_to_who_says_so():
    """The header keeps browsers and careless proxies out."""
    path = "/computeMetadata/v1/instance/service-accounts/default/token"
    lent = await ask(path, **{"metadata-flavor": "Google"})

    assert 403 == (await ask(path)).status_code
    assert {"access_token": TOKEN, "expires_in": 3599, "token_type": "Bearer"} == lent.json()


async def test_of_a_secret_the_metadata_alone_has_no_data():
    """A plain request brings the value, as it does in a cluster."""
    whole = (await ask(IN_CLUSTER["secrets"])).json()
    partial = (await ask(IN_CLUSTER["secrets"], accept=PARTIAL)).json()

    assert "S" * 40 == base64.b64decode(whole["data"]["value"]).decode()
    assert ("PartialObjectMetadata", False) == (partial["kind"], "data" in partial)
    assert whole["metadata"] == partial["metadata"]


async def test_a_description_has_the_port_and_every_setting():
    """Literals in the clear, secrets by reference."""
    container = (await ask(RUN)).json()["template"]["containers"][0]
    pod = (await ask(IN_CLUSTER["deployments"])).json()["spec"]["template"]["spec"]["containers"][0]
    names = {each["name"] for each in container["env"]}

    assert [{"name": "http1", "containerPort": 2}] == container["ports"]
    assert names == {each["name"] for each in pod["env"]}
    assert {"SERVICE_ID", "SERVICE_SECRET", "JWT_SECRET_STAGING", "AUTH_SERVICE_URL", "DATABASE_URL"} == names


async def test_two_revisions_share_the_traffic():
    """And a rollout that is not over has more replicas than updated ones."""
    two = told(BACKEND, {**BACKEND, "revision": "backend-2"})
    traffic = (await ask(RUN, described=two)).json()["trafficStatuses"]
    status = (await ask(IN_CLUSTER["deployments"], described=two)).json()["status"]

    assert [("backend-1", 50), ("backend-2", 50)] == [(each["revision"], each["percent"]) for each in traffic]
    assert (2, 1) == (status["replicas"], status["updatedReplicas"])
