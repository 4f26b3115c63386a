"""Everybody is told, once, sooner or later: a real courier, a real webhook, a clock that the test turns."""

import asyncio
import contextlib
from collections import Counter
from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from prober.model.alarm import Severity
from prober.model.errors import SecretUnavailable
from prober.model.notice import Delivery, Kind, Receiver
from prober.publish.notify.handover import Handed
from prober.publish.notify.notifier import AT_ONCE, Notifier, sample_of
from prober.publish.notify.outbox import GIVE_UP_AFTER
from prober.publish.notify.outbox_memory import MemoryOutbox
from tests.publish.notify.webhook import NOON, Book, Clock, notice, webhook

OVER = {"kind": Kind.RESOLVED, "until": NOON + timedelta(minutes=6)}


class Rig:
    """A notifier, what it counts, and the clock it goes by."""

    def __init__(self, outbox=None, book=None, **urls):
        """Receivers by name, with their addresses."""
        self.clock, self.told, self.book = Clock(), [], book or Book(**urls)
        self.outbox = outbox or MemoryOutbox()
        more = {"now": self.clock}
        self.has_told = asyncio.Event()
        self.notifier = Notifier(self.outbox, self.book, self._on_told, **more)

    def _on_told(self, *each):
        self.told.append(each)
        self.has_told.set()

    async def rest(self):
        """Turn until nothing is due; how many letters were tried."""
        count = 0
        while tried := await self.notifier.turn():
            count += tried
        return count


async def test_what_was_told_arrives_at_each_receiver():
    """And is counted under the receiver's name."""
    async with webhook() as one, webhook() as other:
        rig = Rig(ops=one.url, dev=other.url)
        posted = await rig.notifier.tell([notice()])
        await rig.rest()

    assert (2, 1, 1) == (posted, len(one.got), len(other.got))
    assert {("ops", Delivery.TAKEN), ("dev", Delivery.TAKEN)} == set(rig.told)


async def test_a_notice_told_again_is_not_sent_again():
    """Every report of an alert that fires may tell it."""
    async with webhook() as hook:
        rig = Rig(ops=hook.url)
        for _ in range(3):
            await rig.notifier.tell([notice(), notice(suspects=())])
            await rig.rest()

    assert ["Episode: success_ratio_low/e1/firing"] == hook.episodes


async def test_a_receiver_is_not_sent_what_they_do_not_want():
    """Chains and severities are theirs to choose."""

    class Choosy(Book):
        def receivers(self):
            return {"ops": Receiver(name="ops", url="env:OPS", chains=("controls",), severities=(Severity.PAGE,))}

    rig = Rig(book=Choosy(ops="json://127.0.0.1:9/"))

    assert 0 == await rig.notifier.tell([notice(), notice(chain="controls", severity=Severity.TICKET)])
    assert 1 == await rig.notifier.tell([notice(chain="controls")])


async def test_a_service_that_says_500_once_gets_it_a_little_later():
    """After the first wait, and not before."""
    async with webhook(statuses=[500, 200]) as hook:
        rig = Rig(ops=hook.url)
        await rig.notifier.tell([notice()])
        tried = [await rig.rest(), await rig.rest()]
        rig.clock.turn(seconds=5)
        tried += [await rig.rest(), await rig.rest()]

    assert ([1, 0, 1, 0], 2) == (tried, len(hook.got))
    assert [("ops", Delivery.FAILED), ("ops", Delivery.TAKEN)] == rig.told


async def test_a_service_that_is_away_for_ten_minutes_gets_everything_in_order():
    """What began and ended meanwhile too: no episode goes without its notice."""
    async with webhook(statuses=[503]) as hook:
        rig = Rig(ops=hook.url)
        posted = {0: [notice(episode="e0")], 3: [notice(episode="e3")], 6: [notice(episode="e0", **OVER)], 10: []}
        for minute, told in posted.items():
            rig.clock.at = NOON + timedelta(minutes=minute)
            hook.statuses[:] = [503 if minute < 10 else 200]
            await rig.notifier.tell(told)
            await rig.rest()
        rig.clock.turn(minutes=5)
        await rig.rest()

    episodes = [each.removeprefix("Episode: success_ratio_low/") for each in hook.episodes[-3:]]
    assert ["e0/firing", "e0/resolved", "e3/firing"] == sorted(episodes)
    assert episodes.index("e0/firing") < episodes.index("e0/resolved")
    assert (5, 3) == tuple(rig.told.count(("ops", each)) for each in (Delivery.FAILED, Delivery.TAKEN))


async def test_a_receiver_that_hangs_holds_up_no_other():
    """They are tried at the same time."""
    rig = Rig(ops="slow", dev="quick")
    free, taken = asyncio.Event(), []

    async def way_out(url, _message):
        if url.reveal() == "slow":
            await free.wait()
        taken.append(url.reveal())
        return Handed(taken=True)

    rig.notifier._way_out = way_out
    await rig.notifier.tell([notice()])
    turn = asyncio.create_task(rig.notifier.turn())
    await asyncio.sleep(0.05)
    first = list(taken)
    free.set()
    await turn

    assert (["quick"], ["quick", "slow"]) == (first, taken)


@pytest.mark.parametrize("hanging", [1, 3])
async def test_receivers_that_hang_hold_up_nobody_else(hanging):
    """However many letters wait for them: the others get all of theirs meanwhile. Nobody is sent two at once."""
    slow = {f"slow{number}": "slow" for number in range(hanging)}
    rig = Rig(**slow, ops="quick")
    taken, going, most = [], Counter(), Counter()

    async def way_out(url, message):
        going[url.reveal()] += 1
        most[url.reveal()] = max(most[url.reveal()], going[url.reveal()])
        await asyncio.sleep(0.01 if url.reveal() == "quick" else 60)
        going[url.reveal()] -= 1
        taken.append(message.body.splitlines()[-1])
        return Handed(taken=True)

    rig.notifier._way_out = way_out
    running = asyncio.create_task(rig.notifier.run())
    episodes = [f"e{number}" for number in range(6)]
    await rig.notifier.tell([notice(episode=episode) for episode in episodes])
    await asyncio.sleep(1)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)

    assert [f"Episode: success_ratio_low/{episode}/firing" for episode in episodes] == taken
    assert {"quick": 1, "slow": hanging} == most


async def test_a_try_that_cannot_be_written_down_is_seen_and_not_the_end():
    """The next letter is tried all the same."""

    class Forgetful(MemoryOutbox):
        async def over(self, key, now):
            if "e1" in key:
                raise ZeroDivisionError
            await super().over(key, now)

    rig, taken = Rig(outbox=Forgetful(), ops="quick"), []

    async def way_out(_url, message):
        taken.append(message.body)
        return Handed(taken=True)

    rig.notifier._way_out = way_out
    with capture_logs() as logged:
        running = asyncio.create_task(rig.notifier.run())
        await rig.notifier.tell([notice(episode="e1"), notice(episode="e2")])
        await asyncio.wait_for(rig.has_told.wait(), 5)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    assert 2 == len(taken)
    assert ["notify.outbox_failed"] == [line["event"] for line in logged if line["log_level"] == "error"]


async def test_after_three_days_in_vain_it_is_given_up():
    """Said in the log as an error, counted, and never tried again."""
    async with webhook(statuses=[500]) as hook:
        rig = Rig(ops=hook.url)
        await rig.notifier.tell([notice()])
        rig.clock.turn(seconds=GIVE_UP_AFTER.total_seconds())
        with capture_logs() as events:
            await rig.rest()
        rig.clock.turn(days=1)

        assert 0 == await rig.rest()

    assert [("ops", Delivery.GIVEN_UP)] == rig.told
    assert [("notify.letter_given_up", "error", "the service did not take it: 500")] == [
        (event["event"], event["log_level"], event["why"]) for event in events
    ]


async def test_letters_to_whom_a_reload_removed_are_given_up():
    """Nobody knows where to send them."""
    rig = Rig(ops="json://127.0.0.1:9/")
    await rig.notifier.tell([notice()])
    rig.book.urls = {}
    with capture_logs() as events:
        await rig.rest()

    assert [("ops", Delivery.GIVEN_UP)] == rig.told
    assert ["no such receiver is configured any more"] == [event["why"] for event in events]


async def test_an_address_that_is_not_there_yet_is_asked_for_again():
    """A secret may be mounted later; what was to be told waits."""

    class Late(Book):
        is_here = False

        def url(self, receiver):
            if not self.is_here:
                raise SecretUnavailable(receiver.secret, receiver.url, "the environment variable OPS is not set")
            return super().url(receiver)

    async with webhook() as hook:
        rig = Rig(book=Late(ops=hook.url))
        await rig.notifier.tell([notice()])
        with capture_logs() as events:
            await rig.rest()
        rig.book.is_here = True
        rig.clock.turn(seconds=5)
        await rig.rest()

    assert [("ops", Delivery.FAILED), ("ops", Delivery.TAKEN)] == rig.told
    assert "secret 'notify:ops' (env:OPS): the environment variable OPS is not set" == events[0]["why"]


async def test_neither_address_nor_message_is_logged():
    """Events tell whom, which chain, alert and episode, how often, and why not."""
    async with webhook(statuses=[500, 200]) as hook:
        rig = Rig(ops=f"{hook.url}?-token=correct-horse")
        await rig.notifier.tell([notice()])
        with capture_logs() as events:
            await rig.rest()
            rig.clock.turn(seconds=5)
            await rig.rest()

    assert ["notify.letter_failed", "notify.letter_taken"] == [event["event"] for event in events]
    assert not [word for word in ("correct-horse", "signing keys", "127.0.0.1") if word in str(events)]


async def test_it_goes_on_by_itself():
    """What is posted while it waits goes out at once, also after the outbox failed."""

    class Shaky(MemoryOutbox):
        def __init__(self):
            super().__init__()
            self.broke = asyncio.Event()

        async def due(self, *asked):
            if not self.broke.is_set():
                self.broke.set()
                raise ZeroDivisionError
            return await super().due(*asked)

    async with webhook() as hook:
        rig = Rig(outbox=Shaky(), ops=hook.url)
        with capture_logs() as events:
            going = asyncio.create_task(rig.notifier.run())
            await rig.outbox.broke.wait()
            await rig.notifier.tell([notice()])
            async with asyncio.timeout(10):
                await rig.has_told.wait()
            going.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await going

    assert [("ops", Delivery.TAKEN)] == rig.told
    assert "notify.outbox_failed" == events[0]["event"]


async def test_it_rests_while_nothing_is_due():
    """A store is asked every few seconds, and as long as it has something; not all the time."""

    class Counting(MemoryOutbox):
        asked = 0

        async def due(self, *asked):
            self.asked += 1
            return await super().due(*asked)

    rig = Rig(outbox=Counting(), ops="x")
    rig.notifier._way_out = lambda *_: asyncio.sleep(0, Handed(taken=False, why="in a test"))
    going = asyncio.create_task(rig.notifier.run())
    await rig.notifier.tell([notice()])
    async with asyncio.timeout(10):
        await rig.has_told.wait()
    await asyncio.sleep(0.3)
    going.cancel()
    await asyncio.gather(going, return_exceptions=True)

    assert 1 <= rig.outbox.asked <= 4
    assert [("ops", Delivery.FAILED)] == rig.told


async def test_a_sample_passes_by_the_outbox():
    """Whoever asks for one wants to know now, and each time."""
    async with webhook() as hook:
        rig = Rig(ops=hook.url, dev="json://127.0.0.1:9/")
        handed = [await rig.notifier.sample(["ops", "dev"], "staging", "") for _ in range(2)]

    assert [{"ops": True, "dev": False}] * 2 == [{name: h.taken for name, h in each.items()} for each in handed]
    assert ["Sample: the prober of staging can reach you"] * 2 == [each["title"] for each in hook.got]
    assert 0 == await rig.rest()


def test_a_sample_is_no_alert():
    """Nobody is woken by it."""
    sample = sample_of("staging", "https://prober.example/", NOON)

    assert (Kind.SAMPLE, Severity.TICKET, "20260908T120000") == (sample.kind, sample.severity, sample.episode)


@pytest.mark.parametrize("count", [1, 9])
async def test_few_couriers_go_at_once(count):
    """Each takes 70 MB while it goes."""
    rig, going, most = Rig(**{f"ops{number}": "x" for number in range(count)}), 0, 0

    async def way_out(_url, _message):
        nonlocal going, most
        going += 1
        most = max(most, going)
        await asyncio.sleep(0.01)
        going -= 1
        return Handed(taken=True)

    rig.notifier._way_out = way_out
    await rig.notifier.tell([notice()])

    assert count == await rig.rest()
    assert min(count, AT_ONCE) == most
