"""Supervised tasks: what must go on as long as we live is begun anew when it breaks, and somebody is told."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import NoReturn

import structlog

_log = structlog.get_logger("prober.supervisor")

#: What breaks at once again is not begun anew a thousand times a second; what lived this long begins afresh.
_FIRST_WAIT_SECONDS = 1.0
_LONGEST_WAIT_SECONDS = 60.0

Work = Callable[[], Awaitable[object]]


class EndedEarly(Exception):
    """A task that is to go on for ever came to its end."""


def supervised(name: str, work: Work, died: Callable[[], None]) -> asyncio.Task[NoReturn]:
    """A task that does `work` until it is cancelled; each time that breaks or ends it is logged, and `died` is told."""
    return asyncio.create_task(_again_and_again(name, work, died), name=name)


async def _again_and_again(name: str, work: Work, died: Callable[[], None]) -> NoReturn:
    loop, wait = asyncio.get_running_loop(), _FIRST_WAIT_SECONDS
    while True:
        began = loop.time()
        why = await _death_of(work)
        wait = _FIRST_WAIT_SECONDS if loop.time() - began > _LONGEST_WAIT_SECONDS else wait
        _log.error("task.died", task=name, again_in_seconds=wait, exc_info=why)
        died()
        await asyncio.sleep(wait)
        wait = min(2 * wait, _LONGEST_WAIT_SECONDS)


async def _death_of(work: Work) -> BaseException:
    """What it died of; a cancellation that nobody asked of this task came from inside, and is a death like others."""
    try:
        await work()
    except asyncio.CancelledError as error:
        if (task := asyncio.current_task()) and task.cancelling():
            raise
        return error
    except Exception as error:  # noqa: BLE001 - whatever it is, the work must go on
        return error
    return EndedEarly()
