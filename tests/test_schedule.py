"""Each chain turns on its grid, never twice at once, and what was due and not taken is told with its reason."""

import asyncio
import contextlib
import itertools
import time
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from prober.gather.clock import SystemClock
from prober.judge.ledger import phase
from prober.model.slot import Missed
from prober.publish.history.keeper import Keeper
from prober.schedule import Schedule
from tests import builders as b

INTERVAL = 0.4
#: How late a turn may start on a busy machine of two cores.
LATE = 0.18
#: For what comes at once on a machine that has nothing else to do.
PATIENCE = 20.0


class Books:
    """Keeps count, as the board does."""

    def __init__(self):
        """Nothing was due."""
        self.due, self.lost, self.lateness = Counter(), Counter(), []

    def expected(self, chain, slots=1):
        """Turns were due."""
        self.due[chain] += slots

    def missed(self, chain, reason, slots=1):
        """Due turns were not taken."""
        self.lost[chain, reason] += slots

    def recorded(self, chain):
        """A due turn ended in a report."""

    def late(self, seconds):
        """A turn started late."""
        self.lateness.append(seconds)


class Turns:
    """Takes turns, and notes when each began and how many of a chain were under way."""

    def __init__(self, seconds=0.0):
        """A turn lasts this long."""
        self.seconds = seconds
        self.began, self.ended, self.here, self.most = [], [], Counter(), 0
        self._began_another = asyncio.Condition()

    async def __call__(self, chain, _slot):
        """One turn."""
        self.began.append((chain.name, time.time()))
        self.here[chain.name] += 1
        self.most = max(self.most, self.here[chain.name])
        async with self._began_another:
            self._began_another.notify_all()
        try:
            await asyncio.sleep(self.seconds)
            self.ended.append(chain.name)
        finally:
            self.here[chain.name] -= 1

    async def taken(self, count):
        """Wait until so many turns began."""
        async with self._began_another:
            await self._began_another.wait_for(lambda: len(self.began) >= count)

    def count(self, name="validation"):
        """How many turns of a chain began."""
        return sum(chain == name for chain, _ in self.began)


def chains(*names, **more):
    """Chains of these names, by name."""
    given = {"interval_seconds": INTERVAL, **more}
    return {name: b.chain(name=name, **given) for name in names or ("validation",)}


def off_grid(at, name="validation", interval=INTERVAL):
    """How far after its slot a moment lies, in seconds."""
    return (at - phase(name, interval)) % interval


async def until(part, name="validation", interval=INTERVAL):
    """Sleep until this part of an interval after the next slot."""
    await asyncio.sleep(interval - off_grid(time.time(), name, interval) + part * interval)


def scheduling(turns, books, **more):
    """A schedule that keeps its books in memory."""
    return Schedule(turns, Keeper(SystemClock(), books, instance="this", location="main"), books.late, **more)


@contextlib.asynccontextmanager
async def ticking(turns, books, of=None, **more):
    """A schedule that ticks."""
    schedule = scheduling(turns, books, **more)
    schedule.start(of or chains())
    try:
        yield schedule
    finally:
        await schedule.stop(1)


async def test_a_chain_turns_at_its_interval():
    """Once a slot, and each is told as due."""
    turns, books = Turns(), Books()
    async with ticking(turns, books):
        await until(0.5)
        before = turns.count()
        await asyncio.sleep(5 * INTERVAL)
        after = turns.count()

    assert 5 == after - before
    assert (after, {}) == (books.due["validation"], books.lost)


async def test_turns_lie_on_the_grid():
    """A slot's time follows from the chain's name, so that a restart does not move it."""
    turns = Turns()
    for _ in range(2):
        async with ticking(turns, Books(), chains("validation", "login")):
            await asyncio.sleep(2.5 * INTERVAL)

    assert turns.count("validation") >= 4
    assert turns.count("login") >= 4
    assert max(off_grid(at, name) for name, at in turns.began) < LATE


async def test_a_chain_never_turns_twice_at_once():
    """A slot that comes while the turn before is still going is missed, and says why."""
    turns, books = Turns(seconds=1.4 * INTERVAL), Books()
    async with ticking(turns, books):
        await until(0.5)
        await asyncio.sleep(4 * INTERVAL)

    assert 1 == turns.most
    assert books.lost.keys() == {("validation", Missed.OVERRUN)}
    assert books.due["validation"] == turns.count() + books.lost["validation", Missed.OVERRUN]
    assert books.lost["validation", Missed.OVERRUN] >= 2


async def test_chains_do_not_wait_for_each_other():
    """A slow chain is its own misfortune."""
    turns, books = Turns(seconds=1.4 * INTERVAL), Books()
    fast = Turns()

    async def turn(chain, slot):
        """Slow or fast, by name."""
        await (turns if chain.name == "slow" else fast)(chain, slot)

    async with ticking(turn, books, chains("slow", "fast")):
        await until(0.5, "fast")
        await asyncio.sleep(3 * INTERVAL)

    assert books.due["fast"] == fast.count("fast") >= 4
    assert {"slow"} == {name for name, _ in books.lost}


#: A tick that comes late by more than half an interval is taken for the next slot, come early; and that one comes too.
@pytest.mark.parametrize("part", [0.2, 0.8])
async def test_a_stall_is_counted(part):
    """Slots that nobody could take, because the loop stood still, are missed; the last of them is taken late."""
    turns, books = Turns(), Books()
    async with ticking(turns, books):
        await until(0.5)
        first, taken = books.due["validation"], turns.count()
        time.sleep((4.5 + part) * INTERVAL)  # noqa: ASYNC251 - from 0.5 after slot 0 to `part` after slot 5
        await until(0.5)
        slots = round((time.time() - turns.began[taken - 1][1]) / INTERVAL - 0.5)

    assert 4 == books.lost["validation", Missed.STALLED]
    assert slots == books.due["validation"] - first
    assert slots - 4 == turns.count() - taken


class Drifting(Keeper):
    """A ledger whose time drifts away from the wall clock, as a database's may."""

    ahead = 0.0

    def _wall(self, stopwatch):
        return super()._wall(stopwatch) + timedelta(seconds=self.ahead)


async def test_ticks_follow_the_ledgers_time():
    """Where it drifts away from the wall clock they are laid anew: no slot is lost, none is taken late for long."""
    turns, books = Turns(), Books()
    ledger = Drifting(SystemClock(), books, instance="this", location="main")
    schedule = Schedule(turns, ledger, books.late)
    schedule.start(chains())
    for _ in range(3):
        await until(0.5)
        ledger.ahead += 0.25 * INTERVAL
        await asyncio.sleep(1.2)
    before = len(books.lateness)
    await asyncio.sleep(4 * INTERVAL)
    await schedule.stop(1)

    assert max(books.lateness[before:]) < LATE
    assert books.due["validation"] == turns.count() >= 12


async def test_lateness_is_told():
    """How long after its slot a turn began: next to nothing as a rule, and all of a stall."""
    turns, books = Turns(), Books()
    async with ticking(turns, books):
        await until(0.5)
        usual = list(books.lateness)
        time.sleep(0.9 * INTERVAL)  # noqa: ASYNC251 - until 0.4 after the next slot
        await asyncio.sleep(0.2 * INTERVAL)

    assert max(usual) < LATE
    assert 0.3 * INTERVAL < max(books.lateness) < 0.4 * INTERVAL + LATE


async def test_jitter_delays_turns_and_leaves_the_grid_alone():
    """Each turn waits a random moment of its own; slots come as before, and the delay is not told as lateness."""
    turns, books = Turns(), Books()
    async with ticking(turns, books, chains(jitter_seconds=0.6 * INTERVAL)):
        await until(0.7)
        before = books.due["validation"]
        await asyncio.sleep(6 * INTERVAL)
        due = books.due["validation"] - before

    delays = [off_grid(at) for _, at in turns.began]
    assert (6, {}) == (due, books.lost)
    assert max(delays) < 0.6 * INTERVAL + LATE
    assert max(delays) - min(delays) > 0.05 * INTERVAL
    assert max(books.lateness) < LATE


class Slow(Keeper):
    """A ledger that takes its time."""

    async def due(self, chain, missed=None):
        """Later."""
        await asyncio.sleep(0.75 * INTERVAL)
        return await super().due(chain, missed)


async def test_a_stop_while_the_ledger_is_asked(caplog):
    """The slot may be ours by then: it is given back as missed, no turn begins, and nobody complains."""
    turns, books = Turns(), Books()
    schedule = Schedule(turns, Slow(SystemClock(), books, instance="this", location="main"), books.late)
    schedule.start(chains())
    await until(0.25)
    await schedule.stop(1)

    assert ({("validation", Missed.SHUTDOWN): 1}, 0) == (books.lost, turns.count())
    assert not caplog.records


async def test_a_stop_lets_a_running_turn_finish():
    """And starts no other."""
    turns, books = Turns(seconds=1.5 * INTERVAL), Books()
    schedule = scheduling(turns, books)
    schedule.start(chains())
    await until(0.2)
    begun = turns.count()

    await schedule.stop(patience_seconds=5)
    await asyncio.sleep(1.5 * INTERVAL)

    assert (begun, begun) == (turns.count(), len(turns.ended))
    assert ("validation", Missed.SHUTDOWN) not in books.lost


async def test_a_stop_has_patience_and_then_has_none():
    """A turn that goes on for too long is cancelled, and its slot was missed."""
    turns, books = Turns(seconds=30), Books()
    schedule = scheduling(turns, books)
    schedule.start(chains())
    await until(0.2)

    begun = time.perf_counter()
    await schedule.stop(patience_seconds=0.1)
    seconds = time.perf_counter() - begun

    assert 0.1 <= seconds < 5
    assert ([], 0) == (turns.ended, turns.here["validation"])
    assert 1 == books.lost["validation", Missed.SHUTDOWN]


async def test_a_stop_without_turns_is_quick():
    """Also before the first tick, and twice."""
    schedule = scheduling(Turns(), Books())
    schedule.start(chains(interval_seconds=3600.0))

    begun = time.perf_counter()
    await schedule.stop(patience_seconds=30)
    await schedule.stop(patience_seconds=30)

    assert time.perf_counter() - begun < 5


async def test_adopted_chains_turn_and_dropped_ones_do_not():
    """After a reload exactly the new chains turn; a turn that was running ends in peace."""
    turns, books = Turns(seconds=1.25 * INTERVAL), Books()
    async with ticking(turns, books, chains("old", "kept")) as schedule:
        await until(0.1, "old")
        schedule.adopt(chains("kept", "new"))
        going = turns.here["old"]
        begun = turns.count("old")
        await until(0.5, "new")
        await asyncio.sleep(2 * INTERVAL)

    assert 1 == going
    assert (begun, begun) == (turns.count("old"), turns.ended.count("old"))
    assert turns.count("kept") >= 2
    assert turns.count("new") >= 2
    assert {Missed.OVERRUN} == {reason for _, reason in books.lost}


async def test_an_adopted_chain_has_its_new_interval():
    """The grid is the new interval's from now on: of an hour nobody would see two turns."""
    turns, books = Turns(), Books()
    async with ticking(turns, books, chains(interval_seconds=3600.0)) as schedule, asyncio.timeout(PATIENCE):
        schedule.adopt(chains())
        await turns.taken(2)

    assert turns.count() <= books.due["validation"]


async def test_a_turn_that_breaks_is_followed_by_the_next():
    """The schedule goes on, whatever a turn does, and tells of it."""
    begun, failures = [], []

    async def broken(chain, _slot):
        """Begin, and break."""
        begun.append(chain.name)
        raise ZeroDivisionError

    async with ticking(broken, Books(), failed=lambda: failures.append(1)):
        await until(0.5)
        await asyncio.sleep(2 * INTERVAL)

    assert 3 <= len(begun) == len(failures)


async def test_ticks_that_stopped_are_laid_anew(monkeypatch):
    """APScheduler sets itself no other timer once its wake-up broke: it is told of, and turns go on."""
    monkeypatch.setattr("prober.schedule._OVERDUE", timedelta(seconds=INTERVAL))
    turns, failures = Turns(), []
    async with ticking(turns, Books(), failed=lambda: failures.append(1)) as schedule:
        await until(0.5)
        sound = schedule._waker._scheduler._process_jobs
        monkeypatch.setattr(schedule._waker._scheduler, "_process_jobs", broken_once(sound))
        asyncio.get_running_loop().set_exception_handler(lambda *_: None)  # it breaks on purpose
        await asyncio.sleep(2.5)
        begun = turns.count()
        await asyncio.sleep(3 * INTERVAL)

    assert [1] == failures
    assert turns.count() > begun


def broken_once(sound):
    """What breaks at the first call, and is sound afterwards."""
    left = iter([ZeroDivisionError("a bug")])

    def call():
        """Break, or not."""
        if error := next(left, None):
            raise error
        return sound()

    return call


async def test_chains_whose_slot_is_far_off_are_looked_at_first():
    """Once, before it comes, in the order of their waits; not those whose slot comes soon, or that a reload removed."""
    seldom = {name: b.chain(name=name, interval_seconds=3600.0) for name in ("one", "two", "three", "removed")}
    looked = []
    async with ticking(Turns(), Books(), of={**seldom, **chains()}) as schedule:
        waits = {name: schedule.next_turn(chain) for name, chain in seldom.items()}
        schedule.look_first([*seldom, "validation"], lambda chain: looked.append((chain.name, time.monotonic())))
        schedule.adopt({name: chain for name, chain in seldom.items() if name != "removed"})
        await asyncio.sleep(1.2)

    names = [name for name, _ in looked]
    assert sorted({"one", "two", "three"}, key=waits.__getitem__, reverse=True) == names
    assert all(sooner + 0.15 < later for (_, sooner), (_, later) in itertools.pairwise(looked))


async def test_first_looks_end_with_the_schedule():
    """Who is told to stop begins nothing more."""
    seldom = {name: b.chain(name=name, interval_seconds=3600.0) for name in ("one", "two", "three")}
    looked = []
    async with ticking(Turns(), Books(), of=seldom) as schedule:
        schedule.look_first(seldom, looked.append)
        await asyncio.sleep(0.21)
    await asyncio.sleep(0.5)

    assert 1 <= len(looked) < 3


async def test_the_next_turn_is_told():
    """A moment on the grid that is to come; none while nothing ticks."""
    (chain,) = chains(interval_seconds=60.0).values()
    schedule = scheduling(Turns(), Books())
    idle = schedule.next_turn(chain)
    async with ticking(Turns(), Books(), of={chain.name: chain}) as ticks:
        due, now = ticks.next_turn(chain), datetime.now(UTC)

    assert None is idle
    assert timedelta() <= due - now + timedelta(seconds=0.05) <= timedelta(seconds=60.1)
    assert min(off_grid(due.timestamp(), interval=60.0), 60 - off_grid(due.timestamp(), interval=60.0)) < 0.05


def test_grids_begin_with_the_epoch():
    """A slot is known from the clock alone, so that two instances agree on it."""
    now = datetime.now(UTC).timestamp()

    assert 0 <= off_grid(now) < INTERVAL
