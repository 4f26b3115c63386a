import asyncio
import signal
import socket

import httpx
import pytest

from prober.publish.web.server import serve


async def start(world, host="127.0.0.1", port=0):
    """The server, going: its task, its address and what stops it."""
    stop, ready = asyncio.Event(), asyncio.get_running_loop().create_future()
    serving = asyncio.create_task(serve(world.app, host, port, ready.set_result, stop))
    await asyncio.wait([serving, ready], return_when=asyncio.FIRST_COMPLETED)
    return serving, (ready.result() if ready.done() else None), stop


async def test_a_free_port_is_told(world):
    """With port 0 the true address is known once it answers."""
    serving, url, stop = await start(world)
    async with httpx.AsyncClient(trust_env=False) as client:
        answer = await client.get(f"{url}/-/healthy")
    stop.set()
    await serving

    assert (answer.status_code, url.endswith(":0")) == (200, False)


async def test_it_ends_when_told(world):
    """Soon, and the port is free again."""
    serving, url, stop = await start(world)
    port = int(url.rpartition(":")[2])
    stop.set()
    await asyncio.wait_for(serving, 2)
    again, same, stop = await start(world, port=port)
    stop.set()
    await again

    assert same == url


async def test_signals_stay_with_the_program(world):
    """Uvicorn would take them, and raise them again at the end."""
    before = signal.getsignal(signal.SIGTERM)
    serving, _, stop = await start(world)
    during = signal.getsignal(signal.SIGTERM)
    stop.set()
    await serving

    assert during is before


async def test_a_taken_address_is_an_error_of_the_callers(world):
    """It does not end the process."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        serving, _, _ = await start(world, port=taken.getsockname()[1])

        with pytest.raises(OSError, match="in use"):
            await serving


async def test_cancelling_it_closes_the_port(world):
    """Nothing is left listening."""
    serving, url, _ = await start(world)
    serving.cancel()
    await asyncio.wait([serving])

    async with httpx.AsyncClient(trust_env=False) as client:
        with pytest.raises(httpx.ConnectError):
            await client.get(url)


async def test_running_answers_are_finished(world, bearer):
    """A caller that waits for its report gets it although the server is told to stop meanwhile."""
    serving, url, stop = await start(world)
    async with httpx.AsyncClient(trust_env=False) as client:
        path = "/api/v1/chains/validation/runs?wait=true&timeout=0.5"
        waiting = asyncio.create_task(client.post(url + path, headers=bearer))
        await asyncio.sleep(0.1)
        stop.set()
        answer = await waiting
    await serving

    assert answer.status_code == 202
