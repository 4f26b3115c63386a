"""What must go on is begun anew, seen when it dies, and lets itself be ended."""

import asyncio

import pytest
import structlog

from prober import supervisor
from prober.supervisor import supervised


@pytest.fixture(autouse=True)
def _in_a_hurry(monkeypatch):
    """A second is a millisecond here."""
    monkeypatch.setattr(supervisor, "_FIRST_WAIT_SECONDS", 0.001)
    monkeypatch.setattr(supervisor, "_LONGEST_WAIT_SECONDS", 0.05)


class Work:
    """Dies of each of these in turn, then goes on."""

    def __init__(self, *deaths):
        """Nothing is done yet."""
        self.deaths, self.began, self.goes_on = list(deaths), [], asyncio.Event()

    async def __call__(self):
        """Do it."""
        self.began.append(asyncio.get_running_loop().time())
        if not self.deaths:
            self.goes_on.set()
            await asyncio.Event().wait()
        if death := self.deaths.pop(0):
            raise death


async def ended(task):
    """The task after it was cancelled."""
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    return task


async def test_what_dies_is_begun_anew_and_seen():
    """Of whatever it died: a bug, an end, a cancellation from inside. Each is logged with what it was, and counted."""
    work, deaths = Work(ZeroDivisionError("why"), None, asyncio.CancelledError()), []
    with structlog.testing.capture_logs() as logged:
        task = supervised("some work", work, lambda: deaths.append(1))
        async with asyncio.timeout(5):
            await work.goes_on.wait()
        await ended(task)

    told = [(line["event"], line["task"], type(line["exc_info"]).__name__) for line in logged]
    why = ["ZeroDivisionError", "EndedEarly", "CancelledError"]
    assert [("task.died", "some work", each) for each in why] == told
    assert 3 == len(deaths)


async def test_what_dies_at_once_each_time_is_begun_ever_more_slowly():
    """The waits double up to the longest."""
    work = Work(*[ZeroDivisionError()] * 8)
    task = supervised("some work", work, lambda: None)
    async with asyncio.timeout(5):
        await work.goes_on.wait()
    await ended(task)

    waits = [later - sooner for sooner, later in zip(work.began, work.began[1:], strict=False)]
    least = [0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.05, 0.05]
    assert [True] * 8 == [wait >= at_least * 0.9 for wait, at_least in zip(waits, least, strict=True)]


async def test_what_lived_long_is_begun_anew_soon(monkeypatch):
    """Its deaths of long ago are forgotten."""
    monkeypatch.setattr(supervisor, "_LONGEST_WAIT_SECONDS", 0.01)
    monkeypatch.setattr(supervisor, "_FIRST_WAIT_SECONDS", 0.002)

    async def work():
        await asyncio.sleep(0.02)

    with structlog.testing.capture_logs() as logged:
        task = supervised("some work", work, lambda: None)
        await asyncio.sleep(0.2)
        await ended(task)

    assert {0.002} == {line["again_in_seconds"] for line in logged}


async def test_who_is_told_to_end_ends():
    """While it works, and while it waits to begin anew."""
    working = supervised("some work", Work(), lambda: None)
    waiting = supervised("some work", Work(*[ZeroDivisionError()] * 99), lambda: None)
    await asyncio.sleep(0.02)

    assert [True, True] == [(await ended(task)).cancelled() for task in (working, waiting)]
