import asyncio
import socket
import time

import pytest

from prober.gather.clock import PhaseWatch, SystemClock
from prober.gather.wire import dial as dial_module
from prober.gather.wire.dial import connect, dial
from prober.model.trouble import Phase
from tests.gather.scripted import hangs_up, peer, unused_port


@pytest.fixture
def watch():
    """A watch that has timed nothing yet."""
    return PhaseWatch(SystemClock())


async def test_the_first_address_that_connects_is_taken(watch):
    """A dead address costs a moment, not the answer."""
    async with peer(hangs_up) as here:
        sock, address = await connect(["127.0.0.2", "127.0.0.1"], here.port, watch)

    with sock:
        assert "127.0.0.1" == address
        assert {Phase.CONNECT} == set(watch.durations)


async def test_a_loop_that_stands_still_is_not_a_slow_way(watch):
    """The kernel has timed the handshake."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        connecting = asyncio.create_task(connect(["127.0.0.1"], listening.getsockname()[1], watch))
        await asyncio.sleep(0)
        time.sleep(0.4)  # noqa: ASYNC251 - the loop stands still on purpose
        sock, _ = await connecting

    with sock:
        assert watch.durations[Phase.CONNECT] < 0.35
        assert watch.current is None


async def test_when_none_connects_the_most_telling_failure_is_raised(watch):
    """A refusal is an answer."""
    with pytest.raises(ConnectionRefusedError):
        await connect(["127.0.0.1", "127.0.0.2"], unused_port(), watch)

    assert Phase.CONNECT == watch.current


async def test_an_address_that_says_nothing_does_not_keep_us_from_the_next(watch, monkeypatch):
    """A black hole gets our patience and no more."""
    monkeypatch.setattr(dial_module, "PATIENCE_SECONDS", 0.05)

    async def attempt(address: str, _: asyncio.Timeout) -> str:
        """Connect, or do not."""
        watch.enter(Phase.CONNECT)
        if address == "hole":
            await asyncio.sleep(30)
        return address

    assert "alive" == await dial(["hole", "alive"], watch, attempt)


async def test_patience_ends_with_the_connection(watch, monkeypatch):
    """Once connected the address has all the time of the step: it may be slow, but it is there."""
    monkeypatch.setattr(dial_module, "PATIENCE_SECONDS", 0.05)

    async def attempt(address: str, patience: asyncio.Timeout) -> str:
        """Connect, or do not."""
        watch.enter(Phase.CONNECT)
        patience.reschedule(None)
        await asyncio.sleep(0.2)
        return address

    assert "slow" == await dial(["slow", "other"], watch, attempt)


async def test_a_failure_once_connected_is_not_tried_elsewhere(watch):
    """The next address would hide that the first is broken."""
    tried = []

    async def attempt(address: str, _: asyncio.Timeout) -> str:
        """Connect, or do not."""
        tried.append(address)
        watch.enter(Phase.TLS)
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        await dial(["a", "b"], watch, attempt)

    assert ["a"] == tried
