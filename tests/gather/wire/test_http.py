import asyncio
import gzip
import itertools
import json
import os
import socket
import sys
from collections import Counter
from collections.abc import Coroutine

import pytest
import trustme
from dirty_equals import IsStr

from prober.gather.clock import PhaseWatch, SystemClock
from prober.gather.wire.http import BODY_LIMIT_BYTES, TRANSPORTS, USER_AGENT, HttpWire, Outgoing
from prober.model.observation import HttpSeen
from prober.model.reach import Reach, networks
from prober.model.secret import Redactor, Secret
from prober.model.trouble import Phase, Trouble, TroubleKind, Whose
from tests.gather.scripted import (
    OK,
    PAST,
    answers,
    floods,
    hangs_up,
    http,
    peer,
    resets,
    server_tls,
    silent,
    unused_port,
)

KEY = "the-bypass-key/with+signs"
TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ1In0.c2lnbmF0dXJl"
EVENTS = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"
REQUEST_PHASES = [Phase.CONNECT, Phase.REQUEST, Phase.FIRST_BYTE, Phase.TRANSFER]


@pytest.fixture
def watch():
    """A watch that has timed nothing yet."""
    return PhaseWatch(SystemClock())


@pytest.fixture(params=TRANSPORTS)
async def wire(request, monkeypatch):
    """A wire that knows one secret, over each transport: they see the same."""
    monkeypatch.setenv("PROBER_TRANSPORT", request.param)
    wire = HttpWire(Redactor([Secret("bypass", KEY)]), reach=Reach(networks("loopback")))
    yield wire
    await wire.aclose()


@pytest.fixture
async def names(monkeypatch):
    """A resolver that knows what the test tells it."""
    known = {}

    def getaddrinfo(host, port, **_):
        """Answer as the test says."""
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in known[host]]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return known


@pytest.fixture(scope="module")
def authority():
    """An authority that nobody knows."""
    return trustme.CA()


@pytest.fixture
def ca_file(authority, tmp_path):
    """What it takes to trust the authority."""
    path = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(path))
    return str(path)


def get(url: str, **more) -> Outgoing:
    """A request with sane defaults."""
    return Outgoing(**{"method": "GET", "url": url, "headers": {}} | more)


# ── what is seen ─────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_an_answer_is_seen(wire, watch):
    """Status, the headers that tell something, body, length and JSON."""
    async with peer(answers(http(b'{"valid": true}', "Content-Type: application/json", "Set-Cookie: a=b"))) as here:
        exchange = await wire.send(get(here.url), watch)

    expected = HttpSeen(
        status=200,
        headers={"content-type": "application/json", "content-length": "15"},
        body='{"valid": true}',
        body_bytes=15,
        json={"valid": True},
    )
    assert expected == exchange.seen
    assert b'{"valid": true}' == exchange.raw


@pytest.mark.parametrize("status", ["401 Unauthorized", "403 Forbidden", "500 Oops", "204 No Content"])
async def test_any_status_is_a_fact(wire, watch, status):
    """A refusal is an answer, not trouble."""
    async with peer(answers(f"HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n".encode())) as here:
        exchange = await wire.send(get(here.url), watch)

    assert int(status[:3]) == exchange.seen.status


async def test_the_request_arrives_as_it_was_meant(wire, watch):
    """Method, path, host, body; our name; and no encoding that would have to be undone."""
    async with peer(answers(OK)) as here:
        url = f"{here.url}/auth/validate?a=b%2Fc"
        await wire.send(get(url, method="POST", headers={"X-Service-ID": "backend"}, body=b"{}"), watch)

    head, _, body = here.requests[0].partition(b"\r\n\r\n")
    start, *lines = head.decode().split("\r\n")
    headers = dict(line.lower().split(": ", 1) for line in lines)
    assert "POST /auth/validate?a=b%2Fc HTTP/1.1" == start
    assert b"{}" == body
    assert {
        "host": here.place,
        "accept": "*/*",
        "user-agent": USER_AGENT,
        "x-service-id": "backend",
        "accept-encoding": "identity",
        "content-length": "2",
    } == headers


async def test_a_request_may_replace_our_defaults(wire, watch):
    """A header that the config names is sent once, as the config has it, in whatever case."""
    async with peer(answers(OK)) as here:
        await wire.send(get(here.url, headers={"user-agent": "mine", "HOST": "other.test"}), watch)

    assert 1 == here.requests[0].lower().count(b"user-agent:")
    assert b"other.test" in here.requests[0]
    assert here.place.encode() not in here.requests[0]


async def test_our_name_is_stable():
    """The owner of a target can filter on it."""
    assert IsStr(regex=r"prober/[\w.]+") == USER_AGENT


async def test_each_probe_connects_anew(wire, watch):
    """What connecting takes is seen every time, never saved by an earlier probe."""
    keeps_open = answers(OK, then=silent)
    async with peer(keeps_open) as here:
        for _ in range(2):
            watch.durations.clear()
            await wire.send(get(here.url), watch)

            assert REQUEST_PHASES == list(watch.durations)


async def test_cookies_are_not_carried_over(wire, watch):
    """A probe knows nothing of the one before."""
    async with peer(answers(http(b"", "Set-Cookie: session=1; Path=/"))) as here:
        for _ in range(2):
            await wire.send(get(here.url), watch)

    assert b"ookie" not in here.requests[1]


# ── redaction ────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_secrets_and_tokens_are_blotted_out_everywhere(wire, watch):
    """Body, JSON and location may say what was sent; nobody who reads them learns it. Only `raw` still has it."""
    body = json.dumps({"access_token": TOKEN, "key": KEY}).replace("/", "\\/").encode()
    async with peer(answers(http(body, f"Location: /login?token={TOKEN}", status="302 Found"))) as here:
        exchange = await wire.send(get(here.url), watch)

    assert '{"access_token": "[token]", "key": "[bypass]"}' == exchange.seen.body
    assert {"access_token": "[token]", "key": "[bypass]"} == exchange.seen.json
    assert "/login?token=[token]" == exchange.seen.headers["location"]
    assert body == exchange.raw


async def test_a_request_and_an_exchange_do_not_print_what_they_hold(wire, watch):
    """Not even a traceback shows them."""
    async with peer(answers(http(TOKEN.encode()))) as here:
        outgoing = get(here.url, headers={"X-E2E-Bypass-Key": KEY})
        exchange = await wire.send(outgoing, watch)

    assert KEY not in repr(outgoing)
    assert TOKEN not in repr(exchange)


async def test_a_header_that_cannot_be_sent_is_our_fault_and_is_not_quoted(wire, watch):
    """The library's text quotes the value; ours does not."""
    async with peer(answers(OK)) as here:
        exchange = await wire.send(get(here.url, headers={"X-Key": "some\nsecret"}), watch)

    detail = f"what was to be sent to {here.place} is not valid HTTP"
    assert Trouble(TroubleKind.OWN_FAULT, Whose.PROBER, detail, Phase.REQUEST) == exchange.seen
    assert [] == here.requests


# ── bounds ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
async def test_an_endless_body_ends(wire, watch, stream):
    """We read 256 KiB, then say that it was too much."""
    async with peer(floods(b"HTTP/1.1 200 OK\r\n\r\n", b"x" * 65536)) as here:
        exchange = await wire.send(get(here.url, stream=stream), watch)

    detail = f"the answer of {here.place} is longer than 256 KiB"
    assert Trouble(TroubleKind.TOO_LARGE, Whose.TARGET, detail, Phase.TRANSFER) == exchange.seen


async def test_a_body_of_the_limit_is_read(wire, watch):
    """The bound lets through what it says, and shows the first 2 KiB of it."""
    async with peer(answers(http(b"x" * BODY_LIMIT_BYTES))) as here:
        exchange = await wire.send(get(here.url), watch)

    assert (BODY_LIMIT_BYTES, 2048) == (exchange.seen.body_bytes, len(exchange.seen.body))


async def test_an_encoded_body_is_not_decoded(wire, watch):
    """Ten megabytes in ten kilobytes: we asked for none of it, and leave it folded."""
    bomb = gzip.compress(b'{"a":"' + b"0" * 10_000_000 + b'"}')
    async with peer(answers(http(bomb, "Content-Encoding: gzip"))) as here:
        exchange = await wire.send(get(here.url, stream=True), watch)

    assert (200, "", None, len(bomb)) == (
        exchange.seen.status,
        exchange.seen.body,
        exchange.seen.json,
        exchange.seen.body_bytes,
    )
    assert b"" == exchange.raw


async def test_endless_headers_end(wire, watch):
    """300 kB of headers is no HTTP that anybody speaks."""
    async with peer(answers(b"HTTP/1.1 200 OK\r\nX-A: " + b"a" * 300_000 + b"\r\n\r\n")) as here:
        exchange = await wire.send(get(here.url), watch)

    detail = f"what {here.place} sent is not valid HTTP"
    assert Trouble(TroubleKind.PROTOCOL, Whose.TARGET, detail, Phase.FIRST_BYTE) == exchange.seen


# ── where a probe goes ───────────────────────────────────────────────────────────────────────────────────────────────


async def test_redirects_are_not_followed(wire, watch):
    """A redirect is an answer; the host it points to never hears of us, or of our key."""
    async with peer(answers(OK)) as other:
        redirect = http(b"", f"Location: {other.url}/there", status="307 Temporary Redirect")
        async with peer(answers(redirect)) as here:
            exchange = await wire.send(get(here.url, headers={"X-E2E-Bypass-Key": KEY}), watch)

    assert (307, f"{other.url}/there") == (exchange.seen.status, exchange.seen.headers["location"])
    assert [] == other.requests


async def test_proxies_of_the_environment_are_ignored(wire, watch, monkeypatch):
    """A variable in somebody's shell does not reroute our keys."""
    async with peer(answers(OK)) as proxy, peer(answers(OK)) as here:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy.url)
        monkeypatch.setenv("NO_PROXY", "")
        await wire.send(get(here.url), watch)

    assert (0, 1) == (len(proxy.requests), len(here.requests))


async def test_the_next_address_is_tried_when_one_does_not_connect(wire, watch, names):
    """A name with a dead address first is still alive; the name stays in the request."""
    names["both.test"] = ["127.0.0.2", "127.0.0.1"]
    async with peer(answers(OK)) as here:
        exchange = await wire.send(get(f"http://both.test:{here.port}/"), watch)

    assert 200 == exchange.seen.status
    assert f"Host: both.test:{here.port}".encode() in here.requests[0]


async def test_localhost_is_found_wherever_it_listens(wire, watch):
    """`localhost` may mean ::1 first; a server on 127.0.0.1 alone is found."""
    async with peer(answers(OK)) as here:
        exchange = await wire.send(get(f"http://localhost:{here.port}/"), watch)

    assert 200 == exchange.seen.status


async def test_an_answer_is_not_looked_for_elsewhere(wire, watch, names):
    """An address that connected and then failed is what there is to see."""
    names["both.test"] = ["127.0.0.1", "127.0.0.2"]
    async with peer(hangs_up) as here:
        exchange = await wire.send(get(f"http://both.test:{here.port}/"), watch)

    assert (TroubleKind.RESET, Phase.FIRST_BYTE) == (exchange.seen.kind, exchange.seen.phase)


# ── what keeps us ────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_nobody_listens(wire, watch):
    """Refused, and by whom."""
    port = unused_port()

    exchange = await wire.send(get(f"http://127.0.0.1:{port}/"), watch)

    detail = f"connection refused by 127.0.0.1:{port}"
    assert Trouble(TroubleKind.CONNECTION_REFUSED, Whose.TARGET, detail, Phase.CONNECT) == exchange.seen


@pytest.mark.parametrize(
    ("script", "where", "detail"),
    [
        (hangs_up, (TroubleKind.RESET, Phase.FIRST_BYTE), r"connection (closed by .* before an answer|cut by .*)"),
        (answers(then=resets), (TroubleKind.RESET, Phase.FIRST_BYTE), r"connection cut by .*"),
        (answers(OK[:-1], then=hangs_up), (TroubleKind.RESET, Phase.TRANSFER), r".* in the middle of the answer"),
        (answers(OK[:-1], pause=0.02, then=resets), (TroubleKind.RESET, Phase.TRANSFER), r"connection cut by .*"),
        (answers(b"SSH-2.0-OpenSSH\r\n\r\n"), (TroubleKind.PROTOCOL, Phase.FIRST_BYTE), r"what .* is not valid HTTP"),
        (answers(b"\x16\x03\x01\x00\xff\r\n\r\n"), (TroubleKind.PROTOCOL, Phase.FIRST_BYTE), r"what .* not valid HTTP"),
    ],
    ids=["hangs up", "resets", "cut short", "resets in the body", "another protocol", "bytes"],
)
async def test_a_broken_answer_is_trouble(wire, watch, script, where, detail):
    """Each way of not answering is told apart, with the phase it was in."""
    async with peer(script) as here:
        exchange = await wire.send(get(here.url), watch)

    kind, phase = where
    assert Trouble(kind, Whose.TARGET, IsStr(regex=detail), phase) == exchange.seen


@pytest.mark.parametrize(
    ("script", "phase"),
    [
        (silent, Phase.FIRST_BYTE),
        (answers(*[bytes([byte]) for byte in OK], pause=0.05), Phase.FIRST_BYTE),
        (answers(b"HTTP/1.1 200 OK\r\n\r\n", *[b"x"] * 100, pause=0.02), Phase.TRANSFER),
    ],
    ids=["silence", "dripping headers", "dripping body"],
)
async def test_a_deadline_shows_the_phase_it_cut(wire, watch, script, phase):
    """A drip defeats a timeout for each read; ours is for the whole, and says where the time went."""
    async with peer(script) as here:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.4):
                await wire.send(get(here.url), watch)

    assert phase == watch.current
    assert 0.1 < watch.durations[phase] < 5


async def test_phases_add_up_to_the_duration(wire, watch):
    """No time is booked twice, and hardly any is lost."""
    clock = SystemClock()
    async with peer(answers(b"HTTP/1.1 200 OK\r\n\r\n", b"hi", pause=0.1)) as here:
        await wire.send(get(here.url), watch)  # the first one also makes the transport
        watch.durations.clear()
        started = clock.seconds()
        await wire.send(get(here.url), watch)
        took = clock.seconds() - started

    assert REQUEST_PHASES == list(watch.durations)
    assert 0.0 <= took - sum(watch.durations.values()) < 0.1
    assert watch.current is None


# ── streams ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "parts",
    [
        [b': hello\nevent: x\ndata: {"type":"stream_start"}\n\n'],
        [b"event: database: x\r\nda", b'ta: {"type":"stream', b'_start"}\r\n'],
        [b'data:{"type":"stream_start"}\r', b"data: second\r"],
    ],
    ids=["one part", "in pieces", "carriage returns"],
)
async def test_a_stream_is_read_to_its_first_event(wire, watch, parts):
    """The first event is here, and nobody waits for the end of the stream."""
    async with peer(answers(EVENTS, *parts, pause=0.02, then=silent)) as here, asyncio.timeout(10):
        exchange = await wire.send(get(here.url, stream=True), watch)

    assert '{"type":"stream_start"}' == exchange.seen.first_event
    assert watch.current is None


async def test_the_end_of_a_stream_ends_its_line(wire, watch):
    """An event without a newline is an event when nothing follows."""
    async with peer(answers(EVENTS + b"data: last words")) as here:
        exchange = await wire.send(get(here.url, stream=True), watch)

    assert "last words" == exchange.seen.first_event


async def test_the_first_event_is_redacted_and_bounded(wire, watch):
    """It may echo the token, and it may be long."""
    async with peer(answers(EVENTS + b"data: " + TOKEN.encode() + b" " + b"x" * 5000 + b"\n\n")) as here:
        exchange = await wire.send(get(here.url, stream=True), watch)

    assert "[token] " + "x" * 1016 == exchange.seen.first_event


async def test_a_refused_stream_is_an_ordinary_answer(wire, watch):
    """A 401 has a body and no event."""
    async with peer(answers(http(b'{"error_code":"AUTH_FAILED"}', status="401 Unauthorized"))) as here:
        exchange = await wire.send(get(here.url, stream=True), watch)

    assert (401, {"error_code": "AUTH_FAILED"}, None) == (
        exchange.seen.status,
        exchange.seen.json,
        exchange.seen.first_event,
    )


# ── TLS ──────────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_tls_is_a_phase_of_its_own(wire, watch, authority, ca_file):
    """A name that the certificate is good for, by an authority that was configured."""
    async with peer(answers(OK), tls=server_tls(authority, "localhost")) as here:
        exchange = await wire.send(get(f"https://localhost:{here.port}/", ca_file=ca_file), watch)

    assert 200 == exchange.seen.status
    assert [Phase.RESOLVE, Phase.CONNECT, Phase.TLS, *REQUEST_PHASES[1:]] == list(watch.durations)


@pytest.mark.parametrize(
    "case",
    [
        ("localhost", None, False, r".*(self-signed certificate|unable to get local issuer).*"),
        ("localhost", PAST.replace(year=2021), True, r".*certificate has expired"),
        ("other.test", None, True, r".*(hostname mismatch|Hostname mismatch).*"),
    ],
    ids=["untrusted", "expired", "wrong name"],
)
async def test_a_certificate_that_proves_nothing_is_trouble(wire, watch, authority, ca_file, case):
    """Nothing is sent to whoever cannot prove a name; what was wrong is said."""
    certified, not_after, trusts, why = case
    tls = server_tls(authority, certified, not_after=not_after)
    async with peer(answers(OK), tls=tls) as here:
        url = f"https://localhost:{here.port}/"
        exchange = await wire.send(get(url, ca_file=ca_file if trusts else None), watch)

    assert Trouble(TroubleKind.TLS, Whose.TARGET, IsStr(regex=why), Phase.TLS) == exchange.seen
    assert [] == here.requests


async def test_an_answer_in_the_clear_is_no_tls(wire, watch):
    """Somebody speaks HTTP on the port that should speak TLS."""

    async def plain(reader, writer, _here):
        """Speak HTTP where TLS is due."""
        await reader.read(1)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await writer.drain()
        await asyncio.sleep(30)

    async with peer(plain) as here:
        exchange = await wire.send(get(f"https://{here.place}/"), watch)

    assert Trouble(TroubleKind.TLS, Whose.TARGET, IsStr(regex="no TLS with .*"), Phase.TLS) == exchange.seen


@pytest.mark.parametrize("script", [hangs_up, resets])
async def test_a_handshake_that_is_cut_is_a_reset(wire, watch, script):
    """The connection went away; that it was in the handshake is told by the phase."""
    async with peer(script) as here:
        exchange = await wire.send(get(f"https://{here.place}/"), watch)

    assert (TroubleKind.RESET, Phase.TLS) == (exchange.seen.kind, exchange.seen.phase)


async def test_a_deadline_in_the_handshake_leaves_no_connection_behind(wire, watch):
    """The one who fell silent sees us leave."""
    left = asyncio.Event()

    async def until_the_end(reader, _writer, _here):
        """Fall silent, and note when the other leaves."""
        await reader.read()
        left.set()

    async with peer(until_the_end) as here:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await wire.send(get(f"https://{here.place}/"), watch)
        await asyncio.wait_for(left.wait(), 5)

    assert Phase.TLS == watch.current


async def test_a_ca_file_that_cannot_be_read_is_our_fault(wire, watch, tmp_path):
    """The target is not blamed, and nothing is sent to it."""
    exchange = await wire.send(get("https://127.0.0.1:1/", ca_file=str(tmp_path / "none.pem")), watch)

    assert (TroubleKind.OWN_FAULT, Whose.PROBER) == (exchange.seen.kind, exchange.seen.whose)


async def test_where_nothing_is_encrypted_nobody_is_trusted(monkeypatch):
    """The system's store takes 59 ms to load, in which all else stands still: plain HTTP has no use for it."""

    def loaded(_ca_file):
        """The store is loaded."""
        raise ZeroDivisionError

    monkeypatch.setattr("prober.gather.wire.http.tls_context", loaded)
    wire = HttpWire(Redactor())
    async with peer(answers(OK)) as here:
        plain = await wire.send(get(here.url), PhaseWatch(SystemClock()))
        with pytest.raises(ZeroDivisionError):
            await wire.send(get(here.url.replace("http", "https")), PhaseWatch(SystemClock()))
    await wire.aclose()

    assert 200 == plain.seen.status


async def test_an_answer_that_holds_nothing_is_looked_through_once():
    """Its headers and its body, as text and as JSON, together: that is most of what redaction costs."""
    looked = []
    wire = HttpWire(lambda text: looked.append(text) or text)
    said = b"HTTP/1.1 200 OK\r\nServer: one\r\nContent-Length: 14\r\n\r\n" + b'{"is": "well"}'
    async with peer(answers(said)) as here:
        exchange = await wire.send(get(here.url), PhaseWatch(SystemClock()))
    await wire.aclose()

    assert [f"one 14 {exchange.seen.body}"] == looked


FIRST_LOOK = """
import asyncio, sys
from prober.gather.clock import PhaseWatch, SystemClock
from prober.gather.wire.http import HttpWire, Outgoing

async def answer(reader, writer):
    await reader.readuntil(b"\\r\\n\\r\\n")
    writer.write(b"HTTP/1.1 200 OK\\r\\nContent-Length: 0\\r\\n\\r\\n")
    writer.close()

async def look():
    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    wire = HttpWire(lambda text: text)
    call = Outgoing(method="GET", url=f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/", headers={})
    before = set(sys.modules)
    exchange = await wire.send(call, PhaseWatch(SystemClock()))
    print(exchange.seen.status, sorted(sys.modules.keys() - before))
    await wire.aclose()

asyncio.run(look())
"""


@pytest.mark.parametrize("transport", ["lean", "stock"])
async def test_the_first_look_of_a_process_loads_nothing(transport):
    """It would book 0.2 s of our own on its target, and more on a busy machine: auth seemed slow by that."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        FIRST_LOOK,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env={**os.environ, "PROBER_TRANSPORT": transport},
    )
    told, _ = await asyncio.wait_for(process.communicate(), 60)

    assert "200 []" == told.decode().strip()


class _Counted(Coroutine):
    """A coroutine whose task is cancelled the `at`-th time that it goes on."""

    def __init__(self, inner, at):
        """Count from 1."""
        self.inner, self.at, self.count = inner, at, 0

    def send(self, value):
        """Go on, and be cancelled at the next await."""
        self.count += 1
        if self.count == self.at:
            asyncio.current_task().cancel()
        return self.inner.send(value)

    def throw(self, *error):
        """Raise in it."""
        return self.inner.throw(*error)

    def close(self):
        """End it."""
        self.inner.close()

    def __await__(self):
        return self.inner.__await__()


async def test_whoever_is_cancelled_leaves_nothing_open(wire):
    """At whichever await; while an answer is put away httpcore forgets its connection, which then stays for ever."""
    there = Counter()

    async def script(reader, writer, _here):
        """Answer one request, and wait until the other side has gone."""
        there["now"] += 1
        try:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(OK)
            await reader.read()
        finally:
            there["now"] -= 1

    async with peer(script) as here:
        for at in itertools.count(1):
            counted = _Counted(
                wire.send(Outgoing(method="GET", url=here.url, headers={}), PhaseWatch(SystemClock())), at
            )
            task = asyncio.get_running_loop().create_task(counted)
            await asyncio.wait([task])
            await asyncio.sleep(0.02)
            pools = [each._pool for each in wire._transports.values() if hasattr(each, "_pool")]  # the stock one

            assert (at, 0, []) == (at, there["now"], [kept for pool in pools for kept in pool.connections])
            if counted.count < at:
                break

    assert at > 3
    assert not task.cancelled()
