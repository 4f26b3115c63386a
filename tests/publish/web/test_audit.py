import pytest
import structlog

from prober.publish.web.shell import LARGEST_BODY
from tests.publish.web.conftest import READER, RUNNER, TOKEN, World

RUNS = "/api/v1/chains/validation/runs"


def told(logs):
    """The lines of the audit."""
    return [{k: v for k, v in line.items() if k != "log_level"} for line in logs if line["event"].startswith("audit.")]


def line(**more):
    """One of them."""
    usual = {"event": "audit.call_answered", "source": "127.0.0.1", "route": f"POST {RUNS}"}
    return {**usual, "chain": "validation", "caller": "", "id": "", "outcome": "refused", **more}


async def test_who_was_let_in_is_told(client):
    """By name, from where, and to which run it led; so is who joined it."""
    with structlog.testing.capture_logs() as logs:
        for _ in range(2):
            await client.post(RUNS, headers={"Authorization": f"Bearer {RUNNER}"})

    assert [
        line(caller="runner", id="run-1", status=202, outcome="accepted"),
        line(caller="runner", id="run-1", status=202, outcome="coalesced"),
    ] == told(logs)


@pytest.mark.parametrize(
    ("path", "asked", "expected"),
    [
        (RUNS, {}, line(status=401)),
        (RUNS, {"headers": {"Authorization": "Bearer guessed"}}, line(status=401)),
        (RUNS, {"headers": {"Authorization": f"Bearer {READER}"}}, line(status=403, caller="reader")),
        (
            RUNS,
            {"headers": {"Authorization": f"Bearer {RUNNER}", "Origin": "https://evil.example"}},
            line(status=403),
        ),
        (
            RUNS,
            {"headers": {"Authorization": f"Bearer {RUNNER}"}, "json": {"url": "x"}},
            line(status=400, caller="runner"),
        ),
        (
            f"{RUNS}?timeout=soon",
            {"headers": {"Authorization": f"Bearer {RUNNER}"}},
            line(status=422, caller="runner"),
        ),
        (
            "/-/reload",
            {"headers": {"Authorization": f"Bearer {RUNNER}"}},
            line(status=403, caller="runner", route="POST /-/reload", chain=""),
        ),
        (
            "/api/v1/chains/" + "x" * 500 + "/runs",
            {"headers": {"Authorization": f"Bearer {RUNNER}"}},
            line(status=404, caller="runner", chain="x" * 120, route=("POST /api/v1/chains/" + "x" * 500)[:120]),
        ),
    ],
)
async def test_who_was_refused_is_told(client, path, asked, expected):
    """With the status that was answered, and the name where it is known."""
    with structlog.testing.capture_logs() as logs:
        await client.post(path, **asked)

    assert [expected] == told(logs)


@pytest.mark.parametrize(
    ("method", "path", "asked", "expected"),
    [
        ("POST", RUNS, {"content": b"x" * (LARGEST_BODY + 1)}, line(status=413, chain="")),
        ("PUT", RUNS, {}, line(status=405, chain="", route=f"PUT {RUNS}")),
        ("POST", "/api/v1/chains", {}, line(status=405, chain="", route="POST /api/v1/chains")),
        ("POST", "/gate", {}, line(status=404, chain="", route="POST /gate")),
        ("DELETE", "/", {}, line(status=405, chain="", route="DELETE /")),
    ],
)
async def test_what_no_route_answers_is_told_too(client, bearer, method, path, asked, expected):  # noqa: PLR0913, PLR0917 - a table
    """Too large, to nobody, or by another method: whatever is more than reading."""
    with structlog.testing.capture_logs() as logs:
        await client.request(method, path, headers=bearer, **asked)

    assert [expected] == told(logs)


async def test_what_we_broke_over_is_told(client, world, bearer, monkeypatch):
    """Whoever asked may have been the reason; and it is counted."""

    async def broken(*_):
        """A bug of ours."""
        raise RuntimeError

    monkeypatch.setattr(world.operator, "ask", broken)
    with structlog.testing.capture_logs() as logs:
        await client.post(RUNS, headers=bearer)

    assert [line(status=500, caller="trigger")] == told(logs)
    assert {"rejected": 1} == world.triggers()


async def test_who_had_the_config_taken_up_is_told(client, world, bearer):
    """And who tried, with one that is not valid."""
    with structlog.testing.capture_logs() as logs:
        await client.post("/-/reload", headers=bearer)
        world.operator.complaints = ["wrong"]
        await client.post("/-/reload", headers=bearer)

    reload = {"caller": "trigger", "route": "POST /-/reload", "chain": ""}
    assert [line(**reload, status=200, outcome="accepted"), line(**reload, status=400)] == told(logs)


async def test_no_token_is_told(client):
    """Neither a right one nor a wrong one."""
    with structlog.testing.capture_logs() as logs:
        for token in (TOKEN, READER, f"{TOKEN}x"):
            await client.post(f"{RUNS}?token={token}", headers={"Authorization": f"Bearer {token}"})

    assert 3 == len(told(logs))
    assert not [token for token in (TOKEN, READER) if token in str(logs)]


async def test_reading_is_not_told(client):
    """It makes us do nothing."""
    with structlog.testing.capture_logs() as logs:
        await client.get("/api/v1/runs")

    assert [] == told(logs)


async def test_reports_may_be_for_those_who_bear_a_token(house, client):
    """Where the config says so; the page of ourselves and the metrics are not reports."""
    house.world = World(reads_are_open=False)
    paths = ["/api/v1/runs", "/api/v1/runs/x", "/api/v1/runs/x/evidence", "/api/v1/chains", "/api/v1/status"]
    without = [(await client.get(path)).status_code for path in paths]
    bearing = [(await client.get(path, headers={"Authorization": f"Bearer {READER}"})).status_code for path in paths]

    assert [401] * 5 == without
    assert [200, 404, 404, 200, 200] == bearing
    assert [200, 200] == [(await client.get(path)).status_code for path in ("/metrics", "/-/healthy")]
