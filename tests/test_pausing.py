"""A switch that somebody pulled is in force at once and stays so, whatever becomes of disks, stores and configs."""

import asyncio
import contextlib
from dataclasses import replace
from datetime import timedelta

import pytest

from prober import pausing
from prober.gather.budget import hosts_of
from prober.gather.switch import Switch
from prober.model.errors import HeldBack, NothingMatched, StoreUnavailable
from prober.model.pause import EVERYTHING, OURSELVES, Pause
from prober.pausing import Pausing
from prober.publish.history.paused import PausedFile
from prober.publish.history.store import SqlStore
from tests import builders as b
from tests.publish import builders as p

PLAN = p.build_plan()
[PLACE] = hosts_of(PLAN.services["backend"])


class Books:
    """A store that may be away, shared or ours alone."""

    def __init__(self, *, is_shared=True):
        """There, and empty."""
        self.is_shared, self.away, self.rows, self.puts = is_shared, "", {}, 0

    def _must_be_there(self):
        if self.away:
            raise StoreUnavailable(self.away)

    async def all(self):
        """What is in it."""
        self._must_be_there()
        return list(self.rows.values())

    async def put(self, pause):
        """Take it."""
        self._must_be_there()
        self.puts += 1
        self.rows[pause.service] = pause

    async def lift(self, service):
        """Let it go."""
        self._must_be_there()
        self.rows.pop(service, None)


class Process:
    """One process over a store and a folder."""

    def __init__(self, books, folder):
        """Not begun yet."""
        self.books, self.copy, self.now = books, PausedFile(folder / "prober.db.paused"), b.NOON
        self.plan, self.told, self.failures, self.switch = PLAN, [], 0, Switch()
        self.pausing = Pausing(self.switch, lambda: self.plan, self.told.append, self._failed)

    def _failed(self):
        self.failures += 1

    async def begin(self):
        """As at a start."""
        await self.pausing.open(self.books, self.copy, lambda: self.now)

    async def pull(self, service="backend", **more):
        """By an operator."""
        return await self.pausing.pull(service, **{"reason": "a load test", "by": "ops", **more})

    async def passes(self, place=PLACE):
        """Whether anything may go there."""
        try:
            async with self.switch.passing(place):
                return True
        except HeldBack:
            return False

    @property
    def stopped(self):
        """The names of the services that stand still."""
        return sorted(self.pausing.stopped.services)


@pytest.fixture(autouse=True)
def _quickly(monkeypatch):
    monkeypatch.setattr(pausing, "LOOK_SECONDS", 0.02)


@pytest.fixture
async def begun(tmp_path):
    """Makes processes that have begun, and ends them."""
    made = []

    async def begin(books, folder=tmp_path):
        process = Process(books, folder)
        made.append(process)
        await process.begin()
        return process

    yield begin
    for each in made:
        await each.pausing.aclose()


async def until(what):
    """It comes true soon."""
    async with asyncio.timeout(5):
        while not what():  # noqa: ASYNC110 - whatever a test looks at raises no event
            await asyncio.sleep(0.01)


async def test_a_pulled_switch_holds_and_is_written_down(begun):
    """With all that looks at the service; lifting it lets all go on."""
    process = await begun(Books())
    pulled = await process.pull(seconds=60.0)
    during = [process.stopped, list(process.pausing.stopped.chains), await process.passes(), process.copy.read()]
    lifted, again = [await process.pausing.lift("backend", by="ops") for _ in range(2)]

    assert ("", b.NOON + timedelta(seconds=60)) == (pulled.unwritten_because, pulled.pause.until)
    assert [["backend"], ["validation"], False, ({"backend": pulled.pause}, {})] == during
    assert (pulled.pause, None) == (lifted, again)
    assert ([], {}, ({}, {})) == (process.stopped, process.books.rows, process.copy.read())
    assert await process.passes()


async def test_everything_is_what_is_not_configured_yet_too(begun):
    """Other places than those of the config as well."""
    process = await begun(Books())
    await process.pull(EVERYTHING)

    assert ["auth", "backend"] == process.stopped
    assert not await process.passes("elsewhere:1")


@pytest.mark.parametrize("is_shared", [False, True])
async def test_a_restart_ends_no_pause(begun, is_shared):
    """It is in force before anything else begins."""
    books = Books(is_shared=is_shared)
    first = await begun(books)
    await first.pull()
    second = await begun(books)

    assert not await second.passes()


@pytest.mark.parametrize("is_shared", [False, True])
async def test_what_the_store_does_not_take_is_in_force_and_outlives_us(begun, is_shared):
    """It is offered again, by the next process too; and until then nobody lifts it."""
    books = Books(is_shared=is_shared)
    first = await begun(books)
    books.away = "the disk is full"
    pulled = await first.pull()
    holds = [await first.passes()]
    with pytest.raises(StoreUnavailable):
        await first.pausing.lift("backend", by="ops")
    second = await begun(books)
    holds += [await first.passes(), await second.passes()]
    books.away = ""
    await until(lambda: books.rows)

    assert "the disk is full" == pulled.unwritten_because
    assert [False, False, False] == holds
    assert {"backend"} == books.rows.keys()


async def test_others_hear_of_it_soon(begun, tmp_path):
    """Of what is pulled, and of what is lifted; also of a service that only the other knows."""
    books, other = Books(), tmp_path / "other"
    other.mkdir()
    one, two = await begun(books), await begun(books, other)
    await one.pull()
    await until(lambda: two.stopped)
    books.rows["hers"] = Pause(service="hers", reason="x", by="y", since=b.NOON, places=frozenset({"hers:80"}))
    await until(lambda: len(two.pausing.stopped.pauses) == 2)
    hers = await two.passes("hers:80")
    await two.pausing.lift("backend", by="ops")
    await until(lambda: not one.stopped)

    assert not hers


@pytest.mark.postgres
async def test_two_on_one_database_are_of_one_mind(begun, postgres, tmp_path):
    """With stores of their own, as two instances have; whoever lifts it lifts it for both."""
    address, other = postgres.database(), tmp_path / "other"
    other.mkdir()
    stores = [SqlStore(address, location) for location in ("here", "there")]
    for each in stores:
        await each.open()
    one, two = await begun(stores[0].pauses()), await begun(stores[1].pauses(), other)
    pulled = await one.pull()
    await until(lambda: two.stopped)
    holds = await two.passes()
    lifted = await two.pausing.lift("backend", by="ops")
    await until(lambda: not one.stopped)
    for process in (one, two):
        await process.pausing.aclose()
    for each in stores:
        await each.aclose()

    assert not holds
    assert pulled.pause == lifted


async def test_while_the_store_is_away_nobody_forgets(begun):
    """And a restart goes by what was known last; what was lifted meanwhile elsewhere it hears when it is back."""
    books = Books()
    first = await begun(books)
    await first.pull()
    books.away = "it is gone"
    second = await begun(books)
    holds = [await second.passes()]
    await asyncio.sleep(0.1)
    holds.append(await second.passes())
    books.away, books.rows = "", {}
    await until(lambda: not second.stopped)

    assert [False, False] == holds
    assert await second.passes()


async def test_where_nobody_can_tell_everything_stands_still(begun):
    """A process that knows nothing, of a store that it shares and cannot read; as long as that is so."""
    books = Books()
    books.away = "it is gone"
    process = await begun(books)
    held = process.pausing.stopped.pauses
    blind = [await process.passes()]
    books.away = ""
    await until(lambda: not process.stopped)
    books.away = "again"
    later = await begun(books)

    assert [(EVERYTHING, OURSELVES)] == [(each.service, each.by) for each in held]
    assert [False] == blind
    assert await later.passes()  # the store was heard once, and there is a file that says so


async def test_a_store_of_our_own_that_was_never_there_has_nothing_paused(begun):
    """The file beside it would say so."""
    books = Books(is_shared=False)
    books.away = "the disk is full"

    assert await (await begun(books)).passes()


async def test_a_file_that_cannot_be_read_is_no_leave(begun, tmp_path):
    """Until the store says what was paused."""
    books = Books(is_shared=False)
    books.away = "locked"
    (tmp_path / "prober.db.paused").write_text("{half")
    process = await begun(books)
    before = await process.passes()
    books.away = ""
    await until(lambda: not process.stopped)

    assert not before


async def test_a_store_that_lost_all_is_told_again(begun):
    """One of our own whose file was damaged, and begun anew."""
    books = Books(is_shared=False)
    await (await begun(books)).pull()
    books.rows.clear()
    second = await begun(books)
    await until(lambda: books.rows)

    assert not await second.passes()


async def test_a_pause_for_a_while_ends_by_itself(begun):
    """To the second, and stays over."""
    process = await begun(Books())
    await process.pull(seconds=60.0)
    process.now += timedelta(seconds=59)
    await asyncio.sleep(0.1)
    before = await process.passes()
    process.now += timedelta(seconds=1)
    await until(lambda: not process.stopped)

    assert not before
    assert await process.passes()


async def test_pulled_twice_is_pulled_since_the_first_time(begun):
    """The last word holds of reason and end; what is over by then begins anew."""
    process = await begun(Books())
    await process.pull(seconds=60.0)
    process.now += timedelta(seconds=30)
    again = await process.pull(reason="longer")
    process.now += timedelta(seconds=3600)
    still = await process.passes()

    assert (b.NOON, None, "longer") == (again.pause.since, again.pause.until, again.pause.reason)
    assert not still


async def test_another_name_or_address_lifts_nothing(begun):
    """A config that moves the service stops the old place and the new one; one that renames it changes nothing."""
    process = await begun(Books())
    await process.pull()
    moved = replace(PLAN.services["backend"], url="https://new.example", websocket_url="wss://new.example")
    process.plan = replace(PLAN, services={"auth": PLAN.services["auth"], "backend": moved})
    process.pausing.adopt()
    places = [await process.passes(), await process.passes("new.example:443")]
    process.plan = replace(PLAN, services={"auth": PLAN.services["auth"], "other": PLAN.services["backend"]})
    process.pausing.adopt()
    renamed = process.stopped
    await process.pausing.lift("backend", by="ops")

    assert [False, False] == places
    assert ["other"] == renamed
    assert [] == process.stopped


async def test_what_is_not_there_is_neither_stopped_nor_lifted(begun):
    """A slip of the pen is heard of."""
    process = await begun(Books())
    for switch in (process.pull("backed"), process.pausing.lift("backed", by="ops")):
        with pytest.raises(NothingMatched, match="no service is called 'backed'; did you mean backend"):
            await switch


async def test_a_disk_that_fails_costs_the_copy_and_no_pause(begun, tmp_path):
    """It is counted as our own fault."""
    process = await begun(Books())
    process.copy.path.unlink()
    process.copy.path.mkdir()
    pulled = await process.pull()

    assert "" == pulled.unwritten_because
    assert not await process.passes()
    assert process.failures >= 1
    assert [] == [path.name for path in tmp_path.iterdir() if path.is_file()]


async def test_a_disk_that_hangs_is_not_waited_for(begun, monkeypatch):
    """And what is written when it goes on is what was known last."""
    monkeypatch.setattr(pausing, "_DISK_SECONDS", 0.1)
    process = await begun(Books())
    hangs, wrote = asyncio.Event(), process.copy.write
    loop = asyncio.get_running_loop()

    def slowly(known, owed):
        asyncio.run_coroutine_threadsafe(hangs.wait(), loop).result(10)
        wrote(known, owed)

    monkeypatch.setattr(PausedFile, "write", lambda _self, known, owed: slowly(known, owed))
    await asyncio.wait_for(process.pull("backend"), 2)
    await asyncio.wait_for(process.pull("auth"), 2)
    during = await process.passes()
    hangs.set()
    await until(lambda: len(process.copy.read()[0]) == 2)

    assert not during


async def test_what_does_not_end_is_not_said_to_have_ended(begun, monkeypatch):
    """Whoever pulls the switch hears that something lingers."""
    monkeypatch.setattr(pausing, "_QUIET_SECONDS", 0.05)
    process, may_end = await begun(Books()), asyncio.Event()

    async def linger():
        """Cut off, and long about it."""
        with contextlib.suppress(HeldBack):
            async with process.switch.passing(PLACE):
                try:
                    await asyncio.sleep(30)
                finally:
                    await may_end.wait()

    going = asyncio.create_task(linger())
    await asyncio.sleep(0.01)
    first = await process.pull()
    may_end.set()
    await going
    again = await process.pull()

    assert (True, False) == (first.lingers, again.lingers)
    assert process.failures


async def test_a_process_beside_goes_by_what_it_reads(tmp_path):
    """`prober run` and `prober gate` write nothing down."""
    process = Process(Books(), tmp_path)
    process.pausing.heed(
        [Pause(service="backend", reason="x", by="ops", since=b.NOON, until=b.NOON + timedelta(seconds=1))],
        lambda: b.NOON,
    )

    assert not await process.passes()
    assert [] == list(tmp_path.iterdir())
