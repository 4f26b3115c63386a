"""Golden files: what outlets write, kept to be read in review; UPDATE_GOLDEN=1 in the environment writes them anew.

And a board that has met whatever targets can answer.
"""

import asyncio
import logging
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

import pytest
import structlog

from prober.judge.causes import catalogue
from prober.publish.board import Board
from tests import builders as b
from tests.publish import builders as p

_GOLDEN = Path(__file__).parent / "golden"


@pytest.fixture
def golden() -> Callable[[str, str], str]:
    """Gives the golden text to compare with; the one written now when asked to update."""

    def read(name: str, written: str) -> str:
        if os.environ.get("UPDATE_GOLDEN"):
            (_GOLDEN / name).write_text(written, encoding="utf-8")
        return (_GOLDEN / name).read_text(encoding="utf-8")

    return read


@pytest.fixture(autouse=True)
def _logging_as_before() -> Iterator[None]:
    """Whatever a test configures, the next begins without it."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers, root.level = handlers, level
    structlog.reset_defaults()


@pytest.fixture(scope="session")
def hostile() -> Board:
    """A board after targets that answered whatever they liked."""
    rng, board = Random(1), Board(p.build_plan(), [cause.name for cause in catalogue()], lambda: b.NOON)
    reports = [p.hostile_report(rng, *p.STEPS) for _ in range(300)]
    with asyncio.Runner() as runner:
        for report in reports:
            runner.run(board.write(report))
    return board
