"""A deadline for what blocks: a call in a thread of its own, which is left behind when it takes too long."""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

V = TypeVar("V")


def within(call: Callable[[], V], seconds: float) -> V:
    """What `call` gives; raises TimeoutError after `seconds`, and what `call` raises."""
    return _begun(call).result(timeout=seconds)


async def soon(call: Callable[[], V], seconds: float) -> V:
    """The same, while the event loop goes on."""
    async with asyncio.timeout(seconds):
        return await asyncio.wrap_future(_begun(call))


def _begun(call: Callable[[], V]) -> Future[V]:
    """A daemon: one that hangs does not keep the process from ending, as a pool's would."""
    future: Future[V] = Future()
    future.set_running_or_notify_cancel()  # nobody can take it back: whoever waits no longer leaves it behind

    def work() -> None:
        try:
            future.set_result(call())
        except BaseException as error:  # noqa: BLE001 - whoever waits is told, whatever it is
            future.set_exception(error)

    threading.Thread(target=work, daemon=True, name="secret source").start()
    return future
