import pytest

from prober.model.errors import StoreUnavailable
from prober.publish.document import document
from prober.publish.web.problems import MOST_COMPLAINTS, Problem, answer, told
from tests.publish import builders as p
from tests.publish.web.conftest import BEARER
from tests.publish.web.routes.test_probe import BLIND


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nothing/here", 404),
        ("DELETE", "/metrics", 405),
        ("PUT", "/api/v1/runs", 405),
        ("GET", "/api/v1/runs?limit=0", 422),
        ("GET", "/api/v1/runs?verdict=purple", 422),
        ("GET", "/api/v1/runs/unknown", 404),
        ("GET", "/-/healthy/", 404),
    ],
)
async def test_every_error_is_a_problem(client, method, path, status):
    """Type, title, status and a sentence, in the media type for it (RFC 9457)."""
    response = await client.request(method, path)

    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["status"] == status
    assert response.json()["detail"]


async def test_a_wrong_parameter_is_named_and_not_repeated(client):
    """Where it is and what would do; what was sent could be anything."""
    response = await client.get("/api/v1/runs?verdict=hunter2")

    assert response.json()["errors"][0]["at"] == "query.verdict"
    assert "hunter2" not in response.text


async def test_complaints_are_bounded(client):
    """However many names a body has, and however long they are."""
    body = {f"{number}{'x' * 100}": 1 for number in range(100)}
    answer = await client.post("/api/v1/chains/validation/runs", headers=BEARER, json=body)

    assert MOST_COMPLAINTS == len(answer.json()["errors"])
    assert len(answer.content) < 4_000


async def test_a_405_says_what_would_do(client):
    """Allow lists the methods, HEAD among them wherever there is GET."""
    response = await client.delete("/metrics")

    assert response.headers["allow"] == "GET, HEAD"


async def test_a_405_says_all_that_would_do(client):
    """Also where each method has a route of its own."""
    response = await client.delete("/api/v1/gates")

    assert response.headers["allow"] == "GET, HEAD, POST"


async def test_a_405_of_a_post_route_allows_no_get(client):
    """HEAD is not offered where there is no GET."""
    response = await client.get("/-/reload")

    assert (response.status_code, response.headers["allow"]) == (405, "POST")


def test_a_problem_without_complaints_has_no_list_of_them():
    """`errors` is there when there are several things to mend."""
    response = answer(Problem(404, "no such chain"))

    assert response.body == b'{"type":"about:blank","title":"Not Found","status":404,"detail":"no such chain"}'


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/runs/run-1",
        "/api/v1/runs/run-1/events",
        "/api/v1/runs/run-1/evidence",
        "/api/v1/gates/gate-1",
        "/probe?chain=validation",
        "/-/ready",
    ],
)
async def test_what_is_not_to_be_had_now_says_when_to_ask_again(client, world, path, monkeypatch):
    """Every 503: the store is away, the prober is blind, or not ready."""
    error = StoreUnavailable("away")

    async def away(_run_id):
        """As it is."""
        raise error

    monkeypatch.setattr(world.history, "get", away)
    world.operator.intents, world.operator.ready = error, False
    world.operator.probed = document(p.build_report(BLIND))
    answer = await client.get(path)

    assert (503, True) == (answer.status_code, int(answer.headers["retry-after"]) > 0)


def test_a_problem_prints_as_one_line():
    """For logs and test output."""
    assert str(Problem(404, "no such chain")) == "404: no such chain"


def test_routes_describe_their_errors():
    """The description says which statuses come as problems."""
    assert list(told(401, 404)[404]["content"]) == ["application/problem+json"]
