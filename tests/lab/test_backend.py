"""The backend's REST routes: who is let in, and how it says no."""

import json

import pytest


@pytest.mark.parametrize(("visitor", "rejected"), [("real", 401), ("reports", 403)], indirect=["visitor"])
async def test_no_header_and_a_bad_token_are_told_apart(visitor, rejected):
    """A missing header is a 403 'Not authenticated'; a rejected token has a code of its own."""
    nobody, forged = await visitor.messages(), await visitor.messages(visitor.forged())

    assert (403, "AUTH_UNAUTHORIZED", "Not authenticated") == (
        nobody.status_code,
        nobody.json()["error_code"],
        nobody.json()["message"],
    )
    assert (rejected, "AUTH_FAILED") == (forged.status_code, forged.json()["error_code"])


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_not_authenticated_is_257_bytes(real, method):
    """The refusal without a header is exactly as long as the first report says."""
    assert len((await real.backend(method, "/api/chat/messages")).content) == 257


async def test_good_tokens_are_let_in(real):
    """The prober's own token and the auth service's both hold, each under its own subject."""
    seen = [(await real.messages(token)).json()["user_id"] for token in (real.local_token(), await real.minted())]

    assert ["staging-e2e-user-001", "e2e-staging-e2e-user-001"] == seen


async def test_the_stream_tells_what_the_agent_does(real):
    """A stream begins with `stream_start` and brings the five agent events."""
    answer = await real.backend("POST", "/api/chat/stream", real.local_token(), json={"message": "hi"})
    kinds = [json.loads(line.removeprefix("data: "))["type"] for line in answer.text.splitlines() if line]

    assert answer.headers["content-type"].startswith("text/event-stream")
    assert [
        "stream_start",
        "agent_started",
        "agent_thinking",
        "tool_executing",
        "tool_completed",
        "agent_completed",
    ] == kinds


async def test_the_router_keeps_the_frameworks_style(real):
    """What is not there is told as `detail`, not in the backend's own style."""
    assert {"detail": "Not Found"} == (await real.backend("GET", "/nowhere")).json()
    assert {"detail": "Method Not Allowed"} == (await real.backend("DELETE", "/health")).json()


async def test_health_says_nothing_about_auth(real):
    """With auth down the backend's health is still fine."""
    await real.world.change("auth_down")

    assert (await real.backend("GET", "/health")).status_code == 200


async def test_a_regression_of_identity_hits_one_route(real):
    """The newer revision refuses the stream to a user it lets in elsewhere, as the service itself."""
    await real.world.change("service_identity_regression")
    refused = await real.backend("POST", "/api/chat/stream", real.local_token())

    assert (403, "Not authenticated", "service:netra-backend") == (
        refused.status_code,
        refused.json()["message"],
        refused.json()["details"]["user"],
    )
    assert (await real.messages(real.local_token())).status_code == 200
    assert refused.headers["x-service-revision"] == "backend-00097"


async def test_a_dead_dependency_shows_in_readiness(real):
    """Alive but not ready: users get 503, those without a token still 403."""
    await real.world.change("backend_dependency_down")
    seen = [
        (await real.backend("GET", "/health")).status_code,
        (await real.backend("GET", "/health/ready")).status_code,
        (await real.messages(real.local_token())).status_code,
        (await real.messages()).status_code,
        (await real.messages(real.forged())).status_code,
    ]

    assert [200, 503, 503, 403, 401] == seen


async def test_an_unknown_user_is_refused_and_another_is_not(real):
    """A token that holds is of no use to a user the backend does not know."""
    await real.world.change("test_user_unknown")
    tokens = real.local_token(), await real.minted(), real.local_token("someone-else")

    assert [401, 401, 200] == [(await real.messages(token)).status_code for token in tokens]


async def test_the_socket_tells_whether_its_door_is_open(real):
    """`/ws/health` says so when authentication is bypassed."""
    told = []
    for names in ((), ("ws_open_to_anyone",)):
        await real.world.change(*names)
        told.append((await real.backend("GET", "/ws/health")).json()["e2e_testing"]["auth_bypass_active"])

    assert [False, True] == told
