import asyncio

from prober.gather.clock import PhaseWatch, SystemClock
from prober.gather.wire.websocket_call import Call
from prober.gather.wire.websocket_stock import open_stock
from tests.gather.peers import socket_peer


async def test_nobody_can_tell_how_old_it_is_what_the_library_read():
    """It reads whenever the loop gets round to it, and notes no time."""

    async def handler(ws):
        await ws.send("here")
        await ws.wait_closed()

    watch = PhaseWatch(SystemClock())
    async with socket_peer(handler) as port:
        link = await open_stock(Call(url=f"ws://127.0.0.1:{port}/"), ["127.0.0.1"], port, watch)
        await asyncio.sleep(0.05)

        assert ("here", 0.0) == (await link.receive(), link.age_seconds)
        assert 1000 == (await link.close()).sent.code
