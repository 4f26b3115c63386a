import asyncio
import socket
import threading
import time

import pytest

from prober.gather.clock import PhaseWatch, SystemClock
from prober.gather.wire.http import TRANSPORTS, HttpWire, Outgoing
from prober.gather.wire.lean import HEAD_LIMIT_BYTES
from prober.model.observation import HttpSeen
from prober.model.reach import Reach, networks
from prober.model.secret import Redactor
from prober.model.trouble import Phase, TroubleKind
from tests.gather.scripted import OK, answers, http, peer
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
