import asyncio

from prober.publish.metrics import render
from tests.benchmarks import scrape


async def test_a_page_stays_within_bounds():
    """A chain adds at most 1,000 lines to the page, those of an idle prober aside."""
    async with scrape.filled_board(2) as two, scrape.filled_board(1) as one:
        more = [render(board, scrape.ACCEPT)[0].count(b"\n") for board in (one, two)]

    assert more[1] - more[0] < 1000


async def test_a_stall_is_noticed():
    """Whoever holds the event loop for fifty milliseconds is caught at it."""

    async def hold():
        await asyncio.sleep(0.01)
        scrape.time.sleep(0.05)
        await asyncio.sleep(0.01)

    assert await scrape.longest_wait(hold) > 0.04
