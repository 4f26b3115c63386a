"""We are woken at the moments we name, one after the other."""

import asyncio
from datetime import UTC, datetime, timedelta

from prober.waking import Waker


class Sleeper:
    """Wants to be woken after each of these waits, and never again."""

    def __init__(self, *waits):
        """In seconds."""
        self.waits, self.woken = [*waits], []
        self.at = self.next()

    def next(self):
        """The moment after the next wait."""
        wait = self.waits.pop(0) if self.waits else 3600
        return datetime.now(UTC) + timedelta(seconds=wait)

    def wake(self):
        """Wake, and name the next moment."""
        self.woken.append(datetime.now(UTC) - self.at)
        self.at = self.next()


def waker_of(sleeper):
    """Somebody who wakes him."""
    return Waker(sleeper.wake, lambda: sleeper.at)


async def test_what_has_passed_is_due_by_a_clock_that_stands_still_too():
    """A moment that is still to come, be it by a microsecond, never comes there."""
    sleeper = Sleeper(-10)
    waker = waker_of(sleeper)
    waker.set()

    assert waker.at == sleeper.at
    waker.stop()


async def test_each_moment_is_kept():
    """Also one that is past already, or follows at once: each wakes us once, and none too early."""
    sleeper = Sleeper(0.05, 0, -10, 0.05)
    waker = waker_of(sleeper)
    waker.set()
    await asyncio.sleep(0.6)
    waker.stop()

    assert 4 == len(sleeper.woken)
    assert min(sleeper.woken) >= timedelta()


async def test_nobody_is_woken_before_something_is_set_or_after_the_end():
    """And it is told when that will be."""
    sleeper = Sleeper(0.1)
    waker = waker_of(sleeper)
    unset = waker.at
    await asyncio.sleep(0.01)
    waker.set()
    at, was_running = waker.at, waker.is_running
    waker.stop()
    await asyncio.sleep(0.2)

    assert (None, True, False) == (unset, was_running, waker.is_running)
    assert (sleeper.at, []) == (at, sleeper.woken)


async def test_another_moment_can_be_set():
    """Sooner than the one that was set before."""
    sleeper = Sleeper(3600, 3600)
    waker = waker_of(sleeper)
    waker.set()
    sleeper.at = datetime.now(UTC) + timedelta(seconds=0.05)
    waker.set()
    await asyncio.sleep(0.3)
    waker.stop()

    assert 1 == len(sleeper.woken)
