"""A store of each kind, empty, and entries with sane defaults."""

from contextlib import contextmanager

import pytest
import pytest_asyncio
from sqlalchemy import Engine, event

from prober.judge.ledger import grid_of, slot_at
from prober.model.slot import Missed, Slot
from prober.publish.history.engine import in_file
from prober.publish.history.entries import Due, Ended, Opened
from prober.publish.history.record import Record
from prober.publish.history.store import SqlStore
from tests import builders as b
from tests.publish import builders as p

GRID = grid_of(b.chain(name="validation"), "main")
FIRST = slot_at(GRID, b.NOON).sequence


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def address(request, tmp_path):
    """Where a fresh store is, of each kind."""
    if request.param == "sqlite":
        return in_file(tmp_path / "prober.db")
    return request.getfixturevalue("postgres").database()


@pytest_asyncio.fixture
async def store(address):
    """A store, open and empty."""
    store = SqlStore(address, "main")
    await store.open()
    yield store
    await store.aclose()


def slot(number=0):
    """The slot that was due so many intervals after noon."""
    return Slot(GRID, FIRST + number)


def opened(number=0):
    """Slots exist from there on."""
    return Opened(grid=GRID, sequence=FIRST + number)


def due(number=0, instance="a", **more):
    """A slot came due."""
    given = {"expires": slot(number).due.timestamp() + 30, "why": Missed.STALLED, **more}
    return Due(slot=slot(number), instance=instance, **given)


def ended(number=0, instance="a", missed=None, report=None, **more):
    """A slot ended, with a run unless it is missed."""
    run = {"id": f"run-{number}-{instance}", "slot": slot(number), "ended": slot(number).due}
    record = None if missed else Record.of(report or p.build_report(**run))
    return Ended(slot=slot(number), instance=instance, missed=missed, record=record, **more)


@contextmanager
def statements(store):
    """The statements that are sent meanwhile."""
    sent = []

    def heard(_connection, _cursor, statement, *_more):
        sent.append(statement)

    event.listen(Engine, "before_cursor_execute", heard)
    yield sent
    event.remove(Engine, "before_cursor_execute", heard)
