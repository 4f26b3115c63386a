"""What every outbox keeps to, whoever keeps it; and how long is waited between two tries."""

from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import MetaData
from sqlalchemy.ext.asyncio import create_async_engine

from prober.model.notice import Kind
from prober.publish.history.engine import in_file
from prober.publish.history.store import SqlStore
from prober.publish.notify.outbox import GIVE_UP_AFTER, is_hopeless, wait_after
from prober.publish.notify.outbox_backed import BackedOutbox
from prober.publish.notify.outbox_memory import MemoryOutbox
from prober.publish.notify.outbox_sql import SqlOutbox, table
from tests.publish.notify.webhook import NOON, letter

LATER = NOON + timedelta(minutes=1)
MUCH_LATER = NOON + timedelta(hours=1)


@asynccontextmanager
async def in_memory(_folder):
    """Letters in this process."""
    yield MemoryOutbox()


@asynccontextmanager
async def in_sqlite(folder):
    """Letters in a file."""
    metadata, engine = MetaData(), create_async_engine(f"sqlite+aiosqlite:///{folder / 'outbox.db'}")
    kept = table(metadata)
    async with engine.begin() as connection:
        await connection.run_sync(metadata.create_all)
    yield SqlOutbox(engine, kept)
    await engine.dispose()


@asynccontextmanager
async def backed_by_nothing(_folder):
    """Letters that would be in a store if there were one."""
    yield BackedOutbox()


@asynccontextmanager
async def backed_by_sqlite(folder):
    """Letters in a file, and in memory if need be."""
    async with in_sqlite(folder) as store:
        backed = BackedOutbox()
        backed.keep_in(store)
        yield backed


@asynccontextmanager
async def in_the_store(address):
    """Letters in the store, where slots and runs are."""
    store = SqlStore(address, "main")
    await store.open()
    yield store.outbox()
    await store.aclose()


KINDS = {each.__name__: each for each in (in_memory, in_sqlite, backed_by_nothing, backed_by_sqlite)}


@pytest.fixture(params=[*KINDS, "sqlite store", pytest.param("postgres store", marks=pytest.mark.postgres)])
async def outbox(request, tmp_path):
    """One of each kind."""
    if request.param in KINDS:
        kind = KINDS[request.param](tmp_path)
    elif request.param == "sqlite store":
        kind = in_the_store(in_file(tmp_path / "prober.db"))
    else:
        kind = in_the_store(request.getfixturevalue("postgres").database())
    async with kind as kept:
        yield kept


async def test_what_was_posted_is_due_at_once(outbox):
    """As it was posted."""
    assert await outbox.put(letter())

    assert [letter()] == list(await outbox.due(NOON, LATER, 9))


async def test_a_letter_is_posted_once(outbox):
    """Whoever posts it again, while it waits and when it is over."""
    posted = [await outbox.put(letter()), await outbox.put(letter(suspects=()))]
    await outbox.over(letter().key, NOON)
    posted.append(await outbox.put(letter()))

    assert [True, False, False] == posted
    assert [] == list(await outbox.due(LATER, MUCH_LATER, 9))


async def test_who_is_given_a_letter_has_it_for_themselves(outbox):
    """Until the claim runs out: whoever had it may have died."""
    await outbox.put(letter())

    given = [len(await outbox.due(at, at + timedelta(minutes=1), 9)) for at in (NOON, NOON, LATER)]

    assert [1, 0, 1] == given


async def test_what_failed_is_due_when_it_is_to_be_tried_again(outbox):
    """And knows how often it was tried."""
    await outbox.put(letter())
    await outbox.due(NOON, MUCH_LATER, 9)
    await outbox.failed(letter().key, LATER)

    before, after = [await outbox.due(at, MUCH_LATER, 9) for at in (NOON, LATER)]

    assert ([], [1]) == (list(before), [each.tries for each in after])


async def test_the_end_waits_for_the_beginning(outbox):
    """Who is told that it is over must know that it began; the letters of others do not wait."""
    for each in (letter(), letter(kind=Kind.RESOLVED), letter(to="dev", kind=Kind.RESOLVED)):
        await outbox.put(each)

    first = await outbox.due(NOON, LATER, 9)
    await outbox.over(letter().key, NOON)
    second = await outbox.due(NOON, LATER, 9)

    assert ["ops/firing", "dev/resolved"] == [f"{each.to}/{each.notice.kind}" for each in first]
    assert ["ops/resolved"] == [f"{each.to}/{each.notice.kind}" for each in second]


async def test_no_more_are_given_than_can_be_tried(outbox):
    """What waited longest comes first."""
    for minutes in (2, 0, 1):
        await outbox.put(letter(episode=f"e{minutes}", posted=NOON + timedelta(minutes=minutes)))

    given = [await outbox.due(MUCH_LATER, MUCH_LATER + timedelta(hours=1), 2) for _ in range(2)]

    assert [["e0", "e1"], ["e2"]] == [[each.notice.episode for each in some] for some in given]


async def test_letters_to_who_is_busy_are_left_alone(outbox):
    """They are due for somebody else, or later."""
    for receiver in ("ops", "dev"):
        await outbox.put(replace(letter(), to=receiver))

    given = [await outbox.due(LATER, MUCH_LATER, 9, busy) for busy in (("ops", "dev"), ("ops",), ())]

    assert [[], ["dev"], ["ops"]] == [[each.to for each in some] for some in given]


async def test_what_is_over_is_forgotten_in_time(outbox):
    """And what is not over never is."""
    await outbox.put(letter())
    await outbox.put(letter(episode="e2"))
    await outbox.over(letter().key, NOON)

    await outbox.forget(NOON)
    remembered = await outbox.put(letter())
    await outbox.forget(LATER)

    assert (False, True, False) == (remembered, await outbox.put(letter()), await outbox.put(letter(episode="e2")))


@pytest.mark.parametrize(("tries", "seconds"), [(0, 5), (1, 5), (2, 10), (3, 20), (6, 160), (7, 300), (10_000, 300)])
def test_waits_double_up_to_five_minutes(tries, seconds):
    """A service that was away for a while is tried again soon after it came back."""
    assert timedelta(seconds=seconds) == wait_after(tries)


def test_after_three_days_of_trying_it_is_no_news_any_more():
    """Counted from when it was posted."""
    last = NOON + GIVE_UP_AFTER

    assert (False, True) == (is_hopeless(letter(), last - timedelta(seconds=1)), is_hopeless(letter(), last))
