"""Who is held up, and for how long."""

import asyncio
import time

from prober.gather.clock import SystemClock
from prober.gather.pace import Pace


async def taken(pace, count):
    """When each of so many got its turn, in seconds from now."""
    began = time.perf_counter()

    async def one():
        await pace.turn()
        return time.perf_counter() - began

    return await asyncio.gather(*(one() for _ in range(count)))


async def test_no_pace_holds_up_nobody():
    """All go at once."""
    assert max(await taken(Pace(0, SystemClock()), 50)) < 0.05


async def test_one_goes_per_pace_in_the_order_of_asking():
    """The first at once, each other a pace after the one before."""
    turns = await taken(Pace(0.05, SystemClock()), 4)

    assert [0, 1, 2, 3] == [round(turn / 0.05) for turn in turns]


async def test_time_that_nobody_used_is_not_saved_up():
    """After a break there is no rush."""
    pace = Pace(0.05, SystemClock())
    await pace.turn()
    await asyncio.sleep(0.2)
    turns = await taken(pace, 3)

    assert [0, 1, 2] == [round(turn / 0.05) for turn in turns]
