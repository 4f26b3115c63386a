"""A world kept running whose services can be given holes, and a look at it with the whole set of controls."""

import pytest_asyncio

from prober.lab.world import World


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world():
    """Services as they really behave."""
    async with World(dialect="real") as running:
        yield running
