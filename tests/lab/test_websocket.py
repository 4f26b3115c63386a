"""The socket: its two ways to refuse, its welcome, and each way it can be broken."""

import pytest


@pytest.mark.parametrize("by", ["header", "subprotocol", "query"])
@pytest.mark.parametrize("visitor", ["real", "reports"], indirect=True)
async def test_a_good_token_is_welcomed(visitor, by):
    """However the token comes, the welcome names its subject, and a ping is answered."""
    heard = await visitor.hear(visitor.local_token(), by=by)

    assert ["handshake_validation", "system_message", "ping", "pong"] == heard.kinds
    assert heard.frames[1]["data"]["event"] == "connection_established"
    assert heard.user == heard.frames[-1]["data"]["user_id"] == "staging-e2e-user-001"
    assert heard.subprotocol == ("jwt-auth" if by == "subprotocol" else None)


async def test_the_real_dialect_refuses_after_it_accepted(real):
    """Style (b): an error frame says why, then the socket is closed with 1008."""
    nobody, forged = await real.hear(), await real.hear(real.forged())

    assert (1008, 1008) == (nobody.close, forged.close)
    assert ("NO_TOKEN", "VALIDATION_FAILED") == (nobody.frames[0]["error_code"], forged.frames[0]["error_code"])
    assert forged.words == "Token validation failed"


async def test_the_reports_refuse_in_the_handshake(reported):
    """Style (a): HTTP 403 with an empty body, whatever the reason."""
    seen = [await reported.hear(), await reported.hear(reported.forged()), await reported.hear(path="/nowhere")]

    assert [(403, b"")] * 3 == [(heard.status, heard.body) for heard in seen]


async def test_an_unknown_path_is_a_403_in_both_dialects(real):
    """A wrong path looks like a refusal."""
    assert (await real.hear(real.local_token(), path="/nowhere")).status == 403


async def test_error_frames_echo_the_subprotocol(real):
    """The frame holds the offered token, as the real one does: whoever stores it must redact."""
    heard = await real.hear(real.forged(), by="subprotocol")

    assert heard.frames[0]["details"]["subprotocols"][1].startswith("jwt.")


async def test_an_agent_tells_its_steps(real):
    """A user's message is answered with the five agent events in order."""
    heard = await real.hear(real.local_token(), say="user_message")

    assert ["agent_started", "agent_thinking", "tool_executing", "tool_completed", "agent_completed"] == [
        kind for kind in heard.kinds if kind.startswith(("agent", "tool"))
    ]


async def test_an_unknown_message_is_told_so(real):
    """What the router does not know is answered with an error frame, and the socket stays open."""
    heard = await real.hear(real.local_token(), say="nonsense")

    assert heard.frames[-1]["error_code"] == "UNKNOWN_MESSAGE_TYPE"
    assert heard.close is None


async def test_a_crash_before_auth_is_a_500_for_everyone(real):
    """21 bytes of plain text, with a token and without."""
    await real.world.change("ws_crash_before_auth")
    seen = [await real.hear(real.local_token()), await real.hear()]

    assert [(500, b"Internal Server Error")] * 2 == [(heard.status, heard.body) for heard in seen]


async def test_a_crash_after_auth_is_a_500_for_good_tokens_only(real):
    """Who is refused is refused as ever."""
    await real.world.change("ws_crash_after_auth")
    seen = [await real.hear(real.local_token()), await real.hear()]

    assert [500, 403] == [heard.status for heard in seen]


@pytest.mark.parametrize(
    ("fault", "close", "reason"),
    [
        ("ws_crash_after_accept", 1006, ""),
        ("ws_not_ready", 1011, "Services not ready"),
        ("backend_warming_up", 1011, "Services not ready"),
        ("backend_dependency_down", 1011, "Database connection failed"),
        ("ws_silent_after_accept", None, ""),
    ],
)
async def test_an_accepted_socket_may_come_to_nothing(real, fault, close, reason):
    """A 101 proves nothing: there is no welcome, and the end says what it can."""
    await real.world.change(fault)
    heard = await real.hear(real.local_token())

    assert (101, [], close, reason) == (heard.status, heard.kinds, heard.close, heard.reason)


async def test_a_dead_router_still_welcomes(real):
    """Welcome and the server's ping arrive, an answer does not."""
    await real.world.change("ws_router_dead")
    heard = await real.hear(real.local_token())

    assert ["handshake_validation", "system_message", "ping"] == heard.kinds


async def test_a_stripped_header_looks_like_no_token(real):
    """Through the balancer a bearer is nobody; the subprotocol still works."""
    await real.world.change("upgrade_header_stripped")
    by_header, nobody = await real.hear(real.local_token()), await real.hear()

    assert nobody.words == by_header.words
    assert (await real.hear(real.local_token(), by="subprotocol")).user == "staging-e2e-user-001"


async def test_a_socket_without_subprotocols_takes_headers(real):
    """Where subprotocols are not negotiated, only the header way is open."""
    await real.world.change("subprotocol_not_negotiated")

    assert (await real.hear(real.local_token(), by="subprotocol")).status == 403
    assert (await real.hear(real.local_token())).user == "staging-e2e-user-001"


async def test_an_origin_can_be_refused(real):
    """With the rule on, an origin is refused and no origin is not."""
    await real.world.change("ws_origin_refused")

    assert (await real.hear(real.local_token(), headers={"origin": "https://x.example"})).status == 403
    assert (await real.hear(real.local_token())).user == "staging-e2e-user-001"


@pytest.mark.parametrize(
    ("fault", "headers", "user"),
    [
        ("ws_open_to_anyone", {}, "anonymous"),
        ("demo_identity", {}, "demo-user-"),
        ("bypass_header_honoured", {"x-e2e-run": "1"}, "anonymous"),
    ],
)
async def test_an_open_door_lets_nobody_in(real, fault, headers, user):
    """Each kind of open door welcomes someone without a token."""
    await real.world.change(fault)

    assert (await real.hear(headers=headers)).user.startswith(user)


async def test_a_header_opens_only_where_it_is_honoured(real):
    """In a healthy world a header that speaks of tests opens nothing, and where it does, no header opens nothing."""
    healthy = await real.hear(headers={"x-e2e-run": "1"})
    await real.world.change("bypass_header_honoured")

    assert (1008, 1008) == (healthy.close, (await real.hear()).close)
