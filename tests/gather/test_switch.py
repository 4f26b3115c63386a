"""What is paused gets nothing, and what is on its way there is cut off: over real sockets, of every kind."""

import asyncio
import re
from pathlib import Path

import pytest

import prober.gather
from prober.gather.look import look
from prober.gather.switch import Switch
from prober.model.chain import TcpStep, TlsStep
from prober.model.errors import HeldBack
from prober.model.pause import Pause
from prober.model.trouble import TroubleKind, Whose
from tests import builders as b
from tests.gather.peers import kit, raw_peer, service, socket_peer

PAUSE = Pause(service="backend", reason="a load test", by="ops", since=b.NOON)


def paused(*places):
    """The switch's question answered: nothing may go to these."""
    return lambda place: PAUSE if place in places else None


class Held:
    """A peer that answers nobody, and sees who comes and goes."""

    def __init__(self):
        """Nobody yet."""
        self.came, self.gone, self.sent = asyncio.Event(), asyncio.Event(), b""

    async def __call__(self, reader, _writer):
        """Read until the end."""
        self.came.set()
        while chunk := await reader.read(4096):
            self.sent += chunk
        self.gone.set()


async def test_what_is_not_paused_passes():
    """And what breaks on the way breaks as it would."""
    switch = Switch()
    switch.adopt(paused("elsewhere:80"))
    async with switch.passing("here:80"):
        pass
    with pytest.raises(TimeoutError):
        async with switch.passing("here:80"):
            raise TimeoutError

    assert await switch.quiet(0.1)


async def test_nothing_is_begun_where_nothing_may_go():
    """Not even a connection."""
    switch = Switch()
    switch.adopt(paused("here:80"))
    with pytest.raises(HeldBack, match="nothing is sent to here:80: backend is paused"):
        async with switch.passing("here:80"):
            pytest.fail("it passed")


async def test_what_is_on_its_way_is_cut_once_and_waited_for():
    """However often the switch is pulled meanwhile; another deadline that is over is not ours."""
    switch, ended = Switch(), []

    async def pass_by(place):
        """For long; its end takes a moment."""
        try:
            async with switch.passing(place):
                try:
                    await asyncio.sleep(30)
                finally:
                    await asyncio.sleep(0.05)
        except HeldBack as error:
            ended.append(error.place)

    going = [asyncio.create_task(pass_by(place)) for place in ("here:80", "there:80")]
    await asyncio.sleep(0.01)
    switch.adopt(paused("here:80"))
    await asyncio.sleep(0.01)
    switch.adopt(paused("here:80"))
    too_soon, in_the_end = await switch.quiet(0.0), await switch.quiet(1.0)
    going[1].cancel()
    await asyncio.gather(*going, return_exceptions=True)

    assert (False, True) == (too_soon, in_the_end)
    assert ["here:80"] == ended


@pytest.mark.parametrize("kind", ["http", "websocket", "tls"])
async def test_a_look_that_is_cut_off_is_ours_and_closes_its_connection(kind):
    """BLIND by our own doing, within a moment, and nothing is left open there."""
    held = Held()
    async with raw_peer(held) as port, kit() as tools:
        there = service(port)
        step = {
            "http": lambda: b.http_step(request=b.request(there), token=None),
            "websocket": lambda: b.websocket_step(service=there, token=None),
            "tls": lambda: TlsStep(name="tls", service=there),
        }[kind]()
        looking = asyncio.create_task(look(step, tools))
        await asyncio.wait_for(held.came.wait(), 5)
        tools.switch.adopt(paused(f"127.0.0.1:{port}"))
        is_quiet = await tools.switch.quiet(1.0)
        seen = (await asyncio.wait_for(looking, 1)).seen
        await asyncio.wait_for(held.gone.wait(), 5)

    assert is_quiet
    assert (TroubleKind.OWN_PAUSE, Whose.PROBER) == (seen.kind, seen.whose)
    assert "a load test" in seen.detail


async def test_an_open_socket_is_cut_in_the_middle_of_a_talk():
    """What was accepted before says nothing more."""
    heard, gone = [], asyncio.Event()

    async def talk(socket):
        """Listen to the end."""
        try:
            heard.extend([message async for message in socket])
        finally:
            gone.set()

    async with socket_peer(talk) as port, kit() as tools:
        step = b.websocket_step(service=service(port), token=None)
        looking = asyncio.create_task(look(step, tools))
        await asyncio.sleep(0.2)
        tools.switch.adopt(paused(f"127.0.0.1:{port}"))
        seen = (await asyncio.wait_for(looking, 1)).seen
        await asyncio.wait_for(gone.wait(), 5)

    assert TroubleKind.OWN_PAUSE == seen.kind
    assert [] == heard


@pytest.mark.parametrize("step", ["http", "websocket", "tcp", "tls"])
async def test_a_look_at_what_is_paused_opens_no_connection(step):
    """Of any kind."""
    held = Held()
    async with raw_peer(held) as port, kit() as tools:
        there = service(port)
        tools.switch.adopt(paused(f"127.0.0.1:{port}"))
        steps = {
            "http": b.http_step(request=b.request(there), token=None),
            "websocket": b.websocket_step(service=there, token=None),
            "tcp": TcpStep(name="tcp", service=there),
            "tls": TlsStep(name="tls", service=there),
        }
        seen = (await look(steps[step], tools)).seen
        await asyncio.sleep(0.05)

    assert TroubleKind.OWN_PAUSE == seen.kind
    assert not held.came.is_set()


def test_who_keeps_connections_hears_of_pauses_until_he_is_gone():
    """Each time, and of all of them: an engine that a reload has replaced hears of none."""
    switch, heard = Switch(), []
    pauses = paused("b.test:80")
    switch.follow(heard.append)
    switch.adopt(pauses)
    switch.unfollow(heard.append)
    switch.adopt(paused())

    assert [pauses] == heard


async def test_a_wire_that_is_closed_hears_of_no_pause():
    """Reloads would pile up what they replace."""
    async with kit() as tools:
        pass

    assert set() == tools.switch._followers


def test_whoever_connects_passes_the_switch():
    """A new way to reach a target that forgets it is found here."""
    root = Path(prober.gather.__file__).parent
    names = "dial|http_stock|idle|lean|line|websocket_lean|websocket_stock"
    connects = re.compile(rf"wire(\.| import )({names})|sock_connect|connect_ex|open_connection|handle_async_request")
    texts = {path.relative_to(root).as_posix(): path.read_text(encoding="utf-8") for path in root.rglob("*.py")}
    dials = {name: text for name, text in texts.items() if connects.search(text)}

    below = {f"wire/{name}.py" for name in names.split("|")}
    assert {"wire/http.py", "wire/websocket.py", "probes/tcp.py", "probes/tls.py", *below} == dials.keys()
    assert below == {name for name, text in dials.items() if "switch.passing(" not in text}
