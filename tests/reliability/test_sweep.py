"""A day of forty turns, over and over: each time another call to the store fails, and nothing is lost."""

import asyncio
import sqlite3
import types
from contextlib import closing
from itertools import count

import pytest

from prober.model.errors import StoreUnavailable
from prober.model.slot import Missed
from prober.publish.history.engine import in_file
from prober.publish.history.store import SqlStore
from prober.schedule import Schedule
from tests.publish.history.test_keeper import CHAIN, House, back

TURNS = 40


class Failing(SqlStore):
    """A store one of whose calls fails."""

    fails_at, error, is_heard_of = 0, StoreUnavailable("it failed"), False

    async def write(self, entries):
        """The call that fails either never got there, or got there and nobody heard of it."""
        self.fails_at -= 1
        if self.fails_at == 0 and not self.is_heard_of:
            raise self.error
        written = await super().write(entries)
        if self.fails_at == 0:
            raise self.error
        return written


async def day(folder, number, error, *, is_heard_of=False):
    """A scripted day whose call `number` fails: overruns, a stall, and forty turns; what came of it."""
    folder.mkdir(parents=True)
    here = House(in_file(folder / "prober.db"), folder)
    here.store = store = Failing(in_file(folder / "prober.db"), "main")
    store.fails_at, store.error, store.is_heard_of = number, error, is_heard_of
    here.place = type(here.place)(store=store, keeping=here.place.keeping, spool=here.place.spool)
    await here.keeper.open(here.place)
    await here.keeper.adopt([CHAIN])
    for turn in range(TURNS):
        await here.turn(Missed.OVERRUN if turn % 10 == 5 else None, after=90 if turn == 20 else 30)
    await back(here.keeper)
    accounts = await here.accounts()
    await here.keeper.aclose()
    with closing(sqlite3.connect(folder / "prober.db")) as file:
        whole = file.execute("PRAGMA integrity_check").fetchone()
        runs = file.execute("SELECT count(*) FROM runs").fetchone()
    return whole[0], runs[0], accounts, here.books.told, store.fails_at


WHOLE = ("ok", 36, (42, 36, {"overrun": 4, "stalled": 2}), (42, 36, {"overrun": 4, "stalled": 2}))
KINDS = [
    pytest.param(StoreUnavailable("gone fishing"), False, id="away"),
    pytest.param(StoreUnavailable("gone fishing"), True, id="away-after-it-wrote"),
    pytest.param(ZeroDivisionError("a bug"), False, id="bug"),
    pytest.param(ZeroDivisionError("a bug"), True, id="bug-after-it-wrote"),
]


@pytest.mark.parametrize(("error", "is_heard_of"), KINDS)
async def test_whichever_call_fails_nothing_is_lost(tmp_path, error, is_heard_of):
    """A few of all calls, from the first to the last."""
    seen = [await day(tmp_path / f"{i}", i, error, is_heard_of=is_heard_of) for i in (1, 3, 24, 47)]

    assert [WHOLE] * 4 == [each[:-1] for each in seen]
    assert all(each[-1] <= 0 for each in seen)  # it did fail


@pytest.mark.long
@pytest.mark.timeout(1800)
@pytest.mark.parametrize(("error", "is_heard_of"), KINDS)
async def test_each_call_in_turn(tmp_path, error, is_heard_of):
    """Until a day is over before its call would fail."""
    for i in count(1):
        *seen, left = await day(tmp_path / f"{i}", i, error, is_heard_of=is_heard_of)

        assert (i, WHOLE) == (i, tuple(seen))
        if left > 0:
            break
    assert i > TURNS


@types.coroutine
def cancelled_at(number, coroutine):
    """Do what `coroutine` does, but cancel it when it waits for the `number`th time; whether it came to that."""
    steps = coroutine.__await__()
    waits, came_to_it = 0, False
    try:
        waited = steps.send(None)
        while True:
            waits += 1
            if waits == number:
                came_to_it = True
                waited = steps.throw(asyncio.CancelledError)
            yield waited
            waited = steps.send(None)
    except (StopIteration, asyncio.CancelledError):
        return came_to_it


async def test_wherever_a_turn_is_cancelled_its_slot_ends_once(tmp_path):
    """Recorded or missed for the shutdown, in the books and in the metrics; and the next one is taken."""
    for number in count(1):
        here = House(in_file(tmp_path / f"{number}.db"), tmp_path, instance=f"i{number}")
        await here.keeper.open(here.place)
        await here.keeper.adopt([CHAIN])
        schedule = Schedule(
            lambda _chain, slot, h=here: h.keeper.write(h.report(slot)), here.keeper, lambda _late: None
        )
        here.clock.go(30)
        came_to_it = await cancelled_at(number, _turn(schedule))
        await back(here.keeper)
        due, done, lost = here.books.told

        assert (number, (due, done, lost)) == (number, await here.accounts())
        assert (1, 1) == (due, done + lost.get("shutdown", 0))
        await here.turn()
        assert 2 == (await here.accounts())[0]
        await here.keeper.aclose()
        if not came_to_it:
            break
    assert number > 3


async def _turn(schedule):
    """What the schedule does when a tick comes, while it runs."""
    schedule.start({})
    try:
        await schedule._take(CHAIN)
    finally:
        await schedule.stop(0.0)
