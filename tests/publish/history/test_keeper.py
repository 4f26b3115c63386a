"""The keeper: turns, their slots and the past, whatever becomes of the store, the clocks and us."""

import asyncio
import sqlite3
from collections import Counter
from contextlib import asynccontextmanager, closing
from dataclasses import replace
from datetime import timedelta

import pytest

from prober.gather.clock import SystemClock
from prober.model.chain import Keeping, Trigger
from prober.model.errors import StoreNotOurs, StoreUnavailable
from prober.model.slot import Missed
from prober.model.verdict import RunVerdict
from prober.publish.history import memory
from prober.publish.history.engine import in_file
from prober.publish.history.keeper import Keeper, Place
from prober.publish.history.store import SqlStore
from tests import builders as b
from tests.publish import builders as p

CHAIN = b.chain(name="validation", interval_seconds=30.0)


class Clock:
    """Goes when a test says so."""

    def __init__(self, at=b.NOON):
        """The wall clock shows this."""
        self.at, self.stopwatch = at, 1000.0

    def now(self):
        """The wall clock."""
        return self.at

    def seconds_since_boot(self):
        """The stopwatch."""
        return self.stopwatch

    def go(self, seconds):
        """Time passes."""
        self.at, self.stopwatch = self.at + timedelta(seconds=seconds), self.stopwatch + seconds

    def step(self, seconds):
        """Somebody sets the wall clock."""
        self.at += timedelta(seconds=seconds)


class Books:
    """Keeps count, as the board does."""

    def __init__(self):
        """Nothing was due."""
        self.due = self.done = self.errors = 0
        self.lost, self.size = Counter(), None

    def expected(self, _chain, slots=1):
        """Turns were due."""
        self.due += slots

    def recorded(self, _chain):
        """A turn was taken."""
        self.done += 1

    def missed(self, _chain, reason, slots=1):
        """Turns were not taken."""
        self.lost[str(reason)] += slots

    def internal_error(self, _component):
        """A part of ours failed."""
        self.errors += 1

    def history_bytes(self, size):
        """So much room."""
        self.size = size

    @property
    def told(self):
        """All of it; it balances when nothing is under way."""
        return self.due, self.done, dict(self.lost)


class SameClock(SqlStore):
    """A store whose clock is the test's: real ones are in tests/reliability."""

    async def now(self):
        """It has none of its own."""


class House:
    """A keeper with its clock and books, and the store's own view of them."""

    kind = SameClock

    def __init__(self, address, folder, clock=None, instance="a", spool=None):
        """Not open yet."""
        self.clock, self.books = clock or Clock(), Books()
        self.keeper = Keeper(self.clock, self.books, instance=instance, location="main")
        self.store = self.kind(address, "main")
        self.place = Place(store=self.store, keeping=Keeping(), spool=spool or folder / f"{instance}.spool")
        self.runs = 0

    async def turn(self, missed=None, verdict=RunVerdict.PASS, after=30.0):
        """Time passes, a slot is due, and its run ends."""
        self.clock.go(after)
        slot = await self.keeper.due(CHAIN, missed)
        if slot is not None:
            await self.keeper.write(self.report(slot, verdict))
        return slot

    def report(self, slot, verdict=RunVerdict.PASS, **more):
        """What a turn came to."""
        self.runs += 1
        build = p.build_report if verdict is RunVerdict.PASS else p.broken_report
        name = f"{self.keeper._instance}-{self.runs}"
        return build(id=name, slot=slot, ended=self.clock.now(), chain="validation", **more)

    async def accounts(self):
        """What the store says of the one grid."""
        (account,) = await self.store.accounts()
        assert account.balances
        return account.expected, account.recorded, dict(account.missed)


@asynccontextmanager
async def house(address, folder, *more, kind=House, **given):
    """A keeper that is open, and closed in the end."""
    made = kind(address, folder, *more, **given)
    await made.keeper.open(made.place)
    await made.keeper.adopt([CHAIN])
    try:
        yield made
    finally:
        await made.keeper.aclose()


async def back(keeper):
    """Until the store has taken all that waited."""
    assert await keeper._spool.drained(15)
    await asyncio.sleep(0)


async def away(keeper):
    """Until the store has said that it cannot be had."""
    async with asyncio.timeout(15):
        while keeper.is_away is None:  # noqa: ASYNC110 - a store that is away sends no word
            await asyncio.sleep(0.05)


# ── slots ────────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_books_and_store_agree(address, tmp_path):
    """On what was due, recorded, missed, and why."""
    async with house(address, tmp_path) as here:
        await here.turn()
        await here.turn(Missed.OVERRUN)
        await here.turn(after=120)
        lost = await here.keeper.due(CHAIN) or await here.turn(after=30)
        here.clock.go(30)
        await here.keeper.lost(await here.keeper.due(CHAIN), Missed.SHUTDOWN)
        expected = (8, 3, {"overrun": 1, "stalled": 3, "shutdown": 1})

        assert lost
        assert expected == here.books.told == await here.accounts()


async def test_a_slot_is_ticked_once(address, tmp_path):
    """When ticks are laid anew, one may come twice."""
    async with house(address, tmp_path) as here:
        await here.turn()

        assert await here.keeper.due(CHAIN) is None
        assert (1, 1, {}) == here.books.told == await here.accounts()


async def test_a_slot_that_ended_stays_as_it_ended(address, tmp_path):
    """Whatever is said of it later."""
    async with house(address, tmp_path) as here:
        slot = await here.turn()
        await here.keeper.lost(slot, Missed.DIED_MID_RUN)

        assert (1, 1, {}) == here.books.told == await here.accounts()


async def test_an_interval_that_changes_is_another_grid(address, tmp_path):
    """The slots of the old one end, those of the new one begin."""
    async with house(address, tmp_path) as here:
        await here.turn()
        await here.keeper.adopt([b.chain(name="validation", interval_seconds=10.0)])
        accounts = sorted(await here.store.accounts(), key=lambda account: account.interval_seconds)

    assert [(10.0, 0), (30.0, 1)] == [(each.interval_seconds, each.expected) for each in accounts]
    assert all(account.balances for account in accounts)


# ── restarts ─────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_the_long_view_is_the_stores(address, tmp_path):
    """Bars, causes, revisions and coverage, as it tells them."""
    async with house(address, tmp_path) as here:
        await here.turn()
        await here.turn(verdict=RunVerdict.FAIL)
        keeper, store, since, until = here.keeper, here.store, b.NOON - timedelta(hours=1), b.NOON + timedelta(hours=1)
        told = [
            [
                await each.bars("validation", since, until, 10),
                await each.cause_times("validation", since),
                await each.revision_marks(since),
                await each.coverage("validation", since),
            ]
            for each in (keeper, store)
        ]

        assert told[0] == told[1]
        assert all(told[0])


async def test_before_anything_is_kept_there_is_no_long_view():
    """Which is said: an empty one would read as one in which nothing ran."""
    keeper = Keeper(Clock(), Books(), instance="a", location="main")

    for asked in (
        keeper.bars("validation", b.NOON, b.NOON, 10),
        keeper.cause_times("validation", b.NOON),
        keeper.revision_marks(b.NOON),
        keeper.coverage("validation", b.NOON),
    ):
        with pytest.raises(StoreUnavailable, match="nothing is kept but what this process remembers"):
            await asked


async def test_of_chains_that_a_reload_removed_memory_lets_go(monkeypatch):
    """Or it would hold as many as were ever called anything; those that a reload keeps stay."""
    monkeypatch.setattr(memory, "MOST_GONE", 1)
    keeper = Keeper(Clock(), Books(), instance="a", location="main")
    names = ["one", "two", "three"]
    await keeper.adopt(b.chain(name=name) for name in names)
    for name in names:
        await keeper.write(p.build_report(id=name, chain=name))
    await keeper.adopt([b.chain(name="three"), b.chain(name="four")])

    assert [False, True, True] == [await keeper.get(name) is not None for name in ("one", "two", "three")]


async def test_a_restart_knows_its_windows_its_rounds_and_its_reports(address, tmp_path):
    """As if it had never been away; the time it was away is told as that."""
    clock = Clock()
    async with house(address, tmp_path, clock=clock) as before:
        for number in range(20):
            await before.turn(verdict=RunVerdict.FAIL if number % 4 == 0 else RunVerdict.PASS)
        past = await before.keeper.recent("validation")
        (newest,) = await before.keeper.newest(limit=1)
        await before.keeper.note("alarms", "{}")

    clock.go(3000)
    async with house(address, tmp_path, clock=clock, instance="b") as after:
        clock.step(-3000)  # only to compare windows at the same moment
        again = await after.keeper.recent("validation")
        clock.step(3000)
        await after.turn()

        assert (past.chain, past.steps, past.rounds, past.latest) == (
            again.chain,
            again.steps,
            again.rounds,
            again.latest,
        )
        assert (5, 20) == (20 - past.chain[1].successes, past.chain[1].samples)
        assert newest == await after.keeper.get(newest["run"]["id"])
        assert {"alarms": "{}"} == after.keeper.notes
        assert (121, 21, {"process_down": 100}) == await after.accounts()
        assert (101, 1, {"process_down": 100}) == after.books.told


async def test_which_runs_were_heard_of_is_kept_only_where_they_are_told_twice(address, tmp_path):
    """Ids would fill a megabyte with years of turns; nobody but instances with a store in common asks for news."""
    async with house(address, tmp_path) as before:
        for _ in range(3):
            await before.turn()

    async with house(address, tmp_path, clock=before.clock, instance="b") as after:
        for _ in range(3):
            await after.turn()

        assert after.keeper.caught_up.is_set()
        assert (6 if after.store.is_shared else 0) == len(after.keeper._heard)


async def test_a_turn_that_was_under_way_died_with_its_process(address, tmp_path):
    """The next one says so: at once for a file, for others' sake only when its time is over."""
    clock = Clock()
    async with house(address, tmp_path, clock=clock) as before:
        clock.go(30)
        await before.keeper.due(CHAIN)

    clock.go(120)
    async with house(address, tmp_path, clock=clock, instance="b") as after:
        await asyncio.sleep(0.1)
        await back(after.keeper)

        assert {"died_mid_run": 1} == after.books.told[2] == (await after.accounts())[2]


async def test_chains_that_went_away_meanwhile_are_closed(address, tmp_path):
    """Until then nobody looked, and after that there is nothing to look at."""
    clock = Clock()
    async with house(address, tmp_path, clock=clock) as before:
        await before.turn()
    clock.go(300)
    after = House(address, tmp_path, clock=clock, instance="b")
    await after.keeper.open(after.place)
    await after.keeper.adopt([b.chain(name="another")])
    await asyncio.sleep(0.2)
    await back(after.keeper)

    assert [("another", 30.0)] == [grid[:2] for grid in await after.store.open_grids()]
    assert {"process_down": 10} == after.books.told[2]
    await after.keeper.aclose()


async def test_another_process_has_the_file(tmp_path):
    """Nothing begins that could get in its way."""
    address = in_file(tmp_path / "prober.db")
    async with house(address, tmp_path):
        with pytest.raises(StoreNotOurs, match="in use"):
            async with house(address, tmp_path, instance="b"):
                pass


# ── clocks ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("step", [3600, 86400, 7])
async def test_a_clock_set_ahead(address, tmp_path, step):
    """What it jumped over was missed for that reason; one turn is taken, no storm of them."""
    async with house(address, tmp_path) as here:
        await here.turn()
        here.clock.step(step)
        await here.turn()
        await here.turn()
        due, done, lost = here.books.told

        assert 3 == done
        assert lost == ({"clock_step": step // 30} if step >= 30 else {})
        assert (due, done, lost) == await here.accounts()


@pytest.mark.parametrize("step", [3600, 86400, 7])
async def test_a_clock_set_back(address, tmp_path, step):
    """Turns go on, and no slot comes round again."""
    async with house(address, tmp_path) as here:
        await here.turn()
        here.clock.step(-step)
        slots = [await here.turn() for _ in range(10)]

        sequences = [slot.sequence for slot in slots if slot]
        assert sorted(set(sequences)) == sequences
        assert len(sequences) >= 9
        assert here.books.told == await here.accounts()
        assert here.books.lost.total() <= 1


# ── a store that is away ─────────────────────────────────────────────────────────────────────────────────────────────


@asynccontextmanager
async def locked(path):
    """Somebody else holds the file's lock."""
    with closing(sqlite3.connect(path, isolation_level=None, check_same_thread=False)) as other:
        await asyncio.to_thread(other.execute, "BEGIN EXCLUSIVE")
        yield
        other.execute("ROLLBACK")


async def test_a_locked_file_delays_nobody_and_loses_nothing(tmp_path):
    """Turns go on, their slots and runs are written later, marked late; it is our own fault, counted once."""
    async with house(in_file(tmp_path / "prober.db"), tmp_path) as here:
        await here.turn()
        async with locked(tmp_path / "prober.db"):
            await asyncio.wait_for(here.turn(), 6)
            await away(here.keeper)
            for _ in range(4):
                await asyncio.wait_for(here.turn(), 1)
            why = here.keeper.is_away
            told = here.books.told
        await back(here.keeper)
        await here.turn()
        marks = [
            row[0] for row in sqlite3.connect(tmp_path / "prober.db").execute("SELECT late FROM runs ORDER BY ended")
        ]

        assert ("another process has locked it", (1, 1, {})) == (why, told)
        assert (7, 7, {}) == here.books.told == await here.accounts()
        assert ([0, 1, 0], 1) == ([marks[0], marks[4], marks[6]], here.books.errors)


async def test_its_windows_go_on_without_it(tmp_path):
    """What is known is known, though nobody can write it down."""
    async with house(in_file(tmp_path / "prober.db"), tmp_path) as here, locked(tmp_path / "prober.db"):
        for _ in range(3):
            await here.turn()
        await away(here.keeper)
        past = await here.keeper.recent("validation")
        reports = await here.keeper.newest(limit=9)
        texts = await here.keeper.newest_json(limit=9)

        assert (3, 3, 3) == (past.chain[0].samples, len(reports), len(texts))
        for ask in (here.keeper.coverage, here.keeper.cause_times):
            with pytest.raises(StoreUnavailable, match="locked"):
                await ask("validation", b.NOON)


async def test_a_store_that_is_away_at_the_start(tmp_path):
    """We begin all the same, and take it up when it is there."""
    folder = tmp_path / "not-yet-there"
    made = House(in_file(folder / "prober.db"), tmp_path)
    await made.keeper.open(made.place)
    await made.keeper.adopt([CHAIN])
    await made.turn()
    folder.mkdir()
    await back(made.keeper)

    assert (1, 1, {}) == made.books.told == await made.accounts()
    await made.keeper.aclose()


async def before_a_kill(address, folder, clock):
    """Ten turns and a note that are in the store, and ten turns and a newer note that wait in the spool."""
    async with house(address, folder, clock, kind=CutHouse) as before:
        for is_cut, note in ((False, "old"), (True, "new")):
            before.store.is_cut = is_cut
            for _ in range(10):
                await before.turn(verdict=RunVerdict.FAIL if is_cut else RunVerdict.PASS)
            await before.keeper.note("alarms", note)


async def test_what_waited_is_handed_over_before_the_past_is_read(address, tmp_path):
    """Or windows, alarms and reports would be older than what we know."""
    clock = Clock()
    await before_a_kill(address, tmp_path, clock)
    async with house(address, tmp_path, clock) as after:
        past = await after.keeper.recent("validation")
        (newest,) = await after.keeper.newest(limit=1)

        assert (20, 10) == (past.chain[-1].samples, past.chain[-1].successes)
        assert ("a-20", {"alarms": "new"}) == (newest["run"]["id"], after.keeper.notes)


async def test_a_store_that_comes_later_has_first_what_waited(address, tmp_path):
    """Then it is read; until then nothing is noted, for what little we know must not take the place of what we knew."""
    clock, told = Clock(), []
    await before_a_kill(address, tmp_path, clock)
    after = BlindStart(address, tmp_path, clock)
    after.runs, after.keeper._told = 20, told.append
    await after.keeper.open(after.place)
    await after.keeper.adopt([CHAIN])
    await after.keeper.note("alarms", "blank")
    await after.turn()
    assert (1, []) == ((await after.keeper.recent("validation")).chain[-1].samples, told)
    after.store.is_there = True
    await back(after.keeper)
    async with asyncio.timeout(15):
        await after.keeper.caught_up.wait()
    past = await after.keeper.recent("validation")
    await after.keeper.aclose()

    assert (21, 11) == (past.chain[-1].samples, past.chain[-1].successes)
    assert {"alarms": "new"} == after.keeper.notes
    assert [f"a-{number}" for number in range(1, 22)] == [each.run_id for each in told[0]]


async def test_runs_that_somebody_asked_for_take_no_slot(address, tmp_path):
    """They are kept beside the books, and are no samples."""
    async with house(address, tmp_path) as here:
        report = p.build_report(id="asked", trigger=Trigger.MANUAL)
        await here.keeper.write(report)

        assert (0, 0, {}) == here.books.told == await here.accounts()
        assert "asked" == (await here.store.get("asked"))["run"]["id"]
        assert 0 == (await here.keeper.recent("validation")).chain[0].samples


# ── several ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.postgres
async def test_two_share_the_turns_and_the_past(postgres, tmp_path):
    """A slot is one's or the other's; what one saw, both count."""
    address, clock = postgres.database(), Clock()
    async with house(address, tmp_path, clock=clock) as one, house(address, tmp_path, clock=clock, instance="b") as two:
        for number in range(10):
            first, second = (one, two) if number % 2 else (two, one)
            await first.turn()
            await second.turn(after=0)
        past = await one.keeper.recent("validation")

        assert (10, 10, {}) == await one.accounts()
        assert (10, 5, {"claimed_elsewhere": 5}) == one.books.told == two.books.told
        assert 10 == past.chain[-1].samples


class Cut(SameClock):
    """A store that one instance can be cut off from."""

    is_cut = False

    async def write(self, entries):
        """As far as the line goes."""
        if self.is_cut:
            message = "cut"
            raise StoreUnavailable(message)
        return await super().write(entries)


class CutHouse(House):
    """A house with such a store."""

    kind = Cut


@pytest.mark.postgres
@pytest.mark.parametrize(("is_other_free", "expected"), [(True, "claimed_elsewhere"), (False, "overrun")])
async def test_who_is_busy_leaves_the_turn_to_others(postgres, tmp_path, is_other_free, expected):
    """Until it is over: only then, where nobody has taken it, it is missed because we were busy."""
    address, clock = postgres.database(), Clock()
    async with house(address, tmp_path, clock) as busy, house(address, tmp_path, clock, instance="b") as other:
        await busy.turn()
        clock.go(busy.keeper.seconds_until_due(CHAIN) + 28.5)  # a second and a half before the next is over
        waiting = asyncio.create_task(busy.keeper.due(CHAIN, Missed.OVERRUN))
        await asyncio.sleep(0.1)
        if is_other_free:
            await other.keeper.write(other.report(await other.keeper.due(CHAIN)))
        found = await waiting
        expected_slots, recorded, missed = await busy.accounts()

    assert (None, {expected: 1}) == (found, busy.books.told[2])
    assert (2, 1 + is_other_free, {} if is_other_free else {"overrun": 1}) == (expected_slots, recorded, missed)


@pytest.mark.postgres
async def test_one_of_two_does_what_both_could(postgres, tmp_path):
    """Whoever asks first, and no other for a while; who asks again has it still, and who has died leaves it."""
    address, clock = postgres.database(), Clock()
    async with house(address, tmp_path, clock) as one, house(address, tmp_path, clock, instance="b") as two:
        claims = [await each.keeper.claim("first look", 20.0) for each in (one, two, one)]
        others = await two.keeper.claim("another", 20.0)
        clock.go(30)
        later = await two.keeper.claim("first look", 20.0)

    assert ([True, False, True], True, True) == (claims, others, later)


async def test_who_is_alone_asks_nobody(tmp_path):
    """And does it again after a restart, a moment later."""
    address = in_file(tmp_path / "prober.db")
    async with house(address, tmp_path) as here:
        first = await here.keeper.claim("first look", 20.0)
    async with house(address, tmp_path, instance="b") as here:
        again = await here.keeper.claim("first look", 20.0)

    assert (True, True) == (first, again)


@pytest.mark.postgres
async def test_what_a_cut_off_instance_took_is_counted_once(postgres, tmp_path):
    """It looks on its own meanwhile; what others had is claimed elsewhere and nothing besides, so its books balance."""
    address, clock = postgres.database(), Clock()
    async with house(address, tmp_path, clock) as one, house(address, tmp_path, clock, "b", kind=CutHouse) as two:
        two.store.is_cut = True
        for _ in range(4):
            await one.turn()
            assert await two.turn(after=0)
        two.store.is_cut = False
        await back(two.keeper)

        assert (4, 4, {}) == one.books.told == await one.accounts()
        assert (4, 0, {"claimed_elsewhere": 4}) == two.books.told


@pytest.mark.postgres
async def test_what_each_of_two_in_one_folder_could_not_hand_over_is_taken_up(postgres, tmp_path):
    """Each writes into a file of its own; whoever starts there next takes up both, and leaves none behind."""
    address, clock = postgres.database(), Clock()
    both = [CutHouse(address, tmp_path, clock, instance, tmp_path / "spool") for instance in ("a", "b")]
    for each in both:
        await each.keeper.open(each.place)
        await each.keeper.adopt([CHAIN])
    for each in both:
        each.store.is_cut = True
        await each.turn()  # another slot each
    for each in both:
        await each.keeper.aclose()
    left = sorted(path.name for path in tmp_path.iterdir())
    async with house(address, tmp_path, clock, "c", spool=tmp_path / "spool") as after:
        kept = {each["run"]["id"] for each in await after.keeper.newest()}

        assert ((2, 2, {}), {"a-1", "b-1"}) == (await after.accounts(), kept)
    assert ["spool", "spool.2", "spool.2.lock", "spool.lock"] == left
    assert ["spool.2.lock", "spool.lock"] == sorted(path.name for path in tmp_path.iterdir())


@pytest.mark.postgres
async def test_a_note_that_waited_does_not_undo_a_newer_one(postgres, tmp_path):
    """Who was cut off hands over what it noted then, and others have noted more since."""
    address, clock = postgres.database(), Clock()
    async with house(address, tmp_path, clock) as one, house(address, tmp_path, clock, "b", kind=CutHouse) as two:
        two.store.is_cut = True
        await two.keeper.note("alarms", "older")
        clock.go(30)
        await one.keeper.note("alarms", "newer")
        two.store.is_cut = False
        await back(two.keeper)

        assert {"alarms": "newer"} == await one.store.noted()


@pytest.mark.postgres
async def test_whoever_hands_a_turn_over_is_alive(postgres, tmp_path):
    """A turn that began while the store was away is not swept as soon as the store hears of it."""
    address, clock = postgres.database(), Clock()
    async with house(address, tmp_path, clock) as one, house(address, tmp_path, clock, "b", kind=CutHouse) as two:
        two.store.is_cut = True
        clock.go(30)
        slot = await two.keeper.due(CHAIN)
        clock.go(600)
        two.store.is_cut = False
        await back(two.keeper)
        await one.keeper._sweep(clock.now().timestamp())
        await two.keeper.write(two.report(slot))
        await one.turn()

        assert (1, 1, {}) == two.books.told
        assert {"process_down": 20} == (await one.accounts())[2] == one.books.told[2]


# ── the store's clock ────────────────────────────────────────────────────────────────────────────────────────────────


class Skewed(SystemClock):
    """A machine whose wall clock is wrong."""

    def __init__(self, by):
        """By so many seconds."""
        self.by = by

    def now(self):
        """What it shows."""
        return super().now() + timedelta(seconds=self.by)

    def go(self, seconds):
        """It goes by itself."""


class Real(House):
    """A keeper that goes by its store's clock."""

    kind = SqlStore


class AtFirstAway(SqlStore):
    """A store that is there when a test says so."""

    is_there = False

    async def open(self):
        """If it is there."""
        if not self.is_there:
            message = "not yet"
            raise StoreUnavailable(message)
        await super().open()


class BlindStart(House):
    """A keeper that begins before its store is there."""

    kind = AtFirstAway


QUICK = b.chain(name="validation", interval_seconds=1.0)


@pytest.mark.postgres
@pytest.mark.parametrize("by", [300, -300])
async def test_time_is_the_stores(postgres, tmp_path, by):
    """Whatever our wall clock shows when we begin, and whatever it is set to later."""
    clock = Skewed(by)
    async with house(postgres.database(), tmp_path, clock, kind=Real) as here:
        first = here.keeper.time() - SystemClock().now()
        clock.by = -by
        second = here.keeper.time() - SystemClock().now()
        await here.keeper._keep_house(here.place)
        third = here.keeper.time() - SystemClock().now()

        assert all(abs(each.total_seconds()) < 0.5 for each in (first, second, third))
        assert 0 == here.keeper._jumps


@pytest.mark.postgres
@pytest.mark.parametrize("by", [300, -300])
async def test_turns_from_before_we_knew_the_time_bother_nobody(postgres, tmp_path, by):
    """Slots of the future are not handed over: they would make everybody else wait until they have come."""
    address = postgres.database()
    async with house(address, tmp_path, SystemClock(), kind=Real) as one:
        await one.keeper.adopt([QUICK])
        two = BlindStart(address, tmp_path, Skewed(by), "b")
        await two.keeper.open(two.place)
        await two.keeper.adopt([QUICK])
        early = await two.keeper.due(QUICK)
        await two.keeper.write(two.report(early))
        two.store.is_there = True
        await back(two.keeper)
        await asyncio.sleep(1)
        mine = await one.keeper.due(QUICK)
        await one.keeper.write(one.report(mine))
        await two.keeper.aclose()

        assert abs((mine.due - SystemClock().now()).total_seconds()) < 2
        assert {"clock_step" if by > 0 else "claimed_elsewhere": 1} == two.books.told[2]
        assert abs((two.keeper.time() - SystemClock().now()).total_seconds()) < 0.5


async def test_a_restart_after_the_clock_was_set_back(address, tmp_path):
    """Turns go on where the books end: else each would be one that was taken before, for as long as it was set back."""
    clock = Clock()
    async with house(address, tmp_path, clock) as before:
        await before.turn()
    clock.step(-86400)
    async with house(address, tmp_path, clock, "b") as after:
        assert all([await after.turn(after=30.1) for _ in range(5)])
        assert (6, 6, {}) == await after.accounts()


@pytest.mark.postgres
async def test_a_run_that_took_long_to_be_seen_is_heard_of(postgres, tmp_path):
    """In the housekeeping, when turns no longer look back so far; and once."""
    address, clock = postgres.database(), Clock()
    async with house(address, tmp_path, clock) as one, house(address, tmp_path, clock, "b") as two:
        await one.turn()
        await two.keeper.recent("validation")
        await one.turn()
        postgres.sql("UPDATE runs SET written = written - 60 WHERE id = 'a-2'", address.rpartition("/")[2])
        assert 1 == (await two.keeper.recent("validation")).chain[-1].samples
        await two.keeper._keep_house(two.place)
        await two.keeper._keep_house(two.place)

        assert 2 == (await two.keeper.recent("validation")).chain[-1].samples


async def test_housekeeping_outlives_a_bug(address, tmp_path, monkeypatch):
    """It is counted, and the next chore comes round."""

    async def broken(*_given):
        raise ZeroDivisionError

    async with house(address, tmp_path) as here:
        monkeypatch.setattr(here.store, "prune", broken)
        assert [False, True] == [
            await here.keeper._surely(chore, here.place) for chore in (here.keeper._keep_house, here.keeper._tidy_up)
        ]
        assert 1 == here.books.errors


class BriefHouse(House):
    """A house that keeps the past of two hours."""

    def __init__(self, *given, **more):
        """Not open yet."""
        super().__init__(*given, **more)
        self.place = replace(self.place, keeping=Keeping(seconds=7200.0))

    async def kept(self):
        """How many runs are kept, once it has kept house half a minute later."""
        self.clock.go(30.0)
        await self.keeper._keep_house(self.place)
        return len(await self.store.newest(chain=None, verdict=None, limit=1000))


YEAR = 365 * 86400.0


async def test_a_clock_that_is_set_ahead_erases_no_past(address, tmp_path):
    """It would make all of it too old at once; what goes is what twelve minutes hold, each half a minute."""
    async with house(address, tmp_path, kind=BriefHouse) as here:
        for _ in range(10):
            await here.turn(after=600.0)
        before = await here.kept()
        here.clock.step(YEAR)
        ahead = [await here.kept(), await here.kept()]
        here.clock.step(-YEAR)
        after = await here.kept()

    assert (10, [8, 6], 6) == (before, ahead, after)


async def test_a_clock_that_is_wrong_from_the_start_erases_no_past(address, tmp_path):
    """As that of a machine that begins without a battery; and to start again and again makes it no worse."""
    async with house(address, tmp_path, kind=BriefHouse) as here:
        for _ in range(10):
            await here.turn(after=600.0)
        clock = here.clock
    clock.step(YEAR)
    left = []
    for instance in "bcd":
        async with house(address, tmp_path, clock, instance, kind=BriefHouse) as here:
            left.append(await here.kept())

    assert [8, 6, 4] == left


async def test_what_is_too_old_goes_a_little_at_a_time(address, tmp_path):
    """After a long time down all of it is, and goes too: a day an hour."""
    async with house(address, tmp_path, kind=BriefHouse) as here:
        for _ in range(10):
            await here.turn(after=600.0)
        clock = here.clock
    clock.go(YEAR)
    async with house(address, tmp_path, clock, "b", kind=BriefHouse) as here:
        left = [await here.kept() for _ in range(6)]

    assert [8, 6, 4, 2, 0, 0] == left


@pytest.mark.postgres
async def test_what_is_too_old_is_so_by_the_clock_in_common(postgres, tmp_path, monkeypatch):
    """An instance whose own is wrong would let go of everybody's past."""
    told = []

    async def prune(_keeping, now):
        told.append(now)

    async with house(postgres.database(), tmp_path, Clock(b.NOON + timedelta(seconds=YEAR)), kind=TrueHouse) as here:
        monkeypatch.setattr(here.store, "prune", prune)
        await here.keeper._keep_house(here.place)
        there = await here.store.now()

    assert abs(there - told[0]) < timedelta(minutes=1)


class TrueHouse(House):
    """A house whose store has a clock of its own."""

    kind = SqlStore


class Mute(SameClock):
    """A store that takes and tells nothing for a while, and does not say so."""

    is_mute = False

    async def _wait(self):
        while self.is_mute:  # noqa: ASYNC110 - a store is polled by nobody
            await asyncio.sleep(0.01)

    async def write(self, entries):
        """Later."""
        await self._wait()
        return await super().write(entries)

    async def news(self, but_for, back_seconds=5.0):
        """Later."""
        await self._wait()
        return await super().news(but_for, back_seconds)


class MuteHouse(House):
    """A house with such a store."""

    kind = Mute


@pytest.mark.postgres
async def test_a_mute_store_holds_up_one_turn_by_half_its_interval(postgres, tmp_path):
    """And the next ones not at all, until it answers."""
    async with house(postgres.database(), tmp_path, kind=MuteHouse) as here:
        await here.keeper.adopt([QUICK])
        here.store.is_mute = True
        began = asyncio.get_running_loop().time()
        for _ in range(5):
            here.clock.go(1.0)
            slot = await here.keeper.due(QUICK)
            await here.keeper.recent("validation")
            await here.keeper.write(here.report(slot))
            await here.keeper.note("alarms", "{}")
        took = asyncio.get_running_loop().time() - began
        here.store.is_mute = False
        await back(here.keeper)

        assert took < 2.5
        assert (5, 5, {}) == here.books.told


async def test_the_next_slot_is_the_one_that_nobody_has_ticked():
    """The one that is due until it is ticked, then the one after it; also of an interval that is not in the books."""
    clock, other = Clock(), b.chain(name="validation", interval_seconds=7.0)
    keeper = Keeper(clock, Books(), instance="this", location="main")
    await keeper.adopt([CHAIN])
    before = keeper.next_due(CHAIN)
    clock.go(keeper.seconds_until_due(CHAIN))
    slot = await keeper.due(CHAIN)

    assert before == slot.due
    assert before + timedelta(seconds=30) == keeper.next_due(CHAIN)
    assert 0 < keeper.seconds_until_due(other) <= 7.0


async def test_a_turn_waits_for_the_store_for_half_its_interval_at_most():
    """Or it would miss its next; however many chains there are, none is searched for."""
    keeper = Keeper(Clock(), Books(), instance="this", location="main")
    await keeper.adopt([b.chain(name="quick", interval_seconds=1.0), b.chain(name="slow", interval_seconds=300.0)])

    assert (0.5, 2.0, 2.0) == tuple(keeper._patience(name) for name in ("quick", "slow", "removed"))


async def test_the_books_of_many_chains_are_opened_together(address, tmp_path, monkeypatch):
    """Not one after the other: a start with thousands of chains would take minutes."""
    async with house(address, tmp_path) as kept:
        batches, write = [], kept.store.write

        async def counted(entries):
            batches.append(len(entries))
            return await write(entries)

        monkeypatch.setattr(kept.store, "write", counted)
        await kept.keeper.adopt([CHAIN, *(b.chain(name=f"chain-{number}") for number in range(200))])
        await back(kept.keeper)
        grids = await kept.store.open_grids()

    assert 201 == len(grids)
    assert (200, True) == (sum(batches), len(batches) < 10)
