import asyncio
import base64
import hashlib
import re
import socket
import threading
import time

import pytest

from prober.gather.clock import PhaseWatch, SystemClock
from prober.gather.probes.websocket import look_websocket
from prober.gather.wire.websocket import CLIENTS, Socket, WebSocketWire
from prober.gather.wire.websocket_call import Call
from prober.model.observation import Stage
from prober.model.trouble import Phase, TroubleKind
from tests import builders as b
from tests.gather.peers import kit, raw_peer, service
from tests.safety.hostile import hostile

DEADLINE_SECONDS = 1.5


def wire(monkeypatch, client="lean"):
    """A wire over one of the clients."""
    monkeypatch.setenv("PROBER_TRANSPORT", client)
    return WebSocketWire(lambda text: text)


async def conversation(wire, url, said):
    """What is heard, where something is said after each message or nothing, and how it ends."""
    call, heard = Call(url=url, open_seconds=DEADLINE_SECONDS, close_seconds=0.3), []
    async with wire.open(call, PhaseWatch(SystemClock())) as opened:
        if not isinstance(opened, Socket):
            return opened
        try:
            async with asyncio.timeout(DEADLINE_SECONDS):
                while (message := await opened.receive()) is not None:
                    heard.append(message)
                    if said:
                        await opened.send(said)
        except TimeoutError:
            heard.append(None)
        await opened.close()
        return heard, opened.ending, opened.complaint, opened.is_overrun


def is_bad_text(seen):
    """Whether it ended with a text that is not UTF-8."""
    return isinstance(seen, tuple) and seen[1].code == 1007


async def test_what_it_sees_the_library_sees_alike(monkeypatch):
    """Of whatever peers make up. The library may have read what followed a bad text before it is asked for the text."""
    wires, at_once = [wire(monkeypatch, name) for name in CLIENTS], asyncio.Semaphore(8)

    async def both(port, seed):
        said = "ping" if seed % 2 else ""
        async with at_once:
            return await asyncio.gather(
                *(conversation(each, f"ws://127.0.0.1:{port}/ws/{seed}", said) for each in wires)
            )

    async with hostile() as port:
        every = await asyncio.gather(*(both(port, seed) for seed in range(120)))
    other = [pair for pair in every if pair[0] != pair[1]]

    assert [] == [pair for pair in other if not any(map(is_bad_text, pair))]
    assert len(other) < len(every) / 20
    assert 30 < sum(isinstance(lean, tuple) for lean, _ in every)


@pytest.mark.parametrize(
    ("head", "more"),
    [
        (b"HTTP/1.1 403 X\r\n\r\n", b"x" * 65536),
        (b"HTTP/1.1 403 X\r\n", b"X-Many: 1\r\n" * 9),
        (b"HTTP/1.1 403 ", b"x" * 99),
    ],
    ids=["body", "headers", "first line"],
)
async def test_an_answer_without_end_is_not_read_to_its_end(monkeypatch, head, more):
    """Body, headers and lines of a refusal have their bounds; the library's client reads on until the peer hangs up."""
    sent = 0

    async def handler(reader, writer):
        nonlocal sent
        await reader.readuntil(b"\r\n\r\n")
        writer.write(head)
        while sent < 64 * 1024 * 1024:
            writer.write(more)
            await writer.drain()
            sent += len(more)

    async with raw_peer(handler) as port:
        trouble = await conversation(wire(monkeypatch), f"ws://127.0.0.1:{port}/", "")

    assert (TroubleKind.PROTOCOL, Phase.UPGRADE) == (trouble.kind, trouble.phase)
    assert sent < 16 * 1024 * 1024  # what the kernel takes included


class SlowlyRead:
    """A peer in a thread of its own, which says the next thing when it is told to."""

    def __init__(self):
        """Listen."""
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.port = self.listening.getsockname()[1]
        self.wanted, self.said = threading.Semaphore(0), threading.Semaphore(0)
        threading.Thread(target=self.play, daemon=True).start()

    def say(self):
        """Return once the next thing is said."""
        self.wanted.release()
        assert self.said.acquire(timeout=10)

    def play(self):
        """Handshake, welcome, pong; hang up after the close."""
        caller, _ = self.listening.accept()
        asked = caller.recv(65536)
        key = re.search(rb"(?i)sec-websocket-key: (\S+)", asked)[1]
        accept = base64.b64encode(hashlib.sha1(key + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest())  # noqa: S324
        head = b"HTTP/1.1 101 X\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " + accept
        self.next(caller, head + b"\r\n\r\n")
        self.next(caller, b'\x81\x12{"type":"welcome"}')
        caller.recv(65536)
        self.next(caller, b'\x81\x0f{"type":"pong"}')
        caller.recv(65536)
        caller.close()
        self.listening.close()

    def next(self, caller, data):
        """Say it when it is wanted."""
        self.wanted.acquire()
        caller.sendall(data)
        self.said.release()


async def test_a_loop_that_stands_still_is_not_the_targets_slowness(monkeypatch):
    """Each answer came at once, and was read late: upgrade, welcome and pong are as long as the peer took."""
    monkeypatch.setenv("PROBER_TRANSPORT", "lean")
    peer, stood = SlowlyRead(), []
    step = b.websocket_step(
        service=service(peer.port), token=None, welcome={"type": "welcome"}, deadline_seconds=30.0, grace_seconds=0.01
    )
    async with kit() as tools:
        looking = asyncio.create_task(look_websocket(step, tools))
        while not looking.done():
            if tools.watch.current in {Phase.UPGRADE, Phase.WELCOME, Phase.PONG} - set(stood):
                stood.append(tools.watch.current)
                peer.say()
                time.sleep(1.0)  # noqa: ASYNC251 - the loop stands still on purpose
            await asyncio.sleep(0)
        seen = (await looking).seen

    assert (Stage.WELCOMED, True) == (seen.stage, seen.ponged)
    assert [Phase.UPGRADE, Phase.WELCOME, Phase.PONG] == stood
    assert [] == [phase for phase in stood if tools.watch.durations[phase] > 0.9]


async def test_each_of_two_messages_is_as_old_as_it_is(monkeypatch):
    """Both were read at once; the second is asked for later, and is older by then."""
    monkeypatch.setenv("PROBER_TRANSPORT", "lean")
    peer = SlowlyRead()
    watch = PhaseWatch(SystemClock())
    wire, call = WebSocketWire(lambda text: text), Call(url=f"ws://127.0.0.1:{peer.port}/")
    async with asyncio.TaskGroup() as group:
        group.create_task(asyncio.to_thread(peer.say))
        async with wire.open(call, watch) as sock:
            peer.say()
            time.sleep(0.1)  # noqa: ASYNC251 - the loop stands still on purpose
            await sock.receive()
            first = sock.age_seconds
            time.sleep(0.1)  # noqa: ASYNC251 - the loop stands still on purpose
            later = sock.age_seconds

    assert 0.1 <= first
    assert first + 0.1 <= later < 5
