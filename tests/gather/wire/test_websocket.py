"""The WebSocket wire against real servers, good and bad."""

import asyncio
import contextlib
import http
import logging
import socket
import ssl

import pytest
import trustme
from websockets.asyncio.client import connect

from prober.gather.clock import PhaseWatch, SystemClock
from prober.gather.wire.http import USER_AGENT
from prober.gather.wire.websocket import (
    CLIENTS,
    MOST_BYTES,
    MOST_MESSAGES,
    Ending,
    Refused,
    Socket,
    WebSocketWire,
)
from prober.gather.wire.websocket_call import LARGEST_MESSAGE_BYTES, Call
from prober.model.observation import Initiator
from prober.model.trouble import Phase, Trouble, TroubleKind, Whose
from tests.gather.peers import answers, raw_peer, socket_peer


@pytest.fixture(params=CLIENTS, autouse=True)
def client(monkeypatch, request):
    """All that holds, holds over each."""
    monkeypatch.setenv("PROBER_TRANSPORT", request.param)
    return request.param


def _watch():
    return PhaseWatch(SystemClock())


@contextlib.asynccontextmanager
async def _opened(port, watch=None, scheme="ws", host="127.0.0.1", **more):
    call = Call(url=f"{scheme}://{host}:{port}/ws", **{"open_seconds": 2.0, "close_seconds": 0.2, **more})
    async with WebSocketWire(lambda text: text).open(call, watch or _watch()) as opened:
        yield opened


async def _met(port, **more):
    """What opening comes to when it is no socket."""
    async with _opened(port, **more) as opened:
        return opened


async def _all(sock):
    """Every message until the end."""
    heard = []
    while (message := await sock.receive()) is not None:
        heard.append(message)
    return heard


async def _heard_from(handler, **more):
    """All messages of a peer, and the socket once it is closed."""
    async with socket_peer(handler) as port, _opened(port, **more) as sock:
        heard = await _all(sock)
        await sock.close()
        return heard, sock


# ── opening ──────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_socket_opens_and_says_who_we_are():
    """Headers, a stable user agent, the wanted path; no compression is offered."""
    heard = {}

    async def handler(ws):
        heard.update(ws.request.headers, path=ws.request.path)

    async with socket_peer(handler) as port, _opened(port, headers={"X-Probe-Run": "r1"}) as sock:
        await sock.receive()

    names = ("x-probe-run", "user-agent", "path", "sec-websocket-extensions", "host")
    assert [heard.get(name) for name in names] == ["r1", USER_AGENT, "/ws", None, f"127.0.0.1:{port}"]


async def test_the_peer_chooses_the_subprotocol():
    """What it chose is a fact."""

    async def handler(ws):
        await ws.wait_closed()

    offered = ("jwt-auth", "jwt.abc")
    async with socket_peer(handler, subprotocols=["jwt-auth"]) as port, _opened(port, subprotocols=offered) as sock:
        chosen = sock.subprotocol

    assert chosen == "jwt-auth"


@pytest.mark.parametrize(
    ("status", "body"), [(403, b""), (401, b'{"detail":"no"}'), (500, b"Internal Server Error"), (200, b"hello")]
)
async def test_a_refused_handshake_is_a_fact(status, body):
    """Status, headers and body come back as a value."""
    async with raw_peer(answers(status, body, "X-Service-Version: 7")) as port:
        refused = await _met(port)

    assert (refused.status, refused.body, refused.headers["x-service-version"]) == (status, body.decode(), "7")


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_answered_by_nobody_else(status):
    """Credentials do not follow to the second host, which is never asked."""
    asked = []
    async with (
        raw_peer(answers(200, b"", seen=asked)) as other,
        raw_peer(answers(status, b"", f"Location: ws://127.0.0.1:{other}/ws")) as port,
    ):
        refused = await _met(port, headers={"Authorization": "Bearer x"})

    assert (refused.status, asked) == (status, [])


@pytest.mark.parametrize("name", ["http_proxy", "https_proxy", "all_proxy", "ws_proxy", "HTTP_PROXY", "ALL_PROXY"])
async def test_a_proxy_in_the_environment_is_ignored(monkeypatch, name):
    """A variable in somebody's shell must not send our tokens elsewhere."""
    monkeypatch.setenv(name, "http://127.0.0.1:1")
    async with raw_peer(answers(403)) as port:
        refused = await _met(port)

    assert refused.status == http.HTTPStatus.FORBIDDEN


async def test_a_repeated_header_does_not_matter():
    """Two headers of one name are no reason to see nothing."""
    async with raw_peer(answers(403, b"", "Via: a", "Via: b")) as port:
        refused = await _met(port)

    assert refused.headers["via"] == "b"


@pytest.mark.parametrize(
    "headers", [{"Authorization": "Bearer a\r\nX-Evil: b"}, {"A b": "c"}, {"X": "é"}, {"X": "a\x00"}]
)
async def test_no_value_can_write_headers_of_its_own(headers):
    """A token out of a hostile answer could hold a line break; then nothing is sent."""
    asked = []
    async with raw_peer(answers(403, b"", seen=asked)) as port:
        trouble = await _met(port, headers=headers)

    assert (trouble.kind, trouble.whose, asked) == (TroubleKind.OWN_FAULT, Whose.PROBER, [])


async def test_no_subprotocol_can_write_headers():
    """It may hold a token, and a hostile one a line break."""
    asked = []
    async with raw_peer(answers(403, b"", seen=asked)) as port:
        trouble = await _met(port, subprotocols=("jwt-auth", "jwt.a\r\nX-Evil: b"))

    assert (TroubleKind.OWN_FAULT, []) == (trouble.kind, asked)
    assert "X-Evil" not in trouble.detail


async def test_nobody_listening_is_trouble_in_the_connect_phase(unused_tcp_port):
    """The place is named, as the target's fault."""
    trouble = await _met(unused_tcp_port)

    assert trouble == Trouble(
        TroubleKind.CONNECTION_REFUSED,
        Whose.TARGET,
        f"connection refused by 127.0.0.1:{unused_tcp_port}",
        Phase.CONNECT,
    )


async def test_a_name_that_does_not_exist_is_trouble_in_the_resolve_phase(monkeypatch):
    """`.invalid` never resolves (RFC 2606 §2)."""

    def fail(*_, **__):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    trouble = await _met(80, host="nowhere.invalid")

    assert (trouble.kind, trouble.phase) == (TroubleKind.DNS, Phase.RESOLVE)


async def _hang_up(reader, _writer):
    await reader.readuntil(b"\r\n\r\n")


async def _chatter(reader, writer):
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"220 mail.example ESMTP\r\n\r\n")
    await writer.drain()


async def _wrong_key(reader, writer):
    await reader.readuntil(b"\r\n\r\n")
    writer.write(
        b"HTTP/1.1 101 X\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: bm90IHRoaXM=\r\n\r\n"
    )
    await writer.drain()


@pytest.mark.parametrize(
    ("handler", "kind"),
    [(_hang_up, TroubleKind.RESET), (_chatter, TroubleKind.PROTOCOL), (_wrong_key, TroubleKind.PROTOCOL)],
)
async def test_what_is_no_handshake_is_trouble_in_the_upgrade_phase(handler, kind):
    """A cut, another protocol, a wrong key: the target's fault, and not a refusal."""
    async with raw_peer(handler) as port:
        trouble = await _met(port)

    assert (trouble.kind, trouble.whose, trouble.phase) == (kind, Whose.TARGET, Phase.UPGRADE)


async def _silence(reader, _writer):
    await reader.read()


async def test_a_handshake_that_is_never_answered_ends_in_time():
    """`open_seconds` rules name, connection, TLS and upgrade together."""
    async with raw_peer(_silence) as port:
        trouble = await _met(port, open_seconds=0.1)

    assert (trouble.kind, trouble.phase) == (TroubleKind.TIMEOUT, Phase.UPGRADE)


async def test_a_cancelled_opening_leaves_the_phase_standing():
    """Whoever cancels learns what it was in, and no connection is left open (the tests' warnings are errors)."""
    watch = _watch()
    async with raw_peer(_silence) as port:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await _met(port, watch=watch)

    assert watch.current is Phase.UPGRADE


async def test_the_phases_of_an_opening_are_timed():
    """An address needs no resolving, and `ws` no TLS."""
    watch = _watch()
    async with socket_peer(lambda ws: ws.wait_closed()) as port, _opened(port, watch):
        pass

    assert (set(watch.durations), watch.current) == ({Phase.CONNECT, Phase.UPGRADE}, None)


@pytest.fixture(scope="module")
def authority():
    """A certificate authority of our own."""
    return trustme.CA()


@pytest.fixture
def trusted(authority, tmp_path):
    """Its certificate, in a file."""
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    return str(tmp_path / "ca.pem")


def _tls(authority, name):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(context)
    return context


async def test_a_socket_over_tls_trusts_the_given_authority(authority, trusted):
    """The handshake is a phase of its own, and the name stays the URL's."""
    watch = _watch()
    async with (
        socket_peer(lambda ws: ws.wait_closed(), ssl=_tls(authority, "localhost")) as port,
        _opened(port, watch, "wss", "localhost", ca_file=trusted) as sock,
    ):
        await sock.close()

    assert (sock.ending.code, set(watch.durations)) == (
        1000,
        {Phase.RESOLVE, Phase.CONNECT, Phase.TLS, Phase.UPGRADE},
    )


@pytest.mark.parametrize(("name", "is_trusted"), [("other.example", True), ("localhost", False)])
async def test_a_certificate_that_does_not_fit_is_trouble_in_the_tls_phase(authority, trusted, name, is_trusted):
    """A wrong name, or an authority nobody knows: nothing was sent."""
    async with socket_peer(lambda ws: ws.wait_closed(), ssl=_tls(authority, name)) as port:
        trouble = await _met(port, scheme="wss", host="localhost", ca_file=trusted if is_trusted else None)

    assert (trouble.kind, trouble.phase) == (TroubleKind.TLS, Phase.TLS)


async def test_a_file_of_authorities_that_cannot_be_read_is_our_own_fault(tmp_path):
    """It says so, instead of blaming the target."""
    async with raw_peer(_silence) as port:
        trouble = await _met(port, scheme="wss", ca_file=str(tmp_path / "missing.pem"))

    assert trouble.whose is Whose.PROBER


# ── listening ────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_messages_come_in_order_until_the_close():
    """Texts as `str`, binary as `bytes`, then None."""

    async def handler(ws):
        await ws.send("one")
        await ws.send(b"two")

    heard, sock = await _heard_from(handler)

    assert (heard, sock.ending) == (["one", b"two"], Ending(1000, "", Initiator.SERVER))


@pytest.mark.parametrize("code", [1000, 1001, 1008, 1011, 1012, 3000, 4401])
async def test_a_close_by_the_peer_is_a_fact(code):
    """Code and reason come from its close frame."""
    _, sock = await _heard_from(lambda ws: ws.close(code, "because"))

    assert sock.ending == Ending(code, "because", Initiator.SERVER)


async def test_a_crash_of_the_peer_is_1011(monkeypatch):
    """The library's servers close so when their handler raises."""
    monkeypatch.setattr(logging.getLogger("websockets.server"), "disabled", True)

    async def handler(ws):
        raise RuntimeError

    _, sock = await _heard_from(handler)

    assert (sock.ending.code, sock.ending.initiator) == (1011, Initiator.SERVER)


async def test_a_cut_is_1006_by_nobody():
    """No close frame came and none was sent (RFC 6455 §7.4.1)."""

    async def handler(ws):
        ws.transport.abort()

    _, sock = await _heard_from(handler)

    assert sock.ending == Ending(1006, "", Initiator.NONE)


async def test_our_own_close_is_1000_by_us():
    """A deliberate close says that nothing was wrong."""
    async with socket_peer(lambda ws: ws.wait_closed()) as port, _opened(port) as sock:
        await sock.close()

    assert sock.ending == Ending(1000, "", Initiator.CLIENT)


async def test_a_close_that_crosses_ours_is_the_peers():
    """It said 1008 before it had read our 1000."""

    async def handler(ws):
        await ws.recv()
        ws.transport.pause_reading()
        await asyncio.sleep(0.1)
        ws.protocol.send_close(1008, "late")
        ws.send_data()
        ws.transport.resume_reading()
        await ws.wait_closed()

    async with socket_peer(handler) as port, _opened(port, close_seconds=1.0) as sock:
        await sock.send("go")
        await asyncio.sleep(0.05)
        await sock.close()

    assert sock.ending == Ending(1008, "late", Initiator.SERVER)


async def _accept(reader, writer):
    """The handshake by hand, for peers that no library would be."""
    from websockets.utils import accept_key  # noqa: PLC0415

    asked = (await reader.readuntil(b"\r\n\r\n")).decode()
    key = next(line.split(": ")[1] for line in asked.split("\r\n") if line.lower().startswith("sec-websocket-key"))
    head = "HTTP/1.1 101 X\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    writer.write(f"{head}Sec-WebSocket-Accept: {accept_key(key)}\r\n\r\n".encode())
    await writer.drain()


def _speaking(*frames):
    """A peer that accepts, sends these bytes, and then neither reads nor hangs up."""

    async def handler(reader, writer):
        await _accept(reader, writer)
        writer.write(b"".join(frames))
        await writer.drain()
        await asyncio.sleep(5)

    return handler


@contextlib.asynccontextmanager
async def _rude(*frames):
    async with raw_peer(_speaking(*frames)) as port, _opened(port) as sock:
        yield sock


async def test_a_message_comes_in_pieces_with_a_ping_between():
    """The message is whole, also where a letter was cut in two, and the ping is answered (RFC 6455 §5.4, §5.5.2)."""
    answered = asyncio.get_running_loop().create_future()

    async def handler(reader, writer):
        await _accept(reader, writer)
        for part in (b"\x01\x02h\xc3", b"\x89\x01?", b"\x00\x00", b"\x80\x03\xa4ya"):
            writer.write(part)
            await asyncio.sleep(0.01)
        answered.set_result(await reader.readexactly(7))

    async with raw_peer(handler) as port, _opened(port) as sock:
        heard = await sock.receive()
        async with asyncio.timeout(1):
            pong = await answered

    assert "häya" == heard
    assert (b"\x8a\x81", ord("?")) == (pong[:2], pong[6] ^ pong[2])


async def test_what_came_before_a_close_is_heard_though_we_spoke_in_between():
    """The close was read with it; it says nothing of what came before."""
    async with _rude(b"\x81\x03one", b"\x81\x03two", b"\x88\x02\x03\xf0") as sock, asyncio.timeout(2):
        await sock.receive()
        await asyncio.sleep(0.05)
        await sock.send("ping")
        heard = await _all(sock)

    assert (["two"], Ending(1008, "", Initiator.SERVER)) == (heard, sock.ending)


async def test_a_close_that_came_before_ours_is_the_peers_whatever_its_code():
    """1000 is what we say as well; but it was here first."""
    async with _rude(b"\x88\x02\x03\xe8") as sock, asyncio.timeout(2):
        await asyncio.sleep(0.05)
        await sock.close()

    assert Ending(1000, "", Initiator.SERVER) == sock.ending


async def test_a_close_without_a_code_is_1005():
    """RFC 6455 §7.4.1."""
    async with _rude(b"\x88\x00") as sock, asyncio.timeout(1):
        await _all(sock)

    assert Ending(1005, "", Initiator.SERVER) == sock.ending


async def test_bad_text_before_a_close_ends_the_same_way():
    """Both came at once, and the peer had closed before we could complain."""
    async with _rude(b"\x81\x01\xff\x88\x02\x03\xf0") as sock, asyncio.timeout(1):
        await asyncio.sleep(0.05)

        assert [] == await _all(sock)
        assert sock.ending in {Ending(1008, "", Initiator.SERVER), Ending(1007, sock.ending.reason, Initiator.CLIENT)}


async def test_a_peer_that_talks_on_while_we_close_is_left():
    """Neither its words nor its time have an end; ours do."""

    async def handler(reader, writer):
        await _accept(reader, writer)
        while True:
            writer.write(b"\x82\x7e\xff\xff" + b"x" * 0xFFFF)
            await writer.drain()

    async with raw_peer(handler) as port, _opened(port) as sock, asyncio.timeout(2):
        await sock.receive()
        await sock.close()

    assert Ending(1000, "", Initiator.CLIENT) == sock.ending


async def test_a_peer_that_closes_and_keeps_the_line_is_hung_up_on():
    """A refusal is known when its close frame is here, not when the connection is gone."""
    async with _rude(b"\x88\x02\x03\xf0") as sock, asyncio.timeout(1):
        await _all(sock)

    assert sock.ending == Ending(1008, "", Initiator.SERVER)


async def test_a_peer_that_never_answers_our_close_is_left():
    """We closed; it did not say anything, and the wait is bounded."""
    async with _rude() as sock, asyncio.timeout(1):
        await sock.close()

    assert sock.ending == Ending(1000, "", Initiator.CLIENT)


@pytest.mark.parametrize(
    ("frames", "kind"),
    [
        (b"\x83\x00", TroubleKind.PROTOCOL),  # a reserved opcode (RFC 6455 §5.2)
        (b"\x81\x01\xff", TroubleKind.PROTOCOL),  # a text that is not UTF-8 (§8.1)
        (b"\x81\x7f" + (LARGEST_MESSAGE_BYTES + 1).to_bytes(8, "big"), TroubleKind.TOO_LARGE),
        (b"\x01\x00" + b"\x00\x00" * 4096, TroubleKind.TOO_LARGE),  # pieces of nothing
    ],
)
async def test_what_breaks_the_protocol_is_trouble(frames, kind):
    """The close was ours, because of what the peer sent: no close of the peer's is made up."""
    async with _rude(frames) as sock, asyncio.timeout(1):
        await _all(sock)

    assert (sock.complaint.kind, sock.complaint.whose) == (kind, Whose.TARGET)


async def test_a_peer_that_keeps_to_the_protocol_gives_no_complaint():
    """Whatever code it closes with, 1002 and 1009 included: those are the peer's words."""
    _, sock = await _heard_from(lambda ws: ws.close(1009))

    assert (sock.complaint, sock.ending.code) == (None, 1009)


async def _flood(ws):
    with contextlib.suppress(Exception):
        while True:
            await ws.send("x")
            await asyncio.sleep(0)


async def test_a_flood_of_messages_is_not_read_to_its_end():
    """After MOST_MESSAGES we stop, and say so."""
    heard, sock = await _heard_from(_flood)

    assert (len(heard), sock.complaint.kind) == (MOST_MESSAGES, TroubleKind.TOO_LARGE)


async def test_a_flood_of_bytes_is_not_read_to_its_end():
    """After MOST_BYTES we stop, and say so."""

    async def handler(ws):
        with contextlib.suppress(Exception):
            while True:
                await ws.send(b"x" * 200_000)

    heard, sock = await _heard_from(handler)

    assert (sum(map(len, heard)) < MOST_BYTES + LARGEST_MESSAGE_BYTES, sock.is_overrun) == (True, True)


async def test_sending_into_a_closed_socket_is_told_by_receiving():
    """Sending never raises; what happened is in the ending."""

    async def handler(ws):
        await ws.close(1008, "no")

    async with socket_peer(handler) as port, _opened(port) as sock:
        await asyncio.sleep(0.05)
        await sock.send("hello")
        heard = await sock.receive()

    assert (heard, sock.ending) == (None, Ending(1008, "no", Initiator.SERVER))


async def test_a_socket_that_is_left_is_dropped():
    """An exception on our side leaves nothing open and does not wait for the peer."""
    gone = asyncio.Event()

    async def handler(ws):
        await ws.wait_closed()
        gone.set()

    async with socket_peer(handler) as port:
        with pytest.raises(RuntimeError):
            async with _opened(port):
                raise RuntimeError
        async with asyncio.timeout(1):
            await gone.wait()

    assert gone.is_set()


async def test_the_librarys_log_shows_no_token(caplog):
    """Even at DEBUG, headers and frames stay out of the log."""
    caplog.set_level(logging.DEBUG)
    async with raw_peer(answers(403)) as port:
        await _met(port, headers={"Authorization": "Bearer canary-token"})

    assert "canary-token" not in caplog.text


def test_a_refusal_is_no_trouble():
    """The three things that opening can give are told apart by type."""
    assert not isinstance(Refused(status=403, headers={}, body=""), Socket | Trouble | connect)
