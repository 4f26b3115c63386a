"""A store that is away makes nobody go untold; what all outboxes keep to is in test_outbox.py."""

import asyncio
import time
from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from prober.model.notice import Kind
from prober.publish.notify import outbox_backed
from prober.publish.notify.outbox_backed import BackedOutbox
from prober.publish.notify.outbox_memory import MemoryOutbox
from tests.publish.notify.webhook import NOON, letter

LATER = NOON + timedelta(minutes=1)


class Shaky:
    """A store that is there, refuses or hangs, as a test wants."""

    def __init__(self):
        """There."""
        self.inside, self.manner, self.asked = MemoryOutbox(), "there", 0

    def __getattr__(self, name):
        """Any method of an outbox."""

        async def method(*given):
            self.asked += 1
            if self.manner == "refuses":
                message = "postgresql://prober:correct-horse@db"
                raise ConnectionRefusedError(message)
            if self.manner == "hangs":
                await asyncio.sleep(3600)
            return await getattr(self.inside, name)(*given)

        return method


@pytest.fixture
def store():
    """A store, there at first."""
    return Shaky()


@pytest.fixture
def outbox(store, monkeypatch):
    """An outbox kept in it; once it failed it is asked again at once."""
    monkeypatch.setattr(outbox_backed, "_AWAY_SECONDS", 0.0)
    backed = BackedOutbox()
    backed.keep_in(store)
    return backed


async def due(outbox, at=NOON):
    """Which episodes are due."""
    return [f"{each.notice.episode}/{each.notice.kind}" for each in await outbox.due(at, at + timedelta(hours=1), 9)]


@pytest.mark.parametrize("manner", ["refuses", "hangs"])
async def test_what_is_posted_while_the_store_is_away_is_due_all_the_same(outbox, store, manner):
    """Well within the time a sink has; it is posted once, and goes on being ours when the store is back."""
    store.manner, began = manner, time.monotonic()
    first = await outbox.put(letter())
    took = time.monotonic() - began
    store.manner = "there"

    assert (True, False) == (first, await outbox.put(letter()))
    assert ["e1/firing"] == await due(outbox)
    await outbox.failed(letter().key, LATER)
    assert ["e1/firing"] == await due(outbox, LATER)
    await outbox.over(letter().key, LATER)
    assert [] == await due(outbox, LATER + timedelta(days=1))
    assert took < 4


async def test_what_was_taken_while_the_store_was_away_is_not_sent_again(outbox, store):
    """It is written down before the store gives anything out."""
    await outbox.put(letter())
    await outbox.put(letter(kind=Kind.RESOLVED))
    assert ["e1/firing"] == await due(outbox)
    store.manner = "refuses"
    await outbox.over(letter().key, NOON)
    away = await due(outbox, NOON + timedelta(days=1))
    store.manner = "there"

    assert ([], ["e1/resolved"]) == (away, await due(outbox, NOON + timedelta(days=1)))


async def test_what_failed_while_the_store_was_away_is_due_when_the_claim_runs_out(outbox, store):
    """It cannot be written down when to try it next."""
    await outbox.put(letter())
    await outbox.due(NOON, LATER, 9)
    store.manner = "refuses"
    await outbox.failed(letter().key, NOON)
    store.manner = "there"

    assert ([], ["e1/firing"]) == (await due(outbox), await due(outbox, LATER))


async def test_a_store_that_failed_is_left_alone_for_a_while(store):
    """One letter waits for it, not each."""
    outbox = BackedOutbox()
    outbox.keep_in(store)
    store.manner = "hangs"
    for number in range(5):
        await outbox.put(letter(episode=f"e{number}"))

    assert 1 == store.asked
    assert 5 == len(await due(outbox))


async def test_the_log_says_that_it_is_away_and_not_where_it_is(outbox, store):
    """What a database says may hold its password."""
    store.manner = "refuses"
    with capture_logs() as events:
        await outbox.put(letter())

    assert [("notify.store_away", "ConnectionRefusedError")] == [(each["event"], each["why"]) for each in events]
    assert "correct-horse" not in str(events)


async def test_letters_from_before_there_was_a_store_stay_where_they_are(store):
    """And are due before those of the store."""
    outbox = BackedOutbox()
    await outbox.put(letter(episode="here"))
    outbox.keep_in(store)
    await outbox.put(letter(episode="there"))

    assert ["here/firing", "there/firing"] == await due(outbox)
