"""The WebSocket probe against servers that behave, and servers that behave like the incident reports."""

import asyncio
import base64
import json
from dataclasses import replace

import pytest
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute

from prober.gather.probes.websocket import look_websocket
from prober.model.chain import Carrier, ForgedIssuer, NoToken, RouteIssuer, SpoofedIssuer, WebSocketStep
from prober.model.errors import SecretUnavailable
from prober.model.observation import Initiator, Stage
from prober.model.trouble import Phase, Trouble, TroubleKind, Whose
from tests.gather.peers import (
    LOCAL,
    SECRET,
    SUBJECT,
    USER,
    answers,
    asgi_peer,
    kit,
    raw_peer,
    request,
    service,
    socket_peer,
)

WELCOME = {"type": "system_message", "event": "connection_established", "data": {"user_id": SUBJECT}}


def step(port, **more):
    """A step as the real services need it, with a short deadline."""
    given = {
        "name": "websocket",
        "service": service(port),
        "path": "/ws",
        "token": LOCAL,
        "deadline_seconds": 1.0,
        "welcome": {"type": "system_message", "event": "connection_established"},
        "identity_at": ("user_id", "data.user_id"),
        "grace_seconds": 0.15,
    }
    return WebSocketStep(**{**given, **more})


async def glance(wanted, **secrets):
    """One look."""
    async with kit(**secrets) as tools:
        return await look_websocket(wanted, tools)


async def seen(handler, serving=None, **more):
    """What is seen of a WebSocket server that does this."""
    async with socket_peer(handler, **(serving or {})) as port:
        return (await glance(step(port, **more))).seen


def frame(**fields):
    """A frame."""
    return json.dumps(fields)


async def welcome(ws, **more):
    """Greet."""
    await ws.send(json.dumps(WELCOME | more))


async def pong(ws):
    """Wait for the ping and answer it."""
    await ws.recv()
    await ws.send(frame(type="pong", data={"user_id": SUBJECT}))


async def healthy(ws):
    """A backend as it should be."""
    await ws.send(frame(type="handshake_validation"))
    await welcome(ws)
    await ws.send(frame(type="ping"))
    await pong(ws)
    await ws.wait_closed()


# ── all is well ──────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_healthy_socket_is_followed_to_its_deliberate_close():
    """Welcomed as the test user, ping answered, frames named in order, closed by us with 1000."""
    found = await seen(healthy)

    assert (
        found.stage,
        found.status,
        found.identity,
        found.ponged,
        found.close_code,
        found.initiator,
        found.frames,
    ) == (
        Stage.WELCOMED,
        101,
        SUBJECT,
        True,
        1000,
        Initiator.CLIENT,
        ("handshake_validation", "system_message", "ping", "pong"),
    )


async def test_the_phases_of_a_socket_are_timed():
    """Upgrade, welcome, pong and close each have their time; the grace is in none of them."""
    async with socket_peer(healthy) as port, kit() as tools:
        await look_websocket(step(port), tools)

    assert (set(tools.watch.durations), tools.watch.current, tools.watch.durations[Phase.CLOSE] < 0.15) == (
        {Phase.CONNECT, Phase.UPGRADE, Phase.WELCOME, Phase.PONG, Phase.CLOSE},
        None,
        True,
    )


async def test_the_glance_carries_the_traits_of_the_token_that_was_sent():
    """Evidence shows the shape of this very token."""
    async with socket_peer(healthy) as port:
        found = await glance(step(port))

    assert (found.token.issuer, found.token.subject) == ("local", SUBJECT)


async def _asked(carrier, token=LOCAL, **more):
    """The headers with which the probe knocks, as the server sees them."""
    heard = {}

    async def handler(ws):
        heard.update({name.lower(): value for name, value in ws.request.headers.raw_items()})
        await healthy(ws)

    # A server of this library refuses whoever offers no subprotocol when it has some itself.
    serving = {"subprotocols": ["jwt-auth"]} if carrier is Carrier.SUBPROTOCOL and token is LOCAL else {}
    await seen(handler, serving, carrier=carrier, token=token, **more)
    return heard


async def test_the_token_travels_as_a_bearer():
    """The header carrier offers no subprotocol."""
    heard = await _asked(Carrier.HEADER)

    assert (heard["authorization"][:10], "sec-websocket-protocol" in heard) == ("Bearer eyJ", False)


async def test_the_token_travels_in_a_subprotocol():
    """It is wrapped once more, without padding, and there is no header beside it."""
    heard = await _asked(Carrier.SUBPROTOCOL)
    name, wrapped = heard["sec-websocket-protocol"].split(", ")
    encoded = wrapped.removeprefix("jwt.")
    token = base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)).decode()

    assert (name, token.count("."), "authorization" in heard) == ("jwt-auth", 2, False)


@pytest.mark.parametrize("carrier", Carrier)
async def test_without_a_token_nothing_is_carried(carrier):
    """The control without a token brings neither header nor subprotocol."""
    heard = await _asked(carrier, NoToken(name="none", identity=USER))

    assert {"authorization", "sec-websocket-protocol", "upgrade"} & set(heard) == {"upgrade"}


async def test_headers_and_path_are_filled_in():
    """A service may want the user or a secret in its handshake."""
    heard = {}

    async def handler(ws):
        heard.update(path=ws.request.path, user=ws.request.headers["X-User"])
        await healthy(ws)

    await seen(handler, path="/ws?user={email}", headers={"X-User": "{subject}"})

    assert heard == {"path": f"/ws?user={SUBJECT}%40staging.example", "user": SUBJECT}


async def test_no_header_name_of_ours_switches_authentication_off():
    """Some backends do so for any header whose name holds `test` or `e2e`."""
    heard = await _asked(Carrier.HEADER)

    assert [name for name in heard if "test" in name or "e2e" in name] == []


async def test_the_chosen_subprotocol_is_told():
    """`jwt-auth` is what such services echo."""
    found = await seen(healthy, {"subprotocols": ["jwt-auth"]}, carrier=Carrier.SUBPROTOCOL)

    assert found.subprotocol == "jwt-auth"


async def test_a_step_without_a_ping_waits_for_no_pong():
    """Then the welcome is the end."""

    async def handler(ws):
        await welcome(ws)
        await ws.wait_closed()

    found = await seen(handler, ping="")

    assert (found.stage, found.ponged, found.close_code) == (Stage.WELCOMED, None, 1000)


async def test_pushed_frames_are_no_pong():
    """The server pings too, and pushes what it likes; only the type tells the pong."""

    async def handler(ws):
        await welcome(ws)
        for _ in range(40):
            await ws.send(frame(type="ping"))
        await pong(ws)
        await ws.wait_closed()

    found = await seen(handler)

    assert (found.ponged, len(found.frames), set(found.frames[1:])) == (True, 32, {"ping"})


async def test_every_welcome_condition_must_hold_on_one_frame():
    """A frame that fits by half is no welcome."""

    async def handler(ws):
        await ws.send(frame(type="system_message", event="other"))
        await ws.send(frame(type="other", event="connection_established"))
        await ws.close(1000)

    assert (await seen(handler)).stage is Stage.POST_ACCEPT


async def test_without_conditions_the_first_frame_is_the_welcome_unless_it_is_an_error():
    """An error frame welcomes nobody."""

    async def handler(ws):
        await ws.send(frame(type="error_message", error_code="NO_TOKEN"))
        await ws.close(1008)

    refused, greeted = await seen(handler, welcome={}), await seen(healthy, welcome={})

    assert (refused.stage, greeted.stage) == (Stage.POST_ACCEPT, Stage.WELCOMED)


@pytest.mark.parametrize(
    ("sent", "named"),
    [
        ("hello", "(text)"),
        (b"\x00\xff", "(binary)"),
        ("[1]", "(text)"),
        ('{"b":2,"a":1}', "(json: a, b)"),
        ('{"type":7}', "7"),
    ],
)
async def test_frames_without_a_type_are_named_by_what_they_are(sent, named):
    """They neither end the look nor break it."""

    async def handler(ws):
        await ws.send(sent)
        await healthy(ws)

    assert (await seen(handler)).frames[0] == named


# ── refusals ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (403, ""),
        (403, '{"detail":"Not authenticated"}'),
        (401, '{"error":"no"}'),
        (500, "Internal Server Error"),
        (302, ""),
    ],
)
async def test_a_refused_handshake_is_seen_with_its_body(status, body):
    """Whether it was the app, a proxy or a crash is told by status and body."""
    async with raw_peer(answers(status, body.encode(), "X-Service-Version: 7", "Set-Cookie: a=b")) as port:
        found = (await glance(step(port))).seen

    assert (found.stage, found.status, found.body, found.headers, found.close_code) == (
        Stage.HANDSHAKE,
        status,
        body,
        {"content-length": str(len(body)), "x-service-version": "7"},
        None,
    )


async def test_an_app_that_closes_before_accept_is_a_403_in_the_handshake():
    """Whatever close code it passed, uvicorn answers 403 with an empty body."""

    async def endpoint(ws):
        await ws.close(1008)

    async with asgi_peer(Starlette(routes=[WebSocketRoute("/ws", endpoint)])) as port:
        found = (await glance(step(port))).seen

    assert (found.stage, found.status, found.body) == (Stage.HANDSHAKE, 403, "")


async def test_an_app_that_accepts_and_closes_is_a_1008_after_accept():
    """The same refusal in the other style: a 101 proves nothing."""

    async def endpoint(ws):
        await ws.accept()
        await ws.send_json({"type": "error_message", "error_code": "VALIDATION_FAILED", "error_message": "bad token"})
        await asyncio.sleep(0.1)
        await ws.close(1008, "Authentication failed")

    async with asgi_peer(Starlette(routes=[WebSocketRoute("/ws", endpoint)])) as port:
        found = (await glance(step(port))).seen

    assert (found.stage, found.status, found.error_code, found.error_message, found.close_code, found.close_reason) == (
        Stage.POST_ACCEPT,
        101,
        "VALIDATION_FAILED",
        "bad token",
        1008,
        "Authentication failed",
    )


@pytest.mark.parametrize(
    ("fields", "code", "message"),
    [
        ({"type": "error_message", "error_code": "NO_TOKEN", "error_message": "none"}, "NO_TOKEN", "none"),
        ({"type": "error", "code": 4401, "message": "none"}, "4401", "none"),
        ({"type": "error", "data": {"error_code": "NO_TOKEN", "error": "none"}}, "NO_TOKEN", "none"),
        ({"type": "refusal", "payload": {"error_code": "X", "message": "none"}}, "X", "none"),
        ({"type": "error", "details": {"code": "X", "error_message": "none"}}, "X", "none"),
        ({"error": {"code": "X", "message": "none"}}, "X", "none"),
        ({"error": "none"}, None, "none"),
        ({"type": "error", "code": True, "message": None}, None, None),
        ({"type": "system_message", "message": "hello", "code": "fine"}, None, None),
    ],
)
async def test_an_error_frame_is_understood_in_each_of_its_shapes(fields, code, message):
    """Code and text may be in the frame or in a part of it; a frame that is no error is not read as one."""

    async def handler(ws):
        await ws.send(json.dumps(fields))
        await ws.close(1008)

    found = await seen(handler)

    assert (found.error_code, found.error_message) == (code, message)


async def test_a_1008_that_comes_late_is_seen():
    """After welcome and pong we listen on for a moment; a backend may refuse only then."""

    async def handler(ws):
        await welcome(ws)
        await pong(ws)
        await asyncio.sleep(0.05)
        await ws.close(1008, "revoked")

    found = await seen(handler, grace_seconds=0.4)

    assert (found.stage, found.ponged, found.close_code, found.close_reason, found.initiator) == (
        Stage.WELCOMED,
        True,
        1008,
        "revoked",
        Initiator.SERVER,
    )


async def test_a_close_after_the_grace_is_not_waited_for():
    """The look ends with the grace."""

    async def handler(ws):
        await welcome(ws)
        await pong(ws)
        await asyncio.sleep(0.5)
        await ws.close(1008)

    assert (await seen(handler)).close_code == 1000


async def test_a_close_between_welcome_and_pong_is_the_closes_fault():
    """`ponged` stays open: the close tells more than a missing pong."""

    async def handler(ws):
        await welcome(ws)
        await ws.recv()
        await ws.close(1011, "crash")

    found = await seen(handler)

    assert (found.stage, found.ponged, found.close_code) == (Stage.WELCOMED, None, 1011)


async def test_a_cut_is_1006_by_nobody():
    """The app crashed after accept."""

    async def handler(ws):
        ws.transport.abort()

    found = await seen(handler)

    assert (found.stage, found.close_code, found.initiator) == (Stage.POST_ACCEPT, 1006, Initiator.NONE)


async def test_accepted_then_silent_is_seen_and_not_a_timeout():
    """The probe gives up before the step's deadline, and was never closed by the peer."""
    async with asyncio.timeout(0.99):
        found = await seen(lambda ws: ws.wait_closed())

    assert (found.stage, found.status, found.frames, found.close_code, found.initiator) == (
        Stage.POST_ACCEPT,
        101,
        (),
        None,
        Initiator.NONE,
    )


async def test_a_pong_is_what_the_step_says():
    """A service may name its frames by another key than `type`."""

    async def handler(ws):
        await welcome(ws)
        await ws.recv()
        await ws.send(frame(kind="pong"))
        await ws.wait_closed()

    assert True is (await seen(handler, pong={"kind": "pong"})).ponged


@pytest.mark.parametrize(
    ("answer", "other"),
    [
        (frame(kind="pong", at=1), "(json: at, kind)"),
        (frame(type="pong_ack"), "pong_ack"),
        (frame(type="ping"), None),
        (frame(error="what?"), None),
        ("pong", None),
    ],
)
async def test_an_answer_that_the_step_does_not_describe_is_told(answer, other):
    """It may be our own idea of a pong that is wrong; what a service pushes is no answer."""

    async def handler(ws):
        await welcome(ws)
        await ws.recv()
        await ws.send(answer)
        await ws.wait_closed()

    found = await seen(handler)

    assert (False, other) == (found.ponged, found.other_answer)


async def test_a_missing_pong_is_seen_and_not_a_timeout():
    """Welcomed, then no answer to the ping."""

    async def handler(ws):
        await welcome(ws)
        await ws.wait_closed()

    found = await seen(handler)

    assert (found.stage, found.ponged, found.close_code) == (Stage.WELCOMED, False, None)


async def test_another_identity_is_told():
    """Whom the welcome names is a fact; whether that is wrong is for others to say."""

    async def handler(ws):
        await welcome(ws, data={"user_id": "demo-user-7"})
        await pong(ws)
        await ws.wait_closed()

    assert (await seen(handler)).identity == "demo-user-7"


@pytest.mark.parametrize(("value", "expected"), [(7, "7"), ("", None), (None, None), (["x"], None), (True, None)])
async def test_only_a_name_or_number_is_an_identity(value, expected):
    """A number is one; whatever else stands there is none."""

    async def handler(ws):
        await welcome(ws, data={"user_id": value})
        await pong(ws)
        await ws.wait_closed()

    assert (await seen(handler)).identity == expected


# ── trouble ──────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_without_its_token_nothing_is_sent():
    """The route refused to mint: the socket is not even knocked at, and no token has traits."""
    knocked = []
    async with raw_peer(answers(401)) as auth, raw_peer(answers(403, b"", seen=knocked)) as port:
        issuer = RouteIssuer(name="route", identity=USER, request=request(auth))
        found = await glance(step(port, token=issuer))

    assert (found.seen.kind, found.seen.whose, found.token, knocked) == (
        TroubleKind.NO_TOKEN,
        Whose.TARGET,
        None,
        [],
    )


async def test_a_missing_secret_of_ours_is_not_the_targets_fault():
    """It goes up as what it is; `look` makes OWN_SECRET of it."""
    with pytest.raises(SecretUnavailable):
        await glance(step(1, token=replace(LOCAL, secret="nowhere")))


async def test_nobody_listening_is_trouble(unused_tcp_port):
    """The token's traits are there all the same."""
    found = await glance(step(unused_tcp_port))

    assert (found.seen.kind, found.seen.phase, found.token.issuer) == (
        TroubleKind.CONNECTION_REFUSED,
        Phase.CONNECT,
        "local",
    )


async def test_a_flood_without_a_welcome_is_trouble():
    """It is not read to its end."""

    async def handler(ws):
        while True:
            await ws.send(frame(type="noise"))
            await asyncio.sleep(0)

    found = await seen(handler, deadline_seconds=5.0)

    assert (found.kind, found.whose) == (TroubleKind.TOO_LARGE, Whose.TARGET)


async def test_a_flood_after_all_is_well_does_no_harm():
    """What was wanted came; we do not listen for ever."""

    async def handler(ws):
        await welcome(ws)
        await pong(ws)
        while True:
            await ws.send(frame(type="noise"))
            await asyncio.sleep(0)

    found = await seen(handler, deadline_seconds=5.0, grace_seconds=3.0)

    assert (found.stage, found.ponged, len(found.frames)) == (Stage.WELCOMED, True, 32)


async def test_an_endless_message_is_trouble():
    """More than 256 KiB in one message is not read."""
    found = await seen(lambda ws: ws.send("x" * 300_000))

    assert (type(found), found.kind) == (Trouble, TroubleKind.TOO_LARGE)


async def test_endless_nesting_is_no_frame():
    """A parser driven to its depth gives a text, and no exception."""

    async def handler(ws):
        await ws.send("[" * 100_000)
        await healthy(ws)

    assert (await seen(handler)).stage is Stage.WELCOMED


# ── what must not get out ────────────────────────────────────────────────────────────────────────────────────────────


def _token_of(ws):
    return ws.request.headers["Authorization"].removeprefix("Bearer ")


async def test_an_echoed_token_is_in_no_part_of_what_is_seen():
    """Error frames echo headers and whole subprotocols; types, codes, reasons and identities could too."""
    echoed = []

    async def handler(ws):
        token = _token_of(ws)
        echoed.append(token)
        wrapped = base64.urlsafe_b64encode(token.encode()).rstrip(b"=").decode()
        await welcome(ws, data={"user_id": token})
        await ws.send(frame(type=f"error {token}", error_code=token, error_message=f"got jwt.{wrapped} and {SECRET}"))
        await ws.close(1008, token[:100])

    found = await seen(handler)
    text = str(found)

    assert ([part for part in echoed[0].split(".") if part in text], SECRET in text, found.error_code) == (
        [],
        False,
        "[token]",
    )


async def test_an_echoed_token_of_no_known_shape_is_redacted_too():
    """An opaque token is known to the look that sent it."""
    opaque = "opaque-session-0123456789"
    body = json.dumps({"access_token": opaque}).encode()

    async def handler(ws):
        await ws.send(frame(type="error", code="X", message=f"what is {_token_of(ws)}?"))
        await ws.close(1008)

    async with raw_peer(answers(200, body)) as auth:
        issuer = RouteIssuer(name="route", identity=USER, request=request(auth))
        found = await seen(handler, token=issuer)

    assert found.error_message == "what is [token]?"


async def test_a_refusals_body_is_redacted_and_bounded():
    """A page that quotes the key and never ends is shown in part."""
    async with raw_peer(answers(403, f"{SECRET} \x1b[31m".encode() + b"x" * 9999)) as port:
        found = (await glance(step(port))).seen

    assert (found.body[:5], SECRET in found.body, "\x1b" in found.body, len(found.body.encode()) <= 2048) == (
        "[jwt]",
        False,
        False,
        True,
    )


async def test_texts_of_frames_are_bounded():
    """An endless type, code, text or identity is shown in part."""

    async def handler(ws):
        await welcome(ws, data={"user_id": "u" * 9999})
        await ws.send(frame(type="error" * 999, code="c" * 9999, message="m" * 9999))
        await ws.close(1008)

    found = await seen(handler)

    assert [len(text) for text in (found.identity, found.frames[1], found.error_code, found.error_message)] == [
        256,
        64,
        64,
        2048,
    ]


async def test_a_control_is_looked_at_like_any_other_step():
    """A forged token is sent just as a good one is; what came of it is seen."""
    forged = ForgedIssuer(name="forged", identity=USER, like=LOCAL)
    async with socket_peer(lambda ws: ws.close(1008, "bad signature")) as port:
        found = await glance(step(port, token=forged))

    assert (found.seen.close_code, found.token.issuer) == (1008, "forged")


async def test_spoofed_headers_go_with_the_handshake():
    """No token goes beside them."""
    heard = {}

    async def handler(ws):
        heard.update(ws.request.headers.raw_items())
        await ws.close(1008)

    spoofed = SpoofedIssuer(name="spoofed", identity=USER, headers={"X-User-ID": "{subject}"})
    async with socket_peer(handler) as port:
        found = await glance(step(port, token=spoofed))

    assert (SUBJECT, None, None) == (heard["X-User-ID"], heard.get("Authorization"), found.token)
