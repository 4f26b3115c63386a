import asyncio

import pytest

from prober.gather.wire import idle as idle_module
from prober.gather.wire.idle import MOST_IDLE, Idle, Way
from prober.gather.wire.line import Line
from tests.gather.scripted import peer

WAY = Way("b.test:80", "127.0.0.1", 80, "")


@pytest.fixture
def idle():
    """Nothing rests yet."""
    idle = Idle()
    yield idle
    idle.close()


async def waits(reader, _writer, here):
    """Stay until the caller goes, and note that he did."""
    await reader.read()
    here.gone.release()


@pytest.fixture
async def here():
    """A peer that waits."""
    async with peer(waits) as here:
        here.gone = asyncio.Semaphore(0)
        yield here


async def gone(here, times):
    """Once so many have hung up."""
    async with asyncio.timeout(5):
        for _ in range(times):
            await here.gone.acquire()


async def test_what_was_used_last_is_used_first(idle, here):
    """It is the likeliest to be alive."""
    first, second = await Line.to(here.host, here.port), await Line.to(here.host, here.port)
    idle.put(WAY, first)
    idle.put(WAY, second)

    assert [second, first, None] == [idle.take(WAY), idle.take(WAY), idle.take(WAY)]
    first.close()
    second.close()


@pytest.mark.parametrize(
    "other",
    [
        Way("c.test:80", "127.0.0.1", 80, ""),
        Way("b.test:80", "127.0.0.2", 80, ""),
        Way("b.test:80", "127.0.0.1", 81, ""),
        Way("b.test:80", "127.0.0.1", 80, "b.test"),
    ],
    ids=["place", "address", "port", "name"],
)
async def test_a_line_is_for_its_own_way(idle, here, other):
    """Whoever wants to go elsewhere, or to have another name proven, gets none."""
    idle.put(WAY, await Line.to(here.host, here.port))

    assert idle.take(other) is None


@pytest.mark.parametrize("said", [b"HTTP/1.1 200 OK\r\n\r\n", b""], ids=["speaks", "hangs up"])
async def test_a_peer_that_speaks_unasked_or_hangs_up_is_asked_nothing(idle, said):
    """What it said would be taken for the next answer."""
    go = asyncio.Event()

    async def script(_reader, writer, here):
        """Do so once the line rests."""
        here.noted.release()
        await go.wait()
        writer.write(said)

    async with peer(script) as here:
        here.noted = asyncio.Semaphore(0)
        line = await Line.to(here.host, here.port)
        await here.noted.acquire()
        idle.put(WAY, line)
        go.set()
        await line._readable()

        assert idle.take(WAY) is None


async def test_only_a_few_rest(idle, here):
    """The one that rested longest makes room."""
    lines = [await Line.to(here.host, here.port) for _ in range(MOST_IDLE + 2)]
    for line in lines:
        idle.put(WAY, line)
    await gone(here, 2)
    taken = [idle.take(WAY) for _ in lines]

    assert [*reversed(lines[2:]), None, None] == taken
    for line in lines:
        line.close()


async def test_none_rests_for_long(idle, here, monkeypatch):
    """Somebody on the way may have forgotten it."""
    monkeypatch.setattr(idle_module, "IDLE_SECONDS", 0.05)
    idle.put(WAY, await Line.to(here.host, here.port))
    idle.put(WAY, await Line.to(here.host, here.port))
    await gone(here, 2)

    assert idle.take(WAY) is None
    assert {} == idle._lines


async def test_only_the_meant_are_closed(idle, here):
    """A place is paused, another is not."""
    other = Way("c.test:80", "127.0.0.1", 80, "")
    idle.put(WAY, await Line.to(here.host, here.port))
    kept = await Line.to(here.host, here.port)
    idle.put(other, kept)
    idle.close(lambda place: place == WAY.place)

    assert (None, kept) == (idle.take(WAY), idle.take(other))
    kept.close()
