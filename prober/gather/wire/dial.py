"""Connecting: the addresses of a name in their order, the next one only when one does not connect."""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterator, Sequence
from functools import partial
from typing import TypeVar

from prober.gather.clock import PhaseWatch
from prober.gather.trouble import telling
from prober.gather.wire.line import connected_ago
from prober.model.trouble import Phase

T = TypeVar("T")

#: How long an address may keep us from the next one; RFC 8305 §8 allows up to 2 s. The last has the step's deadline.
PATIENCE_SECONDS = 1.0

#: An attempt is given its address, and our patience to `reschedule(None)` once it is connected.
Attempt = Callable[[str, asyncio.Timeout], Awaitable[T]]


async def dial(addresses: Sequence[str], watch: PhaseWatch, attempt: Attempt[T]) -> T:
    """What `attempt` gives for the first address that connects.

    Raises what an attempt raises once connected, else the most telling of the failures to connect.
    """
    failures: list[Exception] = []
    for address, seconds in _turns(addresses):
        try:
            async with asyncio.timeout(seconds) as patience:
                return await attempt(address, patience)
        except Exception as error:
            if watch.current is not Phase.CONNECT:
                raise
            failures.append(error)
    try:
        raise telling(failures)
    finally:
        failures.clear()  # each knows this frame, which knows it: a whole step would wait for the garbage collector


async def connect(addresses: Sequence[str], port: int, watch: PhaseWatch) -> tuple[socket.socket, str]:
    """A connected socket that does not block, and the address it leads to."""
    return await dial(addresses, watch, partial(_connect, port, watch))


def _turns(addresses: Sequence[str]) -> Iterator[tuple[str, float | None]]:
    """Each address with the seconds it may take; the last has all the time there is."""
    yield from ((address, PATIENCE_SECONDS) for address in addresses[:-1])
    yield addresses[-1], None


async def _connect(port: int, watch: PhaseWatch, address: str, _: asyncio.Timeout) -> tuple[socket.socket, str]:
    sock = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM)
    loop = asyncio.get_running_loop()
    began = loop.time()
    watch.enter(Phase.CONNECT)
    try:
        sock.setblocking(False)  # noqa: FBT003 - the standard library's own way to say it
        await loop.sock_connect(sock, (address, port))
        watch.leave(connected_ago(sock, loop.time() - began))
    except BaseException:
        watch.stop()
        sock.close()
        raise
    return sock, address
