"""What any test may ask for."""

from collections.abc import Iterator

import pytest

from tests import postgres as pg


@pytest.fixture(scope="session")
def postgres() -> Iterator[pg.Postgres]:
    """One PostgreSQL for all tests that do not break it."""
    with pg.server() as server:
        yield server
