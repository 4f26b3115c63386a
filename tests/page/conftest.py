"""One Chromium and one lab for all tests of a file that look at the page."""

from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio
import structlog
from playwright.async_api import Browser, expect

from prober.lab.world import World
from tests.page.reader import chromium, installed_or_skip


@pytest.fixture(scope="module", autouse=True)
def _briefly() -> Iterator[None]:
    """What goes wrong in the server is one line: structlog's own way to show it takes minutes over 64 kB of locals."""
    structlog.configure(processors=[structlog.processors.format_exc_info, structlog.processors.KeyValueRenderer()])
    yield
    structlog.reset_defaults()


@pytest.fixture(scope="module", autouse=True)
def _is_installed() -> Iterator[None]:
    """Before anything is started."""
    installed_or_skip()
    expect.set_options(timeout=20_000)  # two cores, both busy; a chain turns every five seconds
    yield
    expect.set_options(timeout=5_000)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    """The distribution's Chromium."""
    async with chromium() as browser:
        yield browser


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world() -> AsyncIterator[World]:
    """A staging environment, whole."""
    async with World() as world:
        yield world
