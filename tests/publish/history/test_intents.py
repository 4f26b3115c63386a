"""The books of what was asked for, on each kind of store."""

import asyncio
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import update
from sqlalchemy.exc import IntegrityError
from structlog.testing import capture_logs

from prober.model.aims import Aims
from prober.model.chain import Keeping, Trigger
from prober.model.errors import KeyReused, StoreUnavailable
from prober.model.order import Aborted, Asker, Kind, Order, OrderState, Outcome, Taken
from prober.publish.history.engine import in_file
from prober.publish.history.entries import Kept
from prober.publish.history.intents import KEY_SECONDS, LEASE_SECONDS, _remember_key, from_text, to_text
from prober.publish.history.record import Record
from prober.publish.history.store import SqlStore
from prober.publish.history.tables import idempotency_keys, intents
from tests.publish import builders as p

CI = Asker("ci")
RUN = Order(chain="validation", trigger=Trigger.DEPLOY, revision="b97", reason="nightly")
GATE = Order(kind=Kind.GATE, chain="validation", aims=Aims(proven=0.95, revision="b97"))


@pytest.fixture
def books(store):
    """As the instance `a` writes them."""
    return store.intents("a")


async def state(books, intent_id="i1"):
    """What has become of it."""
    found = await books.get(intent_id)
    return found and (found.state, found.why)


async def pass_by(store, seconds, table=intents, columns=("asked", "expires")):
    """So much time."""

    async def write(connection):
        """As if all had been written so much earlier."""
        await connection.execute(update(table).values({name: table.c[name] - seconds for name in columns}))

    await store.transact(write)


@pytest.mark.parametrize("order", [RUN, GATE])
async def test_what_was_asked_for_is_in_the_books(books, order):
    """Whole, with who asked and when, and waiting."""
    assert Taken("i1", Outcome.ACCEPTED) == await books.ask(order, CI, "i1")

    found = await books.get("i1")
    assert (order, "ci", OrderState.WAITING, None) == (found.order, found.caller, found.state, found.why)
    assert 0 <= found.age_seconds < 10
    assert abs(datetime.now(UTC) - found.asked) < timedelta(seconds=30)


async def test_nobody_knows_what_nobody_asked_for(books):
    """None."""
    assert await books.get("i1") is None


@pytest.mark.parametrize(
    ("word", "newer"),
    [('"proven"', '"newer": 1, "proven"'), ('"kind"', '"newer": {}, "kind"'), ('"checksum": "85d5", ', "")],
    ids=["of its aims", "of itself", "not yet"],
)
def test_an_order_of_another_release_is_read_as_far_as_it_goes(word, newer):
    """What it says beyond what we know is let go, and what it does not say is as if nobody had asked for it."""
    order = GATE if newer else replace(GATE, checksum="85d5")
    assert word in to_text(order)

    assert from_text(to_text(order).replace(word, newer)) == GATE


def test_what_an_order_does_not_say_the_release_before_can_read():
    """It knows of no checksums, and would trip over the word."""
    assert "checksum" not in to_text(GATE)
    assert replace(GATE, checksum="85d5") == from_text(to_text(replace(GATE, checksum="85d5")))


# ── keys ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_the_same_under_one_key_is_asked_once(books):
    """For as long as the key stands; without a key each is another."""
    keyed = Asker("ci", "deploy-17")
    taken = [await books.ask(RUN, keyed, "i1"), await books.ask(RUN, keyed, "i2"), await books.ask(RUN, CI, "i3")]

    assert [Taken("i1", Outcome.ACCEPTED), Taken("i1", Outcome.COALESCED), Taken("i3", Outcome.ACCEPTED)] == taken
    assert Taken("i1", Outcome.COALESCED) == await books.used(keyed, RUN)
    assert await books.used(CI, RUN) is None
    assert await books.get("i2") is None


@pytest.mark.parametrize("other", [replace(RUN, reason="again"), replace(RUN, revision="b98"), GATE])
async def test_something_else_under_one_key_is_refused(books, other):
    """It would be served by what was not asked for."""
    keyed = Asker("ci", "deploy-17")
    await books.ask(RUN, keyed, "i1")

    with pytest.raises(KeyReused, match="'deploy-17'"):
        await books.ask(other, keyed, "i2")
    with pytest.raises(KeyReused):
        await books.used(keyed, other)
    assert await books.get("i2") is None


async def test_a_key_is_its_callers_own(books):
    """Another may use the same."""
    await books.ask(RUN, Asker("ci", "1"), "i1")

    assert Taken("i2", Outcome.ACCEPTED) == await books.ask(GATE, Asker("ops", "1"), "i2")


async def test_a_key_outlives_an_update(store, books):
    """What the release before wrote under it is the same order, in other words."""
    keyed = Asker("ci", "1")
    await books.ask(GATE, keyed, "i1")
    before = json.dumps({**json.loads(to_text(GATE)), "of_old": None})
    change = update(idempotency_keys).values(wanted=before)
    await store.transact(lambda connection: connection.execute(change))

    assert Taken("i1", Outcome.COALESCED) == await books.used(keyed, GATE)


async def test_after_a_day_a_key_stands_for_nothing(store, books):
    """And may be used again."""
    keyed = Asker("ci", "1")
    await books.ask(RUN, keyed, "i1")
    await pass_by(store, KEY_SECONDS - 60, idempotency_keys, ["used"])
    before = await books.used(keyed, RUN)
    await pass_by(store, 120, idempotency_keys, ["used"])

    assert Taken("i1", Outcome.COALESCED) == before
    assert Taken("i2", Outcome.ACCEPTED) == await books.ask(GATE, keyed, "i2")


async def test_who_joins_under_a_key_is_served_by_what_was_there(books):
    """Now, and when the call is repeated."""
    await books.ask(RUN, CI, "i1")
    keyed = Asker("ci", "1")

    assert Taken("i1", Outcome.COALESCED) == await books.ask(RUN, keyed, "i1", joins=True)
    assert Taken("i1", Outcome.COALESCED) == await books.ask(RUN, keyed, "i2")


async def test_ten_that_use_a_key_at_once_are_served_by_one(books, store):
    """Whichever comes first, at whichever instance."""
    keyed, other = Asker("ci", "1"), store.intents("b")
    taken = await asyncio.gather(*((books, other)[n % 2].ask(RUN, keyed, f"i{n}") for n in range(10)))

    assert 1 == len({each.id for each in taken})
    assert 1 == [each.outcome for each in taken].count(Outcome.ACCEPTED)


# ── its course ───────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_an_order_runs_and_ends(books):
    """A gate with what it came to; and what has ended stays as it ended."""
    await books.ask(GATE, CI, "i1")
    course = [await state(books), await books.begin("i1"), await state(books)]
    course += [await books.finish("i1", {"text": "GO ✓"}), await state(books)]

    waiting, running, done = ((each, None) for each in (OrderState.WAITING, OrderState.RUNNING, OrderState.DONE))
    assert [waiting, True, running, True, done] == course
    assert {"text": "GO ✓"} == (await books.get("i1")).told
    assert [False, False] == [await books.abort("i1", Aborted.BROKE), await books.begin("i1")]
    assert done == await state(books)


async def test_an_order_that_comes_to_nothing_says_why(books):
    """For ever after."""
    await books.ask(RUN, CI, "i1")
    await books.abort("i1", Aborted.CHAIN_GONE)

    assert (OrderState.ABORTED, Aborted.CHAIN_GONE) == await state(books)


async def test_a_run_is_done_when_its_report_is_kept(store, books):
    """Whoever wrote it; the others go on."""
    for name in ("i1", "i2"):
        await books.ask(RUN, CI, name)
    await store.write([Kept(location="main", record=Record.of(p.build_report(id="i1")))])
    await books.settle()

    assert [(OrderState.DONE, None), (OrderState.WAITING, None)] == [await state(books, "i1"), await state(books, "i2")]


async def test_what_was_withdrawn_is_not_done_and_its_key_is_free(books):
    """Nobody was told that it was taken."""
    keyed = Asker("ci", "1")
    await books.ask(RUN, keyed, "i1")
    assert await books.withdraw(RUN, keyed, "i1")

    assert (OrderState.ABORTED, Aborted.NOT_ANSWERED) == await state(books)
    assert not await books.begin("i1")
    assert Taken("i2", Outcome.ACCEPTED) == await books.ask(GATE, keyed, "i2")


async def test_what_was_withdrawn_cannot_get_through_later(books):
    """It may have been on its way."""
    keyed = Asker("ci", "1")
    assert await books.withdraw(RUN, keyed, "i1")
    with pytest.raises(IntegrityError):
        await books.ask(RUN, keyed, "i1")

    assert (OrderState.ABORTED, Aborted.NOT_ANSWERED) == await state(books)
    assert await books.used(keyed, RUN) is None


async def test_what_another_sees_to_is_not_withdrawn(store, books):
    """We were taken for dead: it is done, and the key stands for it."""
    keyed = Asker("ci", "1")
    await store.intents("b").ask(RUN, keyed, "i1")

    assert not await books.withdraw(RUN, keyed, "i1")
    assert (OrderState.WAITING, None) == await state(books)
    assert Taken("i1", Outcome.COALESCED) == await books.used(keyed, RUN)


@pytest.mark.postgres
async def test_what_is_withdrawn_while_it_gets_through_is_not_done(shared):
    """Its commit may come after we gave up waiting for the answer."""
    books, keyed, may_end = shared.intents("a"), Asker("ci", "1"), asyncio.Event()

    async def slowly(connection):
        """A transaction that is not over yet."""
        await books._lock(connection, keyed)
        await books._write(connection, RUN, keyed, "i1")
        await _remember_key(connection, keyed, RUN, "i1")
        written.set()
        await may_end.wait()

    written = asyncio.Event()
    asking = asyncio.create_task(shared.transact(slowly))
    await written.wait()
    withdrawing = asyncio.create_task(books.withdraw(RUN, keyed, "i1"))
    await asyncio.sleep(0.2)
    may_end.set()
    await asking

    assert await withdrawing
    assert (OrderState.ABORTED, Aborted.NOT_ANSWERED) == await state(books)
    assert await books.used(keyed, GATE) is None


# ── who sees to it ───────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
async def shared(postgres):
    """A store that instances share."""
    store = SqlStore(postgres.database(), "main")
    await store.open()
    yield store
    await store.aclose()


@pytest.mark.postgres
async def test_what_the_dead_have_left_is_taken_over_once(shared):
    """By one of those that are there; from then on it is theirs, and the dead one has no say."""
    dead = shared.intents("a")
    for name in ("i1", "i2"):
        await dead.ask(RUN, CI, name)
    await dead.begin("i1")
    await pass_by(shared, 90)
    others = [shared.intents(name) for name in "bcde"]
    taken = await asyncio.gather(*(other.take_over(()) for other in others))

    (heir,) = [other for other, got in zip(others, taken, strict=True) if got]
    (got,) = [each for each in taken if each]
    assert {"i1", "i2"} == {intent.id for intent in got}
    assert all(90 <= intent.age_seconds < 120 for intent in got)
    assert [True, False] == [await heir.begin("i1"), await dead.begin("i1")]
    assert not await dead.abort("i1", Aborted.BROKE)


@pytest.mark.postgres
async def test_nobody_takes_from_the_living(shared):
    """Who has said within the time that it lives keeps its own; who lets go does not."""
    one, other = shared.intents("a"), shared.intents("b")
    for name in ("i1", "i2"):
        await one.ask(RUN, CI, name)
    await pass_by(shared, LEASE_SECONDS - 5)
    early = await other.take_over(())
    await one.live(["i1"])
    await pass_by(shared, 10)
    late = await other.take_over(())
    await one.let_go()
    let_go = await other.take_over(["i2"])

    assert [[], ["i2"], ["i1"]] == [[intent.id for intent in each] for each in (early, late, let_go)]


async def test_nobody_else_is_alive_beside_a_file(tmp_path):
    """So what was left is taken over at once, whatever the clock says."""
    store = SqlStore(in_file(tmp_path / "prober.db"), "main")
    await store.open()
    await store.intents("a").ask(RUN, CI, "i1")
    taken, own = await store.intents("b").take_over(()), await store.intents("b").take_over(["i1"])
    await store.aclose()

    assert (["i1"], []) == ([intent.id for intent in taken], own)


async def test_what_is_ours_without_our_knowing_is_taken_over_too(store, books):
    """It was given to us, and the answer was lost: nobody else would ever do it. What we know of we have."""
    for name in ("known", "lost"):
        await books.ask(RUN, CI, name)

    assert ["lost"] == [intent.id for intent in await books.take_over(["known"])]


FLAWS = {
    "trigger": ('"deploy"', '"of a release to come"'),
    "kind": ('"run"', '"tour"'),
    "nothing that must be there": ('"aims"', '"goals"'),
    "another shape": ("{", "[{"),
    "no JSON": ('"', "'"),
}


async def flawed(store, flaw):
    """One order of three is none that we could do."""
    for name in ("i1", "i2", "i3"):
        await store.intents("a").ask(RUN, Asker("ci", name), name)
    text = to_text(RUN).replace(*FLAWS[flaw]) + ("]" if flaw == "another shape" else "")
    change = update(intents).where(intents.c.id == "i2").values(wanted=text)
    await store.transact(lambda connection: connection.execute(change))


@pytest.mark.parametrize("flaw", FLAWS)
async def test_an_order_that_cannot_be_read_holds_up_no_other(store, flaw):
    """Another release wrote it, or a page of the file is damaged: it comes to nothing, and says so."""
    await flawed(store, flaw)
    await pass_by(store, 90)
    books = store.intents("b")
    with capture_logs() as logs:
        taken = await books.take_over(())

    assert ["i1", "i3"] == sorted(intent.id for intent in taken)
    assert (OrderState.ABORTED, Aborted.BROKE) == await state(books, "i2")
    assert [["i2"]] == [line["ids"] for line in logs if line["event"] == "on_demand.order_unreadable"]


async def test_an_order_of_a_release_to_come_is_told_as_far_as_it_goes(store, books):
    """By one that cannot do it: how far it is, and of which chain. Its key stands for nothing else."""
    await flawed(store, "trigger")
    change = update(idempotency_keys).values(wanted=to_text(RUN).replace(*FLAWS["trigger"]))
    await store.transact(lambda connection: connection.execute(change))
    found = await books.get("i2")

    assert (OrderState.WAITING, Kind.RUN, "validation") == (found.state, found.order.kind, found.order.chain)
    with pytest.raises(KeyReused):
        await books.used(Asker("ci", "i2"), RUN)


async def test_what_cannot_be_told_at_all_is_not_told_wrongly(store, books):
    """Neither as if nobody had asked for it, nor as if it were ours to say what became of it."""
    await books.ask(RUN, CI, "i1")
    change = update(intents).values(state="of a release to come")
    await store.transact(lambda connection: connection.execute(change))

    with pytest.raises(StoreUnavailable, match="another release"):
        await books.get("i1")


async def test_another_location_sees_to_its_own(store, address, books):
    """It looks from elsewhere, at what may be something else."""
    await books.ask(RUN, CI, "i1")
    await pass_by(store, 90)
    there = replace(store.intents("b"), location="elsewhere")

    assert [] == await there.take_over(())


async def test_what_is_old_and_over_is_let_go(store, books):
    """What is not over stays, however old."""
    for name in ("over", "open"):
        await books.ask(RUN, Asker("ci", name), name)
    await books.abort("over", Aborted.BROKE)
    await pass_by(store, 100)
    await pass_by(store, 100, idempotency_keys, ["used"])
    await store.prune(Keeping(seconds=60), datetime.now(UTC))

    assert (None, (OrderState.WAITING, None)) == (await state(books, "over"), await state(books, "open"))
    assert await books.used(Asker("ci", "open"), GATE) is None


async def test_a_store_that_was_never_opened_is_away(tmp_path):
    """It has no tables yet."""
    store = SqlStore(in_file(tmp_path / "prober.db"), "main")
    with pytest.raises(StoreUnavailable, match="never opened"):
        await store.intents("a").ask(RUN, CI, "i1")
    await store.aclose()


async def test_the_newest_gates_are_told(books):
    """Those that came to something, the newest first; runs have reports of their own."""
    for number in range(4):
        await books.ask(replace(GATE, revision=f"{number}"), CI, f"g{number}")
        if number != 1:
            await books.finish(f"g{number}", {"verdict": "pass"})
    await books.ask(RUN, CI, "r")

    assert ["g3", "g2"] == [intent.id for intent in await books.gates(2)]
    assert ["g3", "g2", "g0"] == [intent.id for intent in await books.gates(10)]
    assert [{"verdict": "pass"}] * 3 == [dict(intent.told) for intent in await books.gates(10)]
