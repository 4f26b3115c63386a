import json
import re
from functools import reduce

from prober.publish.web.desk import Desk


async def test_the_description_lists_the_routes(client):
    """What the fuzzers and client makers read."""
    description = (await client.get("/openapi.json")).json()

    assert {
        "/metrics",
        "/-/healthy",
        "/-/ready",
        "/-/reload",
        "/api/v1/chains/{chain}/runs",
        "/api/v1/runs",
        "/api/v1/runs/{run_id}",
        "/api/v1/chains",
        "/api/v1/events",
        "/api/v1/runs/{run_id}/events",
        "/api/v1/gates",
        "/api/v1/gates/{gate_id}",
        "/gate/{chain}",
        "/api/v1/status",
    } <= set(description["paths"])


async def test_errors_are_described_as_problems(client):
    """Every 4xx of the description has the media type it really has."""
    description = (await client.get("/openapi.json")).json()
    trigger = description["paths"]["/api/v1/chains/{chain}/runs"]["post"]

    assert {"401", "404", "413", "415", "422"} <= set(trigger["responses"])
    assert set(trigger["responses"]["422"]["content"]) == {"application/problem+json"}
    assert trigger["requestBody"]["required"] is False


async def test_the_description_refers_to_what_is_there(client):
    """Every reference in it leads somewhere."""
    description = (await client.get("/openapi.json")).json()
    refs = set(re.findall(r'"\$ref": "#/([^"]+)"', json.dumps(description)))

    assert [ref for ref in refs if not reduce(lambda at, part: at.get(part, {}), ref.split("/"), description)] == []


async def test_there_are_no_documentation_pages(client):
    """They would load scripts from elsewhere."""
    answers = [await client.get(path) for path in ("/docs", "/redoc")]

    assert [answer.status_code for answer in answers] == [404, 404]


def test_the_routes_work_with_one_desk(world):
    """Whatever they need is on it, so that the app can be built twice in one process."""
    assert isinstance(world.app.state.desk, Desk)
    assert world.app.state.desk.board is world.board
