"""The edge: what passes, what it says by itself, and how it breaks off."""

import asyncio
import json
import socket
import statistics
import time

import httpx
import pytest
from websockets.asyncio.client import connect

from prober.lab.child import Child
from prober.lab.edge import RESET_AT_ONCE, Head
from prober.lab.faults import Fault
from prober.lab.settings import EdgeAnswer, EdgeSettings, SideSettings
from prober.lab.world import World

HEAD = b"GET /ws?token=x HTTP/1.1\r\nHost: a\r\nAUTHORIZATION : Bearer t\r\nConnection: keep-alive, Upgrade\r\n\r\n"


def before_backend(**settings):
    """Something only the edge before the backend does."""
    return Fault("made_up", "X", "Anything.", backend_edge=settings)


# ── what passes ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_head_is_read_as_it_is():
    """The path is without its query, and names of headers are known however they are written."""
    head = Head.parsed(HEAD)

    assert ("/ws", True, b"Bearer t") == (head.path, head.is_upgrade, head.value(b"authorization"))


def test_an_upgrade_is_passed_on_as_it_came():
    """All but the headers that are to be lost on the way."""
    head = Head.parsed(HEAD)

    assert head.forwarded() == HEAD
    assert head.forwarded(without=(b"authorization",)) == HEAD.replace(b"AUTHORIZATION : Bearer t\r\n", b"")


def test_a_connection_is_for_one_request():
    """Whatever the client wants of its connection, the service is told to close it."""
    head = Head.parsed(b"GET / HTTP/1.1\r\nConnection: keep-alive\r\nHost: a\r\n\r\n")

    assert head.forwarded() == b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"


@pytest.mark.parametrize("raw", [b"\r\n\r\n", b"hello\r\n\r\n", b"GET / HTTP/1.1 x\r\n\r\n", b"\x16\x03\x01\x02\x00"])
async def test_what_is_no_request_is_a_bad_one(real, raw):
    """It is answered with 400 by the edge itself, at once where it begins a TLS handshake, and the connection ends."""
    assert (await talk(real.world, raw)).startswith(b"HTTP/1.1 400 Bad Request")


async def test_a_head_without_end_is_not_waited_for(real):
    """More than the edge is willing to keep is no request either."""
    assert (await talk(real.world, b"GET / HTTP/1.1\r\nX: " + b"x" * 100_000)).startswith(b"HTTP/1.1 400")


async def talk(world, raw):
    """What the edge before the backend answers to these bytes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", int(world.backend_url.rpartition(":")[2]))
    writer.write(raw)
    answer = await asyncio.wait_for(reader.read(), 5)
    writer.close()
    return answer


async def test_large_bodies_pass(real):
    """A body of many times what the edge keeps at once arrives whole."""
    body = {"content": "x" * 2_000_000}
    answer = await real.backend("POST", "/api/chat/messages", real.local_token(), json=body)

    assert (200, "received") == (answer.status_code, answer.json()["status"])


async def test_who_does_not_read_is_not_read_from(echo):
    """The edge keeps little of what a slow client does not take: the service has to wait."""
    world_port, sent = echo
    edge = await started(EdgeSettings(backend=SideSettings(upstream_port=world_port)))
    reader, writer = await asyncio.open_connection("127.0.0.1", edge.ports[1], limit=1024)
    writer.write(b"GET / HTTP/1.1\r\n\r\n")
    await reader.readline()
    await asyncio.sleep(0.5)
    waiting = sent[0]
    await asyncio.sleep(0.2)
    still = sent[0]
    writer.close()
    await edge.close()

    assert 0 < waiting == still < 40_000_000


@pytest.fixture
async def echo():
    """A service that talks without end, and how much it has got rid of."""
    sent = [0]

    async def talk_on(_, writer):
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        try:
            while True:
                writer.write(bytes(100_000))
                await writer.drain()
                sent[0] += 100_000
        except OSError:
            writer.close()

    server = await asyncio.start_server(talk_on, "127.0.0.1", 0)
    yield server.sockets[0].getsockname()[1], sent
    server.close()


async def started(settings):
    """An edge of the test's own."""
    edge = Child("prober.lab.edge", "key", doors=3)
    edge.keep_ports()
    await edge.be(settings.to_document())
    return edge


@pytest.mark.parametrize(
    ("request_", "resets", "asked", "answer"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", 1, 2, b"HTTP/1.1 204 No Content\r\n\r\n"),
        (b"GET / HTTP/1.1\r\n\r\n", 2, 2, b""),
        (b"POST / HTTP/1.1\r\nContent-Length: 1\r\n\r\nx", 1, 1, b""),
    ],
    ids=["once", "twice", "with-a-body"],
)
async def test_an_instance_that_goes_while_we_knock(request_, resets, asked, answer):
    """A question that was reset unanswered is asked once more; one with a body might be done twice, and is not."""
    knocks = []

    async def reset_then_answer(reader, writer):
        knocks.append(await reader.readuntil(b"\r\n\r\n"))
        if len(knocks) <= resets:
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_AT_ONCE)
            writer.transport.abort()
        else:
            writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
            writer.close()

    service = await asyncio.start_server(reset_then_answer, "127.0.0.1", 0)
    edge = await started(EdgeSettings(backend=SideSettings(upstream_port=service.sockets[0].getsockname()[1])))
    reader, writer = await asyncio.open_connection("127.0.0.1", edge.ports[1])
    writer.write(request_)
    heard = await asyncio.wait_for(reader.read(), 10)
    writer.close()
    await edge.close()
    service.close()

    assert (asked, answer) == (len(knocks), heard)


async def test_a_service_that_goes_is_gone_for_the_client(visit):
    """A crash of the service cuts the connections that pass through the edge."""
    async with World() as world:
        visitor = visit(world)
        headers = {"authorization": f"Bearer {visitor.local_token()}"}
        url = world.backend_url.replace("http", "ws", 1) + "/ws"
        async with connect(url, additional_headers=headers, proxy=None) as socket:
            await socket.recv()
            await world.change("backend_down")
            await asyncio.wait_for(socket.wait_closed(), 2)

            assert socket.close_code == 1006


async def test_strangers_do_not_control_it(real):
    """Without the lab's key there is no control path; the services' own cannot be reached through the edge."""
    answers = [
        await real.client.put(f"{real.world.backend_url}/-/lab/settings", json={}, headers=headers)
        for headers in ({}, {"authorization": "Bearer guess"})
    ]

    assert [404, 404] == [answer.status_code for answer in answers]


# ── what it says by itself ───────────────────────────────────────────────────────────────────────────────────────────


async def test_the_edge_refuses_with_a_page_of_its_own(real):
    """A refusal of the edge is HTML, on the API and on the socket; health is let through, and so is who goes around."""
    await real.world.change("edge_blocks_request")
    refused, heard = await real.messages(real.local_token()), await real.hear(real.local_token())
    direct = await real.client.get(f"{real.world.backend_direct_url}/api/chat/messages")

    assert (403, 403) == (refused.status_code, heard.status)
    assert refused.text.startswith("<html>")
    assert heard.body.startswith(b"<html>")
    assert "x-service-name" not in refused.headers
    assert (await real.backend("GET", "/health")).status_code == 200
    assert "error_code" in direct.json()


@pytest.mark.parametrize("visitor", ["real", "reports"], indirect=True)
async def test_nobody_behind_it_is_a_503_in_plain_text(visitor):
    """As Google's front end says it, to requests and to upgrades."""
    await visitor.world.change("backend_down")
    answer, heard = await visitor.backend("GET", "/health"), await visitor.hear(visitor.local_token())

    assert (503, "Service Unavailable", "text/plain") == (
        answer.status_code,
        answer.text,
        answer.headers["content-type"],
    )
    assert (503, b"Service Unavailable") == (heard.status, heard.body)


ANSWERS = (
    EdgeAnswer(
        path="/api/",
        status=429,
        content_type="application/json",
        body='{"error": "rate limited"}',
        headers={"Retry-After": "30"},
    ),
    EdgeAnswer(path="/health", status=302, headers={"Location": "https://login.example/"}),
    EdgeAnswer(path="", status=200, content_type="text/html", body="<html>Welcome</html>"),
)


async def test_it_can_be_made_to_say_anything(real):
    """Status, type, body and headers are given by the beginning of the path; the first that fits counts."""
    await real.world.change(before_backend(answers=ANSWERS))
    limited = await real.messages(real.local_token())
    login = await real.backend("GET", "/health")
    page = await real.backend("GET", "/anything")

    assert (429, "30", {"error": "rate limited"}) == (
        limited.status_code,
        limited.headers["retry-after"],
        limited.json(),
    )
    assert (302, "https://login.example/") == (login.status_code, login.headers["location"])
    assert (200, "text/html", "<html>Welcome</html>") == (
        page.status_code,
        page.headers["content-type"],
        page.text,
    )
    assert (await real.auth("GET", "/health")).json()["service"] == "auth-service"


async def test_an_answer_that_does_not_wait_for_the_body_arrives(real):
    """A client that is still sending when the edge has said no hears the no."""
    await real.world.change(before_backend(answers=(EdgeAnswer(path="/api/", status=413),)))

    assert (await real.backend("POST", "/api/chat/messages", json={"x": "x" * 100_000})).status_code == 413


def test_settings_of_the_edge_survive_json():
    """Settings written as JSON and read again are the same settings, answers and all."""
    settings = EdgeSettings(backend=SideSettings(answers=ANSWERS, refused_paths=("/api/",), upstream_port=80))

    assert settings == EdgeSettings.from_document(json.loads(json.dumps(settings.to_document())))


# ── how it breaks off ────────────────────────────────────────────────────────────────────────────────────────────────


async def test_it_can_hang_up_without_an_answer(real):
    """The connection is reset: nothing was said."""
    await real.world.change(before_backend(reset_paths=("/api/",)))
    with pytest.raises(httpx.ReadError):
        await real.messages(real.local_token())

    assert (await real.backend("GET", "/health")).status_code == 200


async def test_it_can_cut_an_answer_short(real):
    """The head is whole, of the body comes what was granted."""
    await real.world.change(before_backend(cut_paths=("/health",), cut_after_bytes=10))
    with pytest.raises(httpx.RemoteProtocolError, match="received 10 bytes"):
        await real.backend("GET", "/health")


async def test_it_can_cut_a_socket_short(real):
    """After the upgrade as many bytes as were granted, then nothing and no goodbye."""
    await real.world.change(before_backend(cut_paths=("/ws",), cut_after_bytes=150))
    heard = await real.hear(real.local_token())

    assert (101, 1006) == (heard.status, heard.close)


# ── latency ──────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_it_can_be_slow_and_the_backend_does_not_feel_it(real):
    """Each request and each upgrade takes a time of its own; what the services say to each other does not pass here."""
    slow = {"latency_min_seconds": 0.1, "latency_max_seconds": 0.5, "noise_seed": 7}
    await real.world.change(Fault("slow", "X", "Slow.", auth_edge=slow, backend_edge=slow))
    seconds, seen = [], set()
    for _ in range(5):
        begun = time.monotonic()
        seen.add((await real.messages(real.local_token())).status_code)
        seconds.append(time.monotonic() - begun)

    assert {200} == seen
    assert 0.1 <= min(seconds) <= max(seconds) < 1.5
    assert statistics.pstdev(seconds) > 0.02
    assert (await real.hear(real.local_token())).user == "staging-e2e-user-001"
