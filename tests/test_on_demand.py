"""What is asked for over HTTP comes to an end, whoever dies and whatever is away meanwhile."""

import asyncio
from dataclasses import replace

import pytest
from sqlalchemy import select, update

from prober import on_demand
from prober.model.errors import ChainChanged, KeyReused, NothingMatched, StoreUnavailable, TooMuchAsked
from prober.model.order import Aborted, Asker, Kind, Order, OrderState, Outcome
from prober.on_demand import OnDemand
from prober.publish.history import intents, tables
from prober.publish.history.engine import in_file
from prober.publish.history.entries import Kept
from prober.publish.history.record import Record
from prober.publish.history.store import SqlStore
from tests.publish import builders as p

CI = Asker("ci")
RUN, GATE = Order(chain="validation"), Order(kind=Kind.GATE, chain="validation")


class Books:
    """The real books of an instance, that can be away."""

    def __init__(self, books):
        """There, for now."""
        self._books, self.away, self.hangs = books, False, False
        self.breaks, self.mute, self.deaf = set(), set(), set()

    def __getattr__(self, name):
        """Pass it on, or fail."""

        async def call(*given, **more):
            """As the store would."""
            while self.hangs:  # noqa: ASYNC110 - like a store
                await asyncio.sleep(0.05)
            if self.away:
                why = "the disk is full"
                raise StoreUnavailable(why)
            if name in self.breaks:
                raise ZeroDivisionError
            told = await getattr(self._books, name)(*given, **more)
            while name in self.mute:  # noqa: ASYNC110 - it is written, and nobody hears of it
                await asyncio.sleep(0.05)
            if name in self.deaf:
                raise StoreUnavailable(name)
            return told

        return call


class Doer:
    """Does orders when it may, and keeps the report of a run."""

    def __init__(self, store):
        """At once."""
        self.store, self.done, self.free, self.fails, self.at_once, self.most = store, [], asyncio.Event(), None, 0, 0
        self.keeps, self.told = True, {"text": "GO"}
        self.free.set()

    async def __call__(self, intent_id, order, _told):
        """Once it may."""
        self.at_once += 1
        self.most = max(self.most, self.at_once)
        try:
            await self.free.wait()
        finally:
            self.at_once -= 1
        self.done.append(intent_id)
        if self.fails:
            raise self.fails
        if order.kind is Kind.GATE:
            return self.told
        if self.keeps:
            await self.store.write([Kept(location="main", record=Record.of(p.build_report(id=intent_id)))])
        return None


class Process:
    """One process over a store."""

    def __init__(self, store, instance, *, caught_up=True):
        """With books of its own."""
        self.doer, self.books, self.failures = Doer(store), Books(store.intents(instance)), 0
        self.on_demand = OnDemand(dict.fromkeys(Kind, self.doer), self._failed)
        self.caught_up = asyncio.Event()
        if caught_up:
            self.caught_up.set()
        self.on_demand.open(self.books, self.caught_up)

    def _failed(self):
        self.failures += 1

    async def killed(self):
        """It writes nothing any more."""
        self.books.away = True
        await self.on_demand.aclose(0.0)

    async def become(self, intent_id, state, why=None):
        """Until the order is so far."""
        async with asyncio.timeout(10):
            while await self.state(intent_id) != (state, why):  # noqa: ASYNC110 - the books send no word
                await asyncio.sleep(0.01)

    async def state(self, intent_id):
        """As the books have it."""
        found = await self.books._books.get(intent_id)
        return found and (found.state, found.why)


@pytest.fixture(autouse=True)
def _quickly(monkeypatch):
    monkeypatch.setattr(on_demand, "_TEND_SECONDS", 0.02)


@pytest.fixture
async def store(tmp_path):
    """A store, open and empty."""
    made = SqlStore(in_file(tmp_path / "prober.db"), "main")
    await made.open()
    yield made
    await made.aclose()


@pytest.fixture
async def process(store):
    """A process that ends well."""
    made = Process(store, "a")
    yield made
    made.doer.free.set()
    await made.on_demand.aclose(5.0)


@pytest.mark.parametrize("order", [RUN, GATE])
async def test_an_order_is_done_under_its_id(process, order):
    """And is then over, in the books too."""
    taken = await process.on_demand.ask(order, CI)
    await process.on_demand.wait(taken.id, 5)
    await process.become(taken.id, OrderState.DONE)

    assert [taken.id] == process.doer.done
    assert Outcome.ACCEPTED is taken.outcome


async def test_it_is_in_the_books_before_anything_is_done(process):
    """So whoever was told of it can ask for it, however soon we die."""
    process.doer.free.clear()
    taken = await process.on_demand.ask(RUN, CI)

    assert RUN == (await process.books._books.get(taken.id)).order


async def test_equal_orders_are_served_by_one(process):
    """Whyever they are asked for; another revision is another order."""
    process.doer.free.clear()
    first = await process.on_demand.ask(RUN, CI)
    second = await process.on_demand.ask(replace(RUN, reason="me too"), Asker("ops"))
    keyed = await process.on_demand.ask(RUN, Asker("ops", "1"))
    other = await process.on_demand.ask(replace(RUN, revision="b98"), CI)

    assert [Outcome.ACCEPTED, Outcome.COALESCED, Outcome.COALESCED, Outcome.ACCEPTED] == [
        each.outcome for each in (first, second, keyed, other)
    ]
    assert first.id == second.id == keyed.id != other.id


@pytest.mark.parametrize(
    ("asked", "next_one", "served"),
    [
        (GATE, GATE, False),
        (replace(GATE, revision="b98"), replace(GATE, revision="b98"), True),
        (replace(GATE, checksum="85d5"), replace(GATE, checksum="85d5"), True),
        (replace(GATE, checksum="85d5"), replace(GATE, checksum="9c1f"), False),
        (RUN, RUN, True),
    ],
    ids=["of no deploy", "of one revision", "of one checksum", "of another checksum", "a run"],
)
async def test_a_gate_that_runs_serves_its_own_deploy_alone(process, asked, next_one, served):
    """Where no deploy is named it may be that of the last one; while it waits it has not looked at anything yet."""
    process.doer.free.clear()
    waiting = [(await process.on_demand.ask(asked, CI)).id for _ in range(2)]
    await process.become(waiting[0], OrderState.RUNNING)
    later = await process.on_demand.ask(next_one, CI)

    assert waiting[0] == waiting[1]
    assert served == (waiting[0] == later.id)


async def test_equal_orders_that_come_at_once_are_served_by_one(process):
    """None of them is quicker than the books."""
    process.doer.free.clear()
    taken = await asyncio.gather(*(process.on_demand.ask(RUN, CI) for _ in range(20)))

    assert 1 == len({each.id for each in taken})


async def test_a_key_outlives_the_run(process):
    """Who repeats its call gets the same run, over or not; and no other under that key."""
    keyed = Asker("ci", "deploy-17")
    first = await process.on_demand.ask(RUN, keyed)
    await process.on_demand.wait(first.id, 5)
    again = await process.on_demand.ask(RUN, keyed)

    assert (first.id, Outcome.COALESCED) == (again.id, again.outcome)
    assert [first.id] == process.doer.done
    with pytest.raises(KeyReused):
        await process.on_demand.ask(GATE, keyed)


async def test_a_few_are_done_at_once_a_few_wait_and_no_more_are_taken(process):
    """Of each kind; whoever comes too late is told when to come again."""
    process.doer.free.clear()
    orders = [replace(RUN, revision=str(number)) for number in range(12)]
    taken = [await process.on_demand.ask(order, CI) for order in orders]
    await asyncio.sleep(0.1)
    with pytest.raises(TooMuchAsked) as refused:
        await process.on_demand.ask(replace(RUN, revision="one too many"), CI)
    joined = await process.on_demand.ask(replace(RUN, revision="3"), CI)
    gate = await process.on_demand.ask(GATE, CI)
    await asyncio.sleep(0.1)
    states = [(await process.on_demand.intent(each.id)).state for each in taken]
    process.doer.free.set()
    for each in (*taken, gate):
        await process.on_demand.wait(each.id, 5)

    assert (10, 10) == (refused.value.waiting, refused.value.again_seconds)
    assert taken[3].id == joined.id
    assert [OrderState.RUNNING] * 2 + [OrderState.WAITING] * 10 == states
    assert 13 == len(process.doer.done)
    assert 3 == process.doer.most  # two runs and a gate


# ── a store that is away ─────────────────────────────────────────────────────────────────────────────────────────────


async def test_what_cannot_be_written_down_is_not_done(process):
    """Neither at once nor when the store is back."""
    process.books.away = True
    with pytest.raises(StoreUnavailable, match="the disk is full"):
        await process.on_demand.ask(RUN, CI)
    process.books.away = False
    await asyncio.sleep(0.1)

    assert [] == process.doer.done


async def unheard(store):
    """The one order that is in the books, though its asker was told otherwise."""
    async with asyncio.timeout(5):
        while not (found := await store._read(select(tables.intents.c.id))):  # noqa: ASYNC110 - it sends no word
            await asyncio.sleep(0.01)
    ((intent_id,),) = found
    return intent_id


async def test_what_got_through_unheard_is_closed(process, store, monkeypatch):
    """The caller was told that nothing was begun, and so it is."""
    monkeypatch.setattr(on_demand, "_PATIENCE_SECONDS", 0.2)
    process.books.mute.add("ask")
    with pytest.raises(StoreUnavailable, match="does not answer in time"):
        await process.on_demand.ask(RUN, CI)
    await process.become(await unheard(store), OrderState.ABORTED, Aborted.NOT_ANSWERED)

    assert [] == process.doer.done


async def test_what_got_through_after_its_asker_went_away_is_closed(process, store):
    """Nobody was told of it, so nobody would ever ask what became of it."""
    process.books.mute.add("ask")
    asking = asyncio.create_task(process.on_demand.ask(RUN, CI))
    intent_id = await unheard(store)
    asking.cancel()
    await process.become(intent_id, OrderState.ABORTED, Aborted.NOT_ANSWERED)

    assert [] == process.doer.done


async def test_what_cannot_be_withdrawn_holds_up_no_other(process, store, monkeypatch):
    """And is not done either."""
    monkeypatch.setattr(on_demand, "_PATIENCE_SECONDS", 0.2)
    process.books.mute.add("ask")
    process.books.breaks.add("withdraw")
    with pytest.raises(StoreUnavailable):
        await process.on_demand.ask(GATE, CI)
    in_vain = await unheard(store)
    process.books.mute.clear()
    monkeypatch.setattr(on_demand, "_PATIENCE_SECONDS", 5.0)
    taken = await process.on_demand.ask(RUN, CI)
    await process.become(taken.id, OrderState.DONE)
    await process.become(in_vain, OrderState.ABORTED, Aborted.NOT_ANSWERED)

    assert ([taken.id], 1) == (process.doer.done, process.failures)


@pytest.mark.parametrize("next_order", [RUN, GATE], ids=["the same", "another"])
@pytest.mark.parametrize("at_once", [True, False])
async def test_a_key_that_was_used_in_vain_stands_for_nothing(process, store, monkeypatch, next_order, at_once):
    """Who was told to ask again and does so has it done, however soon."""
    if at_once:
        monkeypatch.setattr(on_demand, "_TEND_SECONDS", 60.0)
    monkeypatch.setattr(on_demand, "_PATIENCE_SECONDS", 0.2)
    process.books.mute.add("ask")
    keyed = Asker("ci", "deploy-17")
    with pytest.raises(StoreUnavailable):
        await process.on_demand.ask(RUN, keyed)
    in_vain = await unheard(store)
    if not at_once:
        await process.become(in_vain, OrderState.ABORTED, Aborted.NOT_ANSWERED)
    process.books.mute.clear()
    monkeypatch.setattr(on_demand, "_PATIENCE_SECONDS", 5.0)
    again = await process.on_demand.ask(next_order, keyed)
    await process.on_demand.wait(again.id, 5)

    assert (Outcome.ACCEPTED, [again.id]) == (again.outcome, process.doer.done)
    assert (OrderState.ABORTED, Aborted.NOT_ANSWERED) == await process.state(in_vain)


async def test_an_end_that_cannot_be_written_down_is_written_later(process):
    """Once the store is back."""
    process.doer.free.clear()
    run, gate = await process.on_demand.ask(RUN, CI), await process.on_demand.ask(GATE, CI)
    await asyncio.sleep(0.05)
    process.books.away = True
    process.doer.free.set()
    for each in (run, gate):
        await process.on_demand.wait(each.id, 5)
    during = [(await process.books._books.get(each.id)).state for each in (run, gate)]
    process.books.away = False
    for each in (run, gate):
        await process.become(each.id, OrderState.DONE)

    assert [OrderState.RUNNING] * 2 == during


async def test_an_order_is_begun_without_the_store_only_while_it_is_surely_ours(process, monkeypatch):
    """Another instance may have taken it over by then."""
    monkeypatch.setattr(on_demand, "_SURELY_OURS_SECONDS", 0.0)
    process.doer.free.clear()
    for number in range(2):
        await process.on_demand.ask(replace(RUN, revision=str(number)), CI)
    await asyncio.sleep(0.05)
    last = await process.on_demand.ask(RUN, CI)
    process.books.away = True
    process.doer.free.set()
    await asyncio.sleep(0.2)
    done = len(process.doer.done)
    process.books.away = False
    await process.on_demand.wait(last.id, 5)

    assert (2, 3) == (done, len(process.doer.done))


# ── bugs ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("fails", "why", "failures"),
    [
        (ZeroDivisionError(), Aborted.BROKE, 1),
        (asyncio.CancelledError(), Aborted.BROKE, 1),
        (GeneratorExit(), Aborted.BROKE, 1),
        (NothingMatched("validation", ()), Aborted.CHAIN_GONE, 0),
        (ChainChanged("validation"), Aborted.CHAIN_GONE, 0),
    ],
    ids=lambda value: type(value).__name__,
)
async def test_what_comes_to_nothing_says_why(process, fails, why, failures):
    """A bug of ours is counted, also a turn that somebody cancelled; a chain that a reload took away is none."""
    process.doer.fails = fails
    taken = await process.on_demand.ask(RUN, CI)
    await process.become(taken.id, OrderState.ABORTED, why)

    assert failures == process.failures


async def test_an_order_that_cannot_be_begun_comes_to_nothing(process):
    """It would wait for ever."""
    process.books.breaks.add("begin")
    taken = await process.on_demand.ask(RUN, CI)
    await process.become(taken.id, OrderState.ABORTED, Aborted.BROKE)

    assert ([], 1) == (process.doer.done, process.failures)


@pytest.mark.parametrize("told", [{"text": "\ud800"}, {"text": object()}], ids=["half a character", "an object"])
async def test_an_end_that_can_never_be_written_down_holds_up_no_other(process, told):
    """It came to nothing then, by a bug of ours."""
    process.doer.told = told
    stuck = await process.on_demand.ask(GATE, CI)
    await process.on_demand.wait(stuck.id, 5)
    process.doer.told = {"text": "GO"}
    others = [await process.on_demand.ask(replace(order, revision="b98"), CI) for order in (GATE, RUN)]
    for each in others:
        await process.become(each.id, OrderState.DONE)
    await process.become(stuck.id, OrderState.ABORTED, Aborted.BROKE)

    assert 1 == process.failures


async def test_a_report_that_never_gets_into_the_store_is_lost(process):
    """After a while nobody is left waiting for it."""
    process.doer.keeps = False
    taken = await process.on_demand.ask(RUN, CI)
    await process.become(taken.id, OrderState.ABORTED, Aborted.REPORT_LOST)

    assert [taken.id] == process.doer.done


# ── the dead ─────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_what_the_dead_have_left_is_done_under_its_id(store):
    """What ran and what waited; a run whose report is there is not run again."""
    before = Process(store, "a")
    before.doer.free.clear()
    taken = [await before.on_demand.ask(replace(RUN, revision=str(number)), CI) for number in range(4)]
    taken.append(await before.on_demand.ask(GATE, CI))
    await before.killed()
    await store.write([Kept(location="main", record=Record.of(p.build_report(id=taken[0].id)))])
    after = Process(store, "b")
    for each in taken:
        await after.become(each.id, OrderState.DONE)
    await after.on_demand.aclose(1.0)

    assert [] == before.doer.done
    assert {each.id for each in taken[1:]} == set(after.doer.done)


@pytest.mark.postgres
async def test_of_several_instances_one_does_what_the_dead_have_left(postgres, monkeypatch):
    """And nobody takes from the living, however long they take."""
    monkeypatch.setattr(intents, "LEASE_SECONDS", 1.0)
    store = SqlStore(postgres.database(), "main")
    await store.open()
    dead, *heirs = [Process(store, name) for name in "abc"]
    dead.doer.free.clear()
    heirs[0].doer.free.clear()
    slow = await heirs[0].on_demand.ask(replace(RUN, revision="slow"), CI)
    left = [await dead.on_demand.ask(replace(RUN, revision=str(number)), CI) for number in range(4)]
    await dead.killed()
    await asyncio.sleep(2.5)
    heirs[0].doer.free.set()
    for each in (slow, *left):
        await heirs[0].become(each.id, OrderState.DONE)
    for each in heirs:
        await each.on_demand.aclose(1.0)
    await store.aclose()

    done = [id_ for each in heirs for id_ in each.doer.done]
    assert sorted(done) == sorted(each.id for each in (slow, *left))
    assert slow.id in heirs[0].doer.done


@pytest.mark.postgres
async def test_what_is_ours_stays_ours_until_it_has_ended_in_the_books(postgres, monkeypatch):
    """While its report is on the way, while we begin, and while we end: or two instances would do it."""
    monkeypatch.setattr(on_demand, "_TEND_SECONDS", 0.2)
    monkeypatch.setattr(intents, "LEASE_SECONDS", 1.5)
    monkeypatch.setattr(on_demand, "_LOOKS", 10_000)
    store = SqlStore(postgres.database(), "main")
    await store.open()
    late, beginning, ending = mine = [Process(store, name, caught_up=name != "b") for name in "abc"]
    late.doer.keeps = False
    beginning.doer.free.clear()
    ending.doer.free.clear()
    taken = [await each.on_demand.ask(replace(RUN, revision=str(each)), CI) for each in mine]
    await late.on_demand.wait(taken[0].id, 5)
    await ending.become(taken[2].id, OrderState.RUNNING)
    closing = asyncio.create_task(ending.on_demand.aclose(20.0))
    heir = Process(store, "d")
    await asyncio.sleep(2.0)
    await store.write([Kept(location="main", record=Record.of(p.build_report(id=taken[0].id)))])
    beginning.doer.free.set()
    ending.doer.free.set()
    await closing
    for each in taken:
        await heir.become(each.id, OrderState.DONE)
    for each in (late, beginning, heir):
        await each.on_demand.aclose(1.0)
    await store.aclose()

    assert [[each.id] for each in taken] == [each.doer.done for each in mine]
    assert [] == heir.doer.done


async def test_what_was_taken_over_without_our_hearing_of_it_is_done(store):
    """The books say that it is ours, so nobody else would do it."""
    before = Process(store, "a")
    before.doer.free.clear()
    taken = await before.on_demand.ask(RUN, CI)
    await before.killed()
    after = Process(store, "b")
    after.books.deaf.add("take_over")
    await asyncio.sleep(0.2)
    done = list(after.doer.done)
    after.books.deaf.clear()
    await after.become(taken.id, OrderState.DONE)
    await after.on_demand.aclose(1.0)

    assert ([], [taken.id]) == (done, after.doer.done)


async def test_what_is_being_asked_for_is_not_taken_over_at_the_same_time(process, store):
    """It would be done twice."""
    process.doer.free.clear()
    process.books.mute.add("ask")
    asking = asyncio.create_task(process.on_demand.ask(RUN, CI))
    intent_id = await unheard(store)
    await asyncio.sleep(0.2)
    process.books.mute.clear()
    taken = await asking
    await asyncio.sleep(0.1)
    process.doer.free.set()
    await process.become(intent_id, OrderState.DONE)

    assert (intent_id, [intent_id], 1) == (taken.id, process.doer.done, process.doer.most)


@pytest.mark.parametrize("is_over", [False, True])
async def test_what_comes_back_is_not_done_twice(process, store, monkeypatch, is_over):
    """We were taken for dead, and then it was the other who died, while it ran or its report was on the way."""
    monkeypatch.setattr(on_demand, "_LOOKS", 10_000)
    process.doer.keeps = not is_over
    if not is_over:
        process.doer.free.clear()
    taken = await process.on_demand.ask(RUN, CI)
    await process.become(taken.id, OrderState.RUNNING)
    await process.on_demand.wait(taken.id, 5.0 if is_over else 0.0)
    await store.transact(lambda connection: connection.execute(update(tables.intents).values(instance="dead")))
    async with asyncio.timeout(5):
        while not await store._read(select(tables.intents).where(tables.intents.c.instance == "a")):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    await asyncio.sleep(0.1)
    process.doer.free.set()
    await store.write([Kept(location="main", record=Record.of(p.build_report(id=taken.id)))])
    await process.become(taken.id, OrderState.DONE)

    assert ([taken.id], 1) == (process.doer.done, process.doer.most)


async def test_what_nobody_wants_any_more_is_closed(store, monkeypatch):
    """It was asked for too long ago."""
    before = Process(store, "a")
    before.doer.free.clear()
    taken = await before.on_demand.ask(RUN, CI)
    await before.killed()
    monkeypatch.setattr(on_demand, "_WANTED_SECONDS", 0.0)
    after = Process(store, "b")
    await after.become(taken.id, OrderState.ABORTED, Aborted.DIED_MID_RUN)
    await after.on_demand.aclose(1.0)

    assert [] == after.doer.done


async def test_who_ends_well_lets_its_runs_finish_and_leaves_the_rest(store):
    """What waits, and gates, which may take minutes, are for the next process."""
    before = Process(store, "a")
    before.doer.free.clear()
    runs = [await before.on_demand.ask(replace(RUN, revision=str(number)), CI) for number in range(3)]
    gate = await before.on_demand.ask(GATE, CI)
    await asyncio.sleep(0.1)
    ending = asyncio.create_task(before.on_demand.aclose(5.0))
    await asyncio.sleep(0.1)
    before.doer.free.set()
    await ending
    after = Process(store, "b")
    for each in (*runs, gate):
        await after.become(each.id, OrderState.DONE)
    await after.on_demand.aclose(1.0)

    assert {runs[0].id, runs[1].id} == set(before.doer.done)
    assert {runs[2].id, gate.id} == set(after.doer.done)


async def test_a_store_that_hangs_does_not_hold_up_the_end(store):
    """What it was not told is found out by the next process."""
    process = Process(store, "a")
    taken = await process.on_demand.ask(RUN, CI)
    await process.become(taken.id, OrderState.DONE)
    process.books.hangs = True
    began = asyncio.get_running_loop().time()
    async with asyncio.timeout(10):
        await process.on_demand.aclose(5.0)

    assert asyncio.get_running_loop().time() - began < 3


@pytest.mark.parametrize("spins", range(5))
async def test_no_news_make_us_miss_that_we_are_to_end(store, monkeypatch, spins):
    """Also when they come at that very moment."""
    monkeypatch.setattr(on_demand, "_TEND_SECONDS", 60.0)
    process = Process(store, "a")
    await asyncio.sleep(0.1)
    process.on_demand._news.set()
    for _ in range(spins):
        await asyncio.sleep(0)
    process.on_demand._tending.cancel()
    done, _ = await asyncio.wait([process.on_demand._tending], timeout=2)
    process.on_demand._tending.cancel()
    await process.on_demand.aclose(0.0)

    assert done


async def test_who_was_never_opened_takes_nothing():
    """There are no books."""
    closed = OnDemand({}, lambda: None)
    with pytest.raises(StoreUnavailable, match="never opened"):
        await closed.ask(RUN, CI)

    assert (None, None) == (await closed.intent("i1"), closed.progress("i1"))
    await closed.aclose(0.0)


async def test_gates_that_go_are_listed_before_those_that_are_done(process):
    """Each once; a run is none."""
    done = await process.on_demand.ask(GATE, CI)
    await process.become(done.id, OrderState.DONE)
    process.doer.free.clear()
    going = await process.on_demand.ask(replace(GATE, revision="b98"), CI)
    await process.on_demand.ask(RUN, CI)
    listed = await process.on_demand.gates(10)

    assert [going.id, done.id] == [intent.id for intent in listed]
    assert [going.id] == [intent.id for intent in await process.on_demand.gates(1)]
