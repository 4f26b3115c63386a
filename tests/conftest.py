"""What any test may ask for, and which tests are run beside each other."""

from collections.abc import Iterator

import pytest
from xdist.scheduler import LoadFileScheduling

from tests import postgres as pg

#: Folders and files whose tests run many processes and mind how late something is.
_LOUD = (
    "docs/test_pages.py",
    "instances/",
    "page/",
    "prometheus/",
    "reliability/",
    "rotation/",
    "safety/test_canary.py",
    "stories/test_gates.py",
)


class _OneLoudAtATime(LoadFileScheduling):
    """A file to a worker, and all loud ones to the same: two at once would find each other late, not what they test."""

    def _split_scope(self, nodeid: str) -> str:
        return "loud" if nodeid.startswith(tuple(f"tests/{each}" for each in _LOUD)) else super()._split_scope(nodeid)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> LoadFileScheduling:
    """Instead of the one that `--dist` names."""
    return _OneLoudAtATime(config, log)


@pytest.fixture(scope="session")
def postgres() -> Iterator[pg.Postgres]:
    """One PostgreSQL for all tests that do not break it."""
    with pg.server() as server:
        yield server
