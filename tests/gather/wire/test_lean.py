import asyncio
import socket
import threading
import time

import httpx
import pytest
import trustme

from prober.gather.clock import PhaseWatch, SystemClock
from prober.gather.switch import Switch
from prober.gather.wire.http import TRANSPORTS, HttpWire, Outgoing
from prober.gather.wire.http_call import Asked
from prober.gather.wire.lean import HEAD_LIMIT_BYTES, _encoded
from prober.model.observation import HttpSeen
from prober.model.pause import Pause
from prober.model.reach import Reach, networks
from prober.model.secret import Redactor
from prober.model.trouble import Phase, TroubleKind
from tests import builders as b
from tests.gather.scripted import OK, answers, heard, http, peer, server_tls
from tests.safety.hostile import hostile

DEADLINE_SECONDS = 2.0


def wire(monkeypatch, transport="lean"):
    """A wire over one of the transports."""
    monkeypatch.setenv("PROBER_TRANSPORT", transport)
    return HttpWire(Redactor(), reach=Reach(networks("loopback")))


async def seen(wire, url, method="GET"):
    """What is seen there, or the phase in which time ran out."""
    watch = PhaseWatch(SystemClock())
    try:
        async with asyncio.timeout(DEADLINE_SECONDS):
            exchange = await wire.send(Outgoing(method=method, url=url, headers={}), watch)
    except TimeoutError:
        return watch.current
    return exchange.seen


async def test_what_it_reads_the_stock_transport_reads_alike(monkeypatch):
    """Of whatever peers make up: an answer is the same answer; what it calls no HTTP, httpx may put up with."""
    wires, at_once = [wire(monkeypatch, name) for name in TRANSPORTS], asyncio.Semaphore(8)

    async def both(url):
        async with at_once:
            return await asyncio.gather(*(seen(each, url) for each in wires))

    async with hostile() as port:
        every = await asyncio.gather(*(both(f"http://127.0.0.1:{port}/{seed}") for seed in range(120)))
    for each in wires:
        await each.aclose()
    pairs = [(lean, stock) for lean, stock in every if not isinstance(lean, Phase) and not isinstance(stock, Phase)]
    other = [(lean, stock) for lean, stock in pairs if lean != stock]

    assert [] == [pair for pair in other if isinstance(pair[0], HttpSeen)]
    assert {TroubleKind.PROTOCOL} >= {lean.kind for lean, _ in other}
    assert len(other) < len(pairs) / 5
    assert len(every) * 0.8 < len(pairs)
    assert 10 < sum(isinstance(lean, HttpSeen) for lean, _ in pairs)


@pytest.mark.parametrize(
    "said",
    [
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\nrest",
        b"HTTP/1.1 101 Switching Protocols\r\n\r\n",
        b"HTTP/1.1 000 \r\nContent-Length: 2\r\n\r\nhi",
        b"HTTP/1.1 099 Nothing\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\nX: y\r\n\r\n" * (HEAD_LIMIT_BYTES // 20),
        b"no head at all\r\n\r\n",
    ],
    ids=["unasked upgrade", "bare upgrade", "status 0", "status 99", "interim for ever", "no HTTP"],
)
async def test_what_is_no_answer_is_trouble(monkeypatch, said):
    """Nobody asked for another protocol, and an answer has a status that means something."""
    async with peer(answers(said)) as here:
        found = await seen(wire(monkeypatch), here.url)

    assert TroubleKind.PROTOCOL is found.kind


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("head", [b"Upgrade: websocket\r\nConnection: Upgrade\r\n", b""], ids=["as it should", "bare"])
@pytest.mark.parametrize("rest", [b"", b"\x81\x02hi"], ids=["alone", "welcome"])
async def test_another_protocol_that_was_asked_for_is_an_answer(monkeypatch, transport, head, rest):
    """A step may ask for a handshake that must be refused, as of a foreign page: 101 is what it has to see."""
    way = wire(monkeypatch, transport)
    asking = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13"}
    async with peer(answers(b"HTTP/1.1 101 Switching Protocols\r\n" + head + b"\r\n" + rest)) as here:
        async with asyncio.timeout(DEADLINE_SECONDS):
            call = Outgoing(method="GET", url=here.url, headers=asking)
            exchange = await way.send(call, PhaseWatch(SystemClock()))
        await way.aclose()

    assert (101, 0) == (exchange.seen.status, exchange.seen.body_bytes)


@pytest.mark.parametrize("at", range(3))
@pytest.mark.parametrize(
    ("name", "value", "may"),
    [
        (b"X-A", b"", True),
        (b"X-A", b"one  two\t\xe9", True),
        (b"", b"a", False),
        (b"X A", b"a", False),
        (b"X-A:", b"a", False),
        (b"X-A\n", b"a", False),
        (b"X-A\nX-B", b"a", False),
        (b"X-A", b" a", False),
        (b"X-A", b"a ", False),
        (b"X-A", b"a\nb", False),
        (b"X-A", b"\n", False),
        (b"X-A", b"a\r\nX-Evil: b", False),
        (b"X-A", b"a\0", False),
    ],
)
def test_a_header_is_one_line_of_what_it_may_hold(name, value, may, at):
    """Wherever it stands among others, which are looked at together."""
    headers = [(b"Host", b"here"), (b"Accept", b"*/*")]
    headers.insert(at, (name, value))
    request = Asked(method="GET", url="http://here/", host="here", port=80, target=b"/", headers=headers)
    written = b"".join(b"%b: %b\r\n" % each for each in headers)

    if may:
        assert b"GET / HTTP/1.1\r\n%b\r\n" % written == _encoded(request)
    else:
        with pytest.raises(httpx.LocalProtocolError):
            _encoded(request)


async def test_interim_answers_are_passed_over(monkeypatch):
    """Their headers are not those of the answer (RFC 9110 §15.2)."""
    interim = b"HTTP/1.1 103 Early Hints\r\nX-Service-Version: early\r\n\r\n"
    async with peer(answers(interim * 3, interim, http(b"{}", "X-Service-Version: 7"))) as here:
        found = await seen(wire(monkeypatch), here.url)

    assert (200, "7") == (found.status, found.headers["x-service-version"])


async def test_the_answer_to_head_has_no_body(monkeypatch):
    """Its length is that which a body would have."""
    async with peer(answers(b"HTTP/1.1 200 OK\r\nContent-Length: 17\r\n\r\n")) as here:
        found = await seen(wire(monkeypatch), here.url, "HEAD")

    assert (200, 0) == (found.status, found.body_bytes)


async def test_what_follows_an_answer_is_nothing_to_us(monkeypatch):
    """A second answer that nobody asked for, or rubbish."""
    for rest in (http(b"second", status="500 X"), b"\x00rubbish"):
        async with peer(answers(OK + rest)) as here:
            found = await seen(wire(monkeypatch), here.url)

        assert (200, "hi") == (found.status, found.body)


async def test_a_loop_that_stands_still_is_not_the_targets_slowness(monkeypatch):
    """The answer came at once, and was read late: the phases are those of the answer."""
    listening, answered = socket.create_server(("127.0.0.1", 0)), threading.Event()

    def answer():
        caller, _ = listening.accept()
        caller.recv(4096)
        caller.sendall(OK)
        answered.set()
        caller.recv(1)
        caller.close()

    threading.Thread(target=answer, daemon=True).start()
    watch = PhaseWatch(SystemClock())
    url = f"http://127.0.0.1:{listening.getsockname()[1]}/"
    sending = asyncio.create_task(wire(monkeypatch).send(Outgoing(method="GET", url=url, headers={}), watch))
    for _ in range(1000):  # turns of the loop, until the request is on its way
        if watch.current is Phase.FIRST_BYTE or sending.done():
            break
        await asyncio.sleep(0)
    answered.wait(10)
    time.sleep(1.0)  # noqa: ASYNC251 - the loop stands still on purpose
    found = (await sending).seen
    listening.close()

    assert 200 == found.status
    assert watch.durations[Phase.FIRST_BYTE] + watch.durations[Phase.TRANSFER] < 0.9


async def test_nor_is_it_a_slow_way_to_the_target(monkeypatch):
    """It had accepted at once; the kernel has timed the handshake."""
    watch = PhaseWatch(SystemClock())
    async with peer(answers(OK)) as here:
        outgoing = Outgoing(method="GET", url=here.url, headers={})
        sending = asyncio.create_task(wire(monkeypatch).send(outgoing, watch))
        for _ in range(1000):  # turns of the loop, until it connects
            if watch.current is Phase.CONNECT or sending.done():
                break
            await asyncio.sleep(0)
        time.sleep(0.4)  # noqa: ASYNC251 - the loop stands still on purpose
        found = (await sending).seen

    assert 200 == found.status
    assert watch.durations[Phase.CONNECT] < 0.35


# ── kept connections ─────────────────────────────────────────────────────────────────────────────────────────────────


def serves(*turns):
    """A peer that says to its n-th request the n-th of `turns`, over however many connections; None hangs up."""

    async def script(reader, writer, here):
        """Play the part; which connection a request came on is noted before it."""
        here.connections = number = getattr(here, "connections", 0) + 1
        while True:
            here.requests.append((number, await heard(reader)))
            said = turns[len(here.requests) - 1]
            if said is None:
                return
            writer.write(said)
            await writer.drain()

    return script


async def asks(wire, url, method="GET", keep=True, **more):
    """The status or kind of what is seen, and the phases that it took."""
    watch = PhaseWatch(SystemClock())
    found = (await wire.send(Outgoing(method=method, url=url, headers={}, keep=keep, **more), watch)).seen
    return getattr(found, "status", None) or found.kind, set(watch.durations)


PAUSE = Pause(service="backend", reason="a load test", by="ops", since=b.NOON)
ON_A_KEPT_ONE = {Phase.REQUEST, Phase.FIRST_BYTE, Phase.TRANSFER}
ON_A_FRESH_ONE = ON_A_KEPT_ONE | {Phase.CONNECT}


async def over(monkeypatch, here, *requests, transport="lean"):
    """What is seen of requests, one after the other, and on which connections the peer heard them."""
    one = wire(monkeypatch, transport)
    found = [await asks(one, here.url, **request) for request in requests]
    await one.aclose()
    return found, [number for number, _ in here.requests]


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT"])
async def test_a_kept_connection_is_used_again_and_its_phases_say_so(monkeypatch, method):
    """The second request did not connect."""
    said = http(b"" if method == "HEAD" else b"hi")
    async with peer(serves(said, said)) as here:
        found, connections = await over(monkeypatch, here, {"method": method}, {"method": method})

    assert [(200, ON_A_FRESH_ONE), (200, ON_A_KEPT_ONE)] == found
    assert [1, 1] == connections


@pytest.mark.parametrize("keep", [(False, False), (False, True), (True, False)])
async def test_what_wants_a_fresh_connection_has_one(monkeypatch, keep):
    """And leaves none behind."""
    async with peer(serves(OK, OK)) as here:
        found, connections = await over(monkeypatch, here, *({"keep": each} for each in keep))

    assert [(200, ON_A_FRESH_ONE)] * 2 == found
    assert [1, 2] == connections


@pytest.mark.parametrize(
    ("said", "request_"),
    [
        (http(b"hi", "Connection: close"), {}),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nhi", {}),
        (OK + b"HTTP/1.1 200 OK\r\n\r\n", {}),
        (OK + b"\x00", {}),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", {"method": "HEAD"}),
        (http(b"x" * (900 * 1024)), {}),
        (http(b"data: one\n\ndata: two\n\n" + b"x" * 70_000), {"stream": True}),
    ],
    ids=["close", "HTTP/1.0", "a second answer", "rubbish", "a body for HEAD", "too long", "a stream"],
)
async def test_what_is_not_read_to_a_clean_end_is_not_kept(monkeypatch, said, request_):
    """What is left would be taken for the next answer."""
    async with peer(serves(said, OK)) as here:
        found, connections = await over(monkeypatch, here, request_, {})

    assert (200, ON_A_FRESH_ONE) == found[1]
    assert [1, 2] == connections


async def test_a_body_that_was_cut_leaves_nothing(monkeypatch):
    """Nor does an answer that nobody waited for."""
    cut = b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhi"
    async with peer(serves(cut, OK)) as here:
        one = wire(monkeypatch)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await asks(one, here.url)

        assert (200, ON_A_FRESH_ONE) == await asks(one, here.url)
        await one.aclose()


async def test_a_peer_that_hung_up_meanwhile_is_called_anew(monkeypatch):
    """Whatever the method: nothing was said to it."""
    async with peer(answers(OK)) as here:
        one = wire(monkeypatch)
        first = await asks(one, here.url)
        await asyncio.sleep(0.05)
        second = await asks(one, here.url, "POST")
        await one.aclose()

    assert [(200, ON_A_FRESH_ONE)] * 2 == [first, second]


@pytest.mark.parametrize(
    ("method", "seen", "connections"),
    [("GET", 200, [1, 1, 2]), ("PUT", 200, [1, 1, 2]), ("POST", TroubleKind.RESET, [1, 1])],
)
async def test_a_peer_that_hangs_up_at_our_words_is_asked_once_more_where_it_may_be(
    monkeypatch, method, seen, connections
):
    """It may have been about to; what could be done twice is not asked twice (RFC 9110 §9.2.2)."""
    async with peer(serves(OK, None, OK)) as here:
        found, heard_on = await over(monkeypatch, here, {"method": "GET"}, {"method": method})

    assert seen == found[1][0]
    assert connections == heard_on


async def test_it_is_asked_once_more_and_no_oftener(monkeypatch):
    """Who hangs up on a fresh connection too is told of."""
    async with peer(serves(OK, None, None, OK)) as here:
        found, connections = await over(monkeypatch, here, {}, {})

    assert TroubleKind.RESET == found[1][0]
    assert [1, 1, 2] == connections


async def test_half_an_answer_is_not_asked_for_again(monkeypatch):
    """The peer has begun: that it went no further is a finding."""
    half = b"HTTP/1.1 200 OK\r\nContent-"

    async def script(reader, writer, here):
        """Answer one request, and half of the next."""
        for said in (OK, half):
            here.requests.append((1, await heard(reader)))
            writer.write(said)
            await writer.drain()

    async with peer(script) as here:
        found, connections = await over(monkeypatch, here, {}, {})

    assert TroubleKind.RESET == found[1][0]
    assert [1, 1] == connections


async def test_a_pause_hangs_up_what_is_kept(monkeypatch):
    """At once: whoever pulled the switch wants no connection of ours."""
    gone = asyncio.Event()

    async def script(reader, writer, here):
        """Answer, and note that we went."""
        here.requests.append(await heard(reader))
        writer.write(OK)
        await writer.drain()
        await reader.read()
        gone.set()

    monkeypatch.setenv("PROBER_TRANSPORT", "lean")
    switch = Switch()
    one = HttpWire(Redactor(), reach=Reach(networks("loopback")), switch=switch)
    async with peer(script) as here:
        await asks(one, here.url)
        switch.adopt(lambda place: PAUSE if place == here.place else None)
        async with asyncio.timeout(5):
            await gone.wait()
        held = await asks(one, here.url)
        await one.aclose()

    assert TroubleKind.OWN_PAUSE == held[0]
    assert 1 == len(here.requests)


async def test_the_stock_transport_keeps_nothing(monkeypatch):
    """It is there to compare with, and shows what connecting costs."""
    async with peer(serves(OK, OK)) as here:
        _, connections = await over(monkeypatch, here, {}, {}, transport="stock")

    assert [1, 2] == connections


async def test_under_tls_a_connection_is_kept_for_the_name_that_was_proven(monkeypatch, tmp_path):
    """Neither connecting nor TLS a second time."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    more = {"ca_file": str(tmp_path / "ca.pem")}
    async with peer(serves(OK, OK), tls=server_tls(authority, "localhost")) as here:
        one = wire(monkeypatch)
        url = f"https://localhost:{here.port}/"
        found = [await asks(one, url, **more), await asks(one, url, **more)]
        await one.aclose()

    assert [(200, ON_A_FRESH_ONE | {Phase.RESOLVE, Phase.TLS}), (200, ON_A_KEPT_ONE | {Phase.RESOLVE})] == found
