"""Letters that survive: a restart, a kill at the worst moment, a second instance. The rest is in test_outbox.py."""

import asyncio
import signal
import sys
from contextlib import asynccontextmanager
from datetime import timedelta

from sqlalchemy import MetaData, text
from sqlalchemy.ext.asyncio import create_async_engine

from prober.publish.notify.notifier import CLAIM, Notifier
from prober.publish.notify.outbox_sql import SqlOutbox, table
from tests.publish.notify.webhook import NOON, Book, Clock, letter, notice, webhook

LATER = NOON + timedelta(minutes=1)

#: An instance that hands its letter over, and is killed before it can write that down.
DYING = """
import asyncio, os, signal, sys
from prober.publish.notify.handover import hand_over
from prober.publish.notify.notifier import Notifier
from tests.publish.notify.test_outbox_sql import opened
from tests.publish.notify.webhook import Book, Clock

async def dies(url, message):
    handed = await hand_over(url, message)
    assert handed.taken, handed
    os.kill(os.getpid(), signal.SIGKILL)

async def main():
    async with opened(sys.argv[1]) as outbox:
        await Notifier(outbox, Book(ops=sys.argv[2]), print, now=Clock(), way_out=dies).turn()

asyncio.run(main())
"""


@asynccontextmanager
async def opened(path):
    """The outbox in a file, as one instance has it."""
    metadata, engine = MetaData(), create_async_engine(f"sqlite+aiosqlite:///{path}")
    kept = table(metadata)
    async with engine.begin() as connection:
        await connection.run_sync(metadata.create_all)
    yield SqlOutbox(engine, kept)
    await engine.dispose()


def nobody(_name, _delivery):
    """Counts nothing."""


async def test_a_restart_loses_nothing(tmp_path):
    """Letters that wait, that failed and that are over are what they were."""
    async with opened(tmp_path / "o.db") as before:
        for episode in ("waits", "failed", "over"):
            await before.put(letter(episode=episode))
        await before.failed(letter(episode="failed").key, LATER)
        await before.over(letter(episode="over").key, NOON)

    async with opened(tmp_path / "o.db") as after:
        now, then = [await after.due(at, at + timedelta(days=1), 9) for at in (NOON, LATER)]
        is_new = await after.put(letter(episode="over"))

    assert ([letter(episode="waits")], [("failed", 1)], False) == (
        list(now),
        [(each.notice.episode, each.tries) for each in then],
        is_new,
    )


async def test_a_kill_between_handing_over_and_writing_down_makes_one_duplicate(tmp_path):
    """With the same episode, once the claim of the dead has run out; and none is lost."""
    clock = Clock()
    async with webhook() as hook, opened(tmp_path / "o.db") as outbox:
        living = Notifier(outbox, Book(ops=hook.url), nobody, now=clock)
        await living.tell([notice()])
        words = ("-c", DYING, str(tmp_path / "o.db"), hook.url)
        died = await asyncio.create_subprocess_exec(sys.executable, *words)
        async with asyncio.timeout(30):
            code = await died.wait()
        tried = [await living.turn()]
        clock.turn(seconds=CLAIM.total_seconds())
        tried += [await living.turn(), await living.turn()]

    assert (-signal.SIGKILL, [0, 1, 0]) == (code, tried)
    assert ["Episode: success_ratio_low/e1/firing"] * 2 == hook.episodes


async def test_two_instances_tell_once(tmp_path):
    """Both saw the same episodes, both post them, both deliver what they find: each letter goes out once."""
    episodes = [notice(episode=f"e{number}") for number in range(4)]
    async with webhook() as hook, opened(tmp_path / "o.db") as one, opened(tmp_path / "o.db") as other:
        both = [Notifier(each, Book(ops=hook.url), nobody, now=Clock()) for each in (one, other)]
        posted = await asyncio.gather(*(each.tell(episodes) for each in both))
        while any(await asyncio.gather(*(each.turn() for each in both))):
            pass

    assert (4, sorted(f"Episode: success_ratio_low/e{n}/firing" for n in range(4))) == (
        sum(posted),
        sorted(hook.episodes),
    )


async def test_of_two_who_claim_at_the_same_moment_one_wins(tmp_path):
    """The UPDATE decides, however often both look first."""
    async with opened(tmp_path / "o.db") as one, opened(tmp_path / "o.db") as other:
        for number in range(20):
            await one.put(letter(episode=f"e{number}"))
        rounds = [await asyncio.gather(*(each.due(NOON, LATER, 1) for each in (one, other))) for _ in range(25)]

    given = [each.key for both in rounds for some in both for each in some]
    assert (20, 20) == (len(given), len(set(given)))


async def test_who_was_away_beyond_their_claim_opens_nothing_again(tmp_path):
    """A failure that is written down after another instance delivered changes nothing."""
    async with opened(tmp_path / "o.db") as outbox:
        await outbox.put(letter())
        await outbox.over(letter().key, NOON)
        await outbox.failed(letter().key, NOON)

        assert [] == list(await outbox.due(LATER, LATER, 9))


async def test_no_address_is_ever_written_to_the_database(tmp_path):
    """A letter names its receiver; where they are is looked up when it is handed over."""
    async with webhook() as hook, opened(tmp_path / "o.db") as outbox:
        notifier = Notifier(outbox, Book(ops=f"{hook.url}?-token=correct-horse"), nobody, now=Clock())
        await notifier.tell([notice()])
        await notifier.turn()
        async with outbox.engine.connect() as connection:
            rows = (await connection.execute(text("SELECT * FROM notifications"))).all()

    assert 1 == len(hook.got) == len(rows)
    assert b"correct-horse" not in b"".join(path.read_bytes() for path in tmp_path.iterdir())
