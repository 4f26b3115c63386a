"""What is kept of the runs of a batch, on each kind of database."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from prober.publish.history.entries import Kept
from prober.publish.history.record import Record
from prober.publish.history.store import SqlStore
from prober.publish.history.tables import causes, revisions, runs, steps, tallies
from tests import builders as b
from tests.publish import builders as p
from tests.publish.history.conftest import statements

DEADLOCKS = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"


def kept(run_id, at=0, **told):
    """A run to be kept that ended so many seconds after noon."""
    record = Record.of(p.broken_report(id=run_id, ended=b.NOON + timedelta(seconds=at)))
    return Kept(location="main", record=replace(record, **told))


async def rows(store, query):
    """What the store says to a query."""
    return [tuple(row) for row in await store._read(query)]


async def counts(store):
    """How many rows there are of runs, of steps and of causes, and how many looks."""
    of_each = [(await rows(store, select(func.count()).select_from(each)))[0][0] for each in (runs, steps, causes)]
    return (*of_each, (await rows(store, select(func.sum(tallies.c.looks))))[0][0])


async def test_twenty_runs_take_as_many_statements_as_one(store):
    """Each goes to the database and back: that takes longer than what it does there."""
    await store.write([kept("first")])  # of a revision that was not seen before
    with statements(store) as for_one:
        await store.write([kept("second")])
    with statements(store) as for_many:
        await store.write([kept(f"run-{number}") for number in range(20)])

    assert len(for_many) == len(for_one) > 0
    assert (22, 22 * len(p.STEPS), 22, 22 * len(p.STEPS)) == await counts(store)


async def test_a_run_that_is_there_stays_as_it_is(store):
    """Beside others that are new, and where it comes twice in one batch: nothing of it counts twice."""
    await store.write([kept("a")])
    before = await store.get("a")
    await store.write([kept("b"), kept("a", verdict="pass"), kept("c"), kept("c")])

    assert (3, 3 * len(p.STEPS), 3, 3 * len(p.STEPS)) == await counts(store)
    assert before == await store.get("a")
    assert {("fail",)} == set(await rows(store, select(runs.c.verdict)))


async def test_looks_of_a_batch_are_added_up(store):
    """By half hour, step, verdict and speed, with the longest of each; also to what was there."""
    step = replace(kept("x").record.steps[0], duration_seconds=0.15)
    of = {name: (replace(step, duration_seconds=seconds),) for name, seconds in {"a": 0.17, "b": 0.16}.items()}
    of["c"] = (replace(step, duration_seconds=None),)
    await store.write([kept("first", steps=(step,))])
    await store.write([kept(name, steps=each) for name, each in of.items()])

    told = select(tallies.c.step, tallies.c.looks, tallies.c.longest_seconds).order_by(tallies.c.looks)
    assert [(step.step, 1, None), (step.step, 3, 0.17)] == await rows(store, told)


async def test_revisions_go_on_and_change_within_a_batch(store):
    """From when until when each was seen; one that comes again is there again."""
    await store.write([kept("0", 0, revisions={"auth": "old"})])
    told = [(10, "old"), (20, "new"), (30, "new"), (40, "old")]
    await store.write([kept(str(at), at, revisions={"auth": revision}) for at, revision in told])

    found = await rows(store, select(revisions).order_by(revisions.c.first_seen))
    noon = b.NOON.timestamp()
    expected = [("old", 0, 10), ("new", 20, 30), ("old", 40, 40)]
    assert [("main", "auth", noon + first, revision, noon + last) for revision, first, last in expected] == found


@pytest.mark.postgres
async def test_two_that_keep_runs_of_the_same_chains_never_wait_for_each_other(postgres):
    """Whatever the order in which their runs come: looks and revisions are written in one."""
    address = postgres.database()
    stores = [SqlStore(address, "main") for _ in range(3)]
    for store in stores:
        await store.open()
    chains = [f"c{number}" for number in range(6)]

    async def turns(store, name, order):
        for number in range(15):
            told = [(f"{name}-{number}-{chain}", chain, {"auth": f"{number}", "backend": "1"}) for chain in order]
            await store.write([kept(run_id, number, chain=chain, revisions=seen) for run_id, chain, seen in told])

    orders = [chains, chains[::-1], chains[3:] + chains[:3]]
    await asyncio.gather(*(turns(store, name, order) for name, store, order in zip("abc", stores, orders, strict=True)))
    found = await counts(stores[0])
    for store in stores:
        await store.aclose()
    assert (270, 270 * len(p.STEPS), 270, 270 * len(p.STEPS)) == found
    assert "0" == postgres.sql(DEADLOCKS, address.rpartition("/")[2])
