import asyncio

import pytest

from prober.publish.web.kept import Kept


class Maker:
    """Counts what it makes."""

    def __init__(self):
        """Nothing yet."""
        self.made = 0

    async def __call__(self):
        """One more."""
        await asyncio.sleep(0)
        self.made += 1
        return f"rendering {self.made}"


async def test_all_who_ask_at_once_get_the_same():
    """It is made once."""
    kept, make = Kept(), Maker()

    assert {"rendering 1"} == set(await asyncio.gather(*(kept.get("part", 1, make) for _ in range(20))))


async def test_another_state_is_rendered_anew():
    """And another part is another rendering."""
    kept, make = Kept(), Maker()
    told = [await kept.get(part, state, make) for part, state in (("a", 1), ("a", 1), ("a", 2), ("b", 2))]

    assert ["rendering 1", "rendering 1", "rendering 2", "rendering 3"] == told


async def test_who_goes_away_takes_nothing_from_the_others():
    """A reader that hangs up does not end what others wait for."""
    kept, make = Kept(), Maker()
    first = asyncio.create_task(kept.get("part", 1, make))
    second = asyncio.create_task(kept.get("part", 1, make))
    await asyncio.sleep(0)
    first.cancel()

    assert "rendering 1" == await second


async def test_what_failed_is_tried_again():
    """By the next who asks."""
    kept, make = Kept(), Maker()

    async def breaks():
        raise RuntimeError

    with pytest.raises(RuntimeError):
        await kept.get("part", 1, breaks)

    assert "rendering 1" == await kept.get("part", 1, make)
