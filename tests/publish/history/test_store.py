"""What every store does alike: one suite, run on each kind."""

import asyncio
import json
import os
import threading
import traceback
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import Engine, event, func, select, text, update

from prober.judge.ledger import grid_of
from prober.judge.recall import recall_of
from prober.model.chain import Keeping, Trigger
from prober.model.errors import StoreNotOurs, StoreUnavailable
from prober.model.facts import Facts
from prober.model.slot import Missed, Slot
from prober.publish.document import document
from prober.publish.history import retention, tables
from prober.publish.history.engine import in_file
from prober.publish.history.entries import Closed, Kept, Noted, Opened, Swept, Written
from prober.publish.history.record import Record, packed
from prober.publish.history.store import SqlStore
from prober.publish.history.tables import runs
from tests import builders as b
from tests.publish import builders as p
from tests.publish.history.conftest import FIRST, GRID, due, ended, opened, slot

NOT_OURS = Written(ours=False)
DEADLOCKS = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"


async def books(store):
    """The one grid's books."""
    (account,) = await store.accounts()
    assert account.balances
    return account.expected, account.recorded, account.missed, account.taken


# ── slots ────────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_slot_is_taken_and_recorded(store):
    """Its run is kept with it."""
    assert [Written(), Written(), Written()] == await store.write([opened(), due(), ended()])

    assert (1, 1, {}, 0) == await books(store)
    assert (await store.get("run-0-a"))["run"]["id"] == "run-0-a"


async def test_a_slot_is_taken_once(store):
    """Whoever comes second does not get it, and a result of theirs is refused."""
    await store.write([opened(), due()])

    assert [NOT_OURS, NOT_OURS] == await store.write([due(instance="b"), ended(instance="b")])
    assert (1, 0, {}, 1) == await books(store)
    assert await store.get("run-0-b") is None


async def test_ten_that_come_at_once_take_a_slot_once(store):
    """The engine lets one of them have it."""
    await store.write([opened()])
    written = await asyncio.gather(*(store.write([due(instance=f"i{number}")]) for number in range(10)))

    assert 1 == sum(each[0].ours for each in written)
    assert (1, 0, {}, 1) == await books(store)


async def test_what_was_passed_over_is_missed(store):
    """From the last slot in the books to this one, as one range."""
    await store.write([opened(), due(), ended()])

    assert [Written(passed_over=4)] == await store.write([due(5, why=Missed.CLOCK_STEP)])
    assert (6, 1, {"clock_step": 4}, 1) == await books(store)


async def test_a_slot_may_be_missed_at_once(store):
    """And after it was taken."""
    await store.write([opened(), due(missed=Missed.OVERRUN), due(1), ended(1, missed=Missed.SHUTDOWN)])

    assert (2, 0, {"overrun": 1, "shutdown": 1}, 0) == await books(store)


async def test_writing_twice_is_writing_once(store):
    """Who did not hear whether it got through may say it again."""
    entries = [opened(), due(), ended(), due(3), ended(3, missed=Missed.DIED_MID_RUN)]
    await store.write(entries)

    assert [Written()] * 3 + [Written(passed_over=2), Written()] == await store.write(entries)
    assert (4, 1, {"stalled": 2, "died_mid_run": 1}, 0) == await books(store)


async def test_all_of_it_is_written_or_nothing(store):
    """A batch that fails in its middle leaves no trace."""
    broken = ended()
    object.__setattr__(broken.record, "verdict", None)

    with pytest.raises(Exception, match="verdict"):
        await store.write([opened(), due(), broken])
    assert () == tuple(await store.accounts())


async def test_slots_of_the_dead_are_given_up(store):
    """Those of others whose time is over; what they say of them later is refused."""
    await store.write([opened(), due(), due(1, instance="b")])
    dead = Swept(location="main", instance="a", before=slot(9).due.timestamp())

    assert [Written(died={"validation": 1})] == await store.write([dead])
    assert [NOT_OURS, Written()] == await store.write([ended(1, instance="b"), ended()])
    assert (2, 1, {"died_mid_run": 1}, 0) == await books(store)


async def test_the_living_and_other_places_are_left_alone(store):
    """A slot whose time is not over may still end."""
    await store.write([opened(), due(instance="b")])

    assert [Written(), Written()] == await store.write(
        [
            Swept(location="main", instance="a", before=slot(0).due.timestamp()),
            Swept(location="elsewhere", instance="a", before=slot(99).due.timestamp()),
        ]
    )
    assert (1, 0, {}, 1) == await books(store)


async def test_while_a_chain_is_not_kept_it_has_no_slots(store):
    """Closed, what nobody took until then is missed; reopened, it goes on from there."""
    await store.write([opened(), due(), ended()])

    assert [Written(passed_over=2)] == await store.write(
        [Closed(grid=GRID, sequence=slot(2).sequence, why=Missed.RELOAD)]
    )
    assert [] == await store.open_grids()
    await store.write([opened(10), due(10), ended(10)])

    assert (4, 2, {"reload": 2}, 0) == await books(store)
    assert [("validation", 30.0, slot(10).sequence)] == await store.open_grids()


async def test_a_slot_reopens_what_somebody_else_closed(store):
    """An instance with an older config goes on."""
    await store.write([opened(), Closed(grid=GRID, sequence=slot(2).sequence, why=Missed.RELOAD), due(3)])

    assert (4, 0, {"reload": 3}, 1) == await books(store)


# ── runs ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_report_is_found_again(store):
    """As other programs see it."""
    report = p.broken_report(id="asked-for")
    await store.write([Kept(location="main", record=Record.of(report))])

    found = await store.get("asked-for")
    assert document(report)["diagnosis"] == found["diagnosis"]
    assert await store.get("another") is None


async def test_the_last_report_of_each_chain_is_found_at_once(store):
    """Of those that have one, also of one verdict; in one question, whatever else is kept."""
    for number in range(6):
        build = p.broken_report if number > 3 else p.build_report
        chain = f"chain-{number % 2}"
        report = build(id=str(number), chain=chain, ended=b.NOON + timedelta(seconds=number))
        await store.write([Kept(location="main", record=Record.of(report))])

    async def ids(*chains, verdict=None):
        """Which runs are found."""
        return sorted(report["run"]["id"] for report in await store.latest(chains, verdict))

    assert ["4", "5"] == await ids("chain-0", "chain-1", "never")
    assert ["2", "3"] == await ids("chain-0", "chain-1", verdict="pass")
    assert ["5"] == await ids("chain-1")
    assert [] == await ids("never")


async def test_reports_are_listed_the_newest_first(store):
    """By chain and verdict when asked, and no more than asked for."""
    for number in range(4):
        build = p.broken_report if number % 2 else p.build_report
        chain = "other" if number == 3 else "validation"
        report = build(id=str(number), chain=chain, ended=b.NOON + timedelta(seconds=number))
        await store.write([Kept(location="main", record=Record.of(report))])

    async def ids(chain=None, verdict=None, limit=50):
        """Which runs are listed."""
        found = await store.newest(chain=chain, verdict=verdict, limit=limit)
        return [report["run"]["id"] for report in found]

    assert ["3", "2", "1", "0"] == await ids()
    assert ["2", "1", "0"] == await ids(chain="validation")
    assert ["3", "1"] == await ids(verdict="fail")
    assert ["3"] == await ids(limit=1)


async def test_reports_are_listed_without_those_of_bursts(store):
    """Where that is asked for: of a gate's rounds there may be more than are listed."""
    for number in range(40):
        trigger = Trigger.SCHEDULE if number < 2 else Trigger.BURST
        report = p.build_report(id=str(number), trigger=trigger, ended=b.NOON + timedelta(seconds=number))
        await store.write([Kept(location="main", record=Record.of(report))])

    found = await store.newest(chain="validation", verdict=None, limit=5, but_for=Trigger.BURST)

    assert ["1", "0"] == [each["run"]["id"] for each in found]


async def test_reports_are_passed_on_as_they_are_kept(store):
    """As text, which nobody has to read for that; the same that are listed as documents."""
    for number in range(3):
        report = p.broken_report(id=str(number), ended=b.NOON + timedelta(seconds=number))
        await store.write([Kept(location="main", record=Record.of(report))])

    texts = await store.newest_json(chain="validation", verdict="fail", limit=2)

    assert await store.newest(chain="validation", verdict="fail", limit=2) == [json.loads(each) for each in texts]
    assert ["2", "1"] == [json.loads(each)["run"]["id"] for each in texts]


async def test_what_a_restart_needs_is_recalled(store):
    """Samples, readings and facts of the last hours, oldest first, equal to what was remembered."""
    facts = (Facts(service="auth", revision="r7", uptime_seconds=4.0, certificate_not_after=b.NOON),)
    reports = [
        p.broken_report(id="2", ended=b.NOON, facts=facts),
        p.build_report(id="1", ended=b.NOON - timedelta(seconds=30), facts=facts),
        p.build_report(id="0", ended=b.NOON - timedelta(hours=7)),
    ]
    await store.write([Kept(location="main", record=Record.of(report)) for report in reports])

    recalled = await store.recalls(ended_after=b.NOON - timedelta(hours=6))

    assert [recall_of(reports[1]), recall_of(reports[0])] == list(recalled)


async def test_news_is_what_others_wrote(store, address):
    """Since somebody last asked, whatever their clocks show; without what he knows."""
    other = SqlStore(address, "main") if store.is_shared else store
    await store.recalls(ended_after=b.NOON)
    for number in range(3):
        report = p.build_report(id=str(number), ended=b.NOON - timedelta(hours=number))
        await other.write([Kept(location="main", record=Record.of(report))])

    assert ["0", "2"] == [each.run_id for each in await store.news({"1"})]
    assert [] == list(await store.news({"0", "1", "2"}))
    await other.aclose()


async def test_what_is_too_old_to_be_recalled_is_no_news(store):
    """After a long time away the whole past would be read at the first turn."""
    await store.write([Kept(location="main", record=Record.of(p.build_report(id="old")))])
    async with store._engines.writing.begin() as connection:
        await connection.execute(update(runs).values(written=runs.c.written - 3600.0))
    await store.write([Kept(location="main", record=Record.of(p.build_report(id="newer")))])

    recalled = await store.recalls(ended_after=b.NOON + timedelta(days=1))

    assert ([], ["newer"]) == (list(recalled), [each.run_id for each in await store.news(())])


@pytest.mark.parametrize("flaw", [{"trigger": "of a release to come"}, {"recall": b"damaged"}])
async def test_a_run_that_cannot_be_read_is_passed_over(store, flaw):
    """The others are recalled, and heard of."""
    ends = {name: b.NOON + timedelta(seconds=number) for number, name in enumerate(("theirs", "ours"))}
    records = [Record.of(p.build_report(id=name, ended=ended)) for name, ended in ends.items()]
    await store.write([Kept(location="main", record=record) for record in records])
    async with store._engines.writing.begin() as connection:
        await connection.execute(update(runs).where(runs.c.id == "theirs").values(**flaw))

    told = await store.recalls(ended_after=b.NOON - timedelta(hours=1)), await store.news(())

    assert [["ours"], ["ours"]] == [[recall.run_id for recall in each] for each in told]


async def test_a_report_that_cannot_be_read_is_passed_over(store):
    """The others are listed; it itself is as good as gone."""
    for name in ("damaged", "sound"):
        await store.write([Kept(location="main", record=Record.of(p.build_report(id=name)))])
    async with store._engines.writing.begin() as connection:
        await connection.execute(update(runs).where(runs.c.id == "damaged").values(document=b"damaged"))

    listed = await store.newest(chain=None, verdict=None, limit=50)
    texts = await store.newest_json(chain=None, verdict=None, limit=50)

    assert [["sound"], ["sound"]] == [
        [each["run"]["id"] for each in listed],
        [json.loads(each)["run"]["id"] for each in texts],
    ]
    assert await store.get("damaged") is None


async def test_notes_are_kept_by_name(store):
    """The newest stands."""
    await store.write([Noted(location="main", name="alarms", text=text) for text in ("{}", '{"a":1}')])

    assert {"alarms": '{"a":1}'} == await store.noted()


async def test_a_note_that_comes_late_does_not_stand(store):
    """It may have waited in a spool while somebody else noted something newer."""
    for told, at in (("newer", 20.0), ("late", 10.0)):
        await store.write([Noted(location="main", name="alarms", text=told, at=at)])

    assert {"alarms": "newer"} == await store.noted()


# ── retention ────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_what_is_too_old_goes(store):
    """Runs with their steps, and slots; the books still balance."""
    await store.write([opened(), due(), ended(), due(5), ended(5), due(200), ended(200)])

    await store.prune(Keeping(seconds=3600.0), slot(200).due)

    assert ["run-200-a"] == [each["run"]["id"] for each in await store.newest(chain=None, verdict=None, limit=9)]
    account = (await store.accounts())[0]
    assert (True, 1) == (account.balances, account.recorded)


@pytest.fixture
def statements():
    """What is asked of any database, as it is asked."""
    asked = []

    def heard(_connection, _cursor, statement, *_more):
        asked.append(statement)

    event.listen(Engine, "before_cursor_execute", heard)
    yield asked
    event.remove(Engine, "before_cursor_execute", heard)


async def test_chains_of_which_nothing_is_old_cost_no_pruning(store, statements):
    """Ten as many as none: each would have its two statements every half minute, and thousands of them a pause."""
    asked = []
    for number in range(10):
        grid = replace(GRID, chain=f"chain-{number}")
        await store.write([Opened(grid=grid, sequence=FIRST)])
        await store.write([replace(due(), slot=Slot(grid, FIRST)), replace(ended(), slot=Slot(grid, FIRST))])
        if number in {0, 9}:
            statements.clear()
            await store.prune(Keeping(), slot(1).due)
            asked.append(len(statements))

    assert asked[0] == asked[1] > 0


async def test_what_is_old_goes_of_more_chains_than_one_transaction_takes(store, monkeypatch):
    """And of those alone that have something old; a turn that is still under way stays, and holds nobody up."""
    monkeypatch.setattr(retention, "_WITH_OLD", retention._WITH_OLD.limit(2))
    grids = [replace(GRID, chain=f"chain-{number}") for number in range(7)]
    for grid in grids:
        await store.write([Opened(grid=grid, sequence=FIRST)])
    for grid in grids[:2]:
        await store.write([replace(due(), slot=Slot(grid, FIRST))])
    for grid in grids[2:6]:
        await store.write([replace(due(), slot=Slot(grid, FIRST)), replace(ended(), slot=Slot(grid, FIRST))])
    for grid in grids[5:]:
        await store.write([replace(due(500), slot=Slot(grid, FIRST + 500))])

    await store.prune(Keeping(seconds=3600.0), slot(1000).due)

    accounts = await store.accounts()
    assert [1, 1, 0, 0, 0, 1, 1] == [account.taken for account in accounts]
    assert {(True, 0)} == {(account.balances, account.recorded) for account in accounts}
    assert 0 == (await store._read(select(func.count()).select_from(tables.gaps)))[0][0]


async def test_what_takes_too_much_room_goes(store):
    """The oldest first, until it fits."""
    reports = [p.build_report(id=str(number), ended=b.NOON + timedelta(seconds=number)) for number in range(250)]
    for number in range(0, 250, 50):
        await store.write([Kept(location="main", record=Record.of(report)) for report in reports[number : number + 50]])

    await store.prune(Keeping(mebibytes=0), b.NOON)

    assert 0 == len(await store.newest(chain=None, verdict=None, limit=9))


async def test_what_is_too_old_goes_from_every_table(store):
    """Tallies, gaps and revisions too: nothing grows for ever."""
    await store.write([opened(), due(), ended(), due(500), ended(500)])

    await store.prune(Keeping(seconds=3600.0), slot(500).due)

    counts = {
        each.name: (await store._read(select(func.count()).select_from(each)))[0][0]
        for each in (tables.slots, tables.gaps, tables.runs, tables.steps, tables.tallies)
    }
    assert {"slots": 1, "gaps": 1, "runs": 1, "steps": 7, "tallies": 0} == counts  # all steps of builders are at noon

    await store.prune(Keeping(seconds=3600.0), slot(1000).due)

    assert (True, 0) == ((await store.accounts())[0].balances, (await store.accounts())[0].expected)
    assert [] == await store.revision_marks(b.NOON - timedelta(days=1))


async def test_notes_that_nobody_renews_go(store):
    """Those of chains that are gone; a chain that goes on is noted every few minutes."""
    now = slot(200).due
    ages = {"alarms:gone": 3601.0, "alarms:goes-on": 3599.0}
    await store.write([Noted(location="main", name=name, text="", at=now.timestamp() - ages[name]) for name in ages])

    await store.prune(Keeping(seconds=3600.0), now)

    assert {"alarms:goes-on": ""} == await store.noted()


async def test_no_more_goes_than_must(store):
    """What is left is as large as allowed, less a chunk; nothing goes later, after the database has tidied up."""
    reports = [p.build_report(id=str(number), ended=b.NOON + timedelta(seconds=number)) for number in range(900)]
    for number in range(0, 900, 50):
        await store.write([Kept(location="main", record=Record.of(report)) for report in reports[number : number + 50]])
    assert await store._live_bytes() > 2**20

    await store.prune(Keeping(mebibytes=1), b.NOON)
    left = [each["run"]["id"] for each in await store.newest(chain=None, verdict=None, limit=1000)]
    if store.is_shared:
        async with store._engines.writing.connect() as connection:
            await connection.execution_options(isolation_level="AUTOCOMMIT")
            await connection.exec_driver_sql("VACUUM ANALYZE runs")
    await store.prune(Keeping(mebibytes=1), b.NOON)

    assert 0.9 * 2**20 < await store._live_bytes() <= 2**20
    assert "899" == left[0]
    assert left == [each["run"]["id"] for each in await store.newest(chain=None, verdict=None, limit=1000)]


async def gates_held(store, count, *, state="done"):
    """So many gates, a minute apart, each with 10 kB to tell and a key."""
    told = {"ended": None} if state == "running" else {}
    rows = [
        {
            "id": f"gate-{number}",
            "location": "main",
            "caller": "ci",
            "wanted": "{}",
            "asked": (b.NOON + timedelta(minutes=number)).timestamp(),
            "state": state,
            "instance": "a",
            "expires": 0.0,
            "ended": b.NOON.timestamp(),
            "told": packed({"text": os.urandom(10_000).hex()}),
            **told,
        }
        for number in range(count)
    ]
    keys = [{"caller": "ci", "key": row["id"], "wanted": "{}", "intent": row["id"], "used": 1e12} for row in rows]
    async with store._engines.writing.begin() as connection:
        await connection.execute(tables.intents.insert(), rows)
        await connection.execute(tables.idempotency_keys.insert(), keys)


async def oldest_and_how_many(store, column):
    """Of a table: the least of a column, in minutes since noon, and the number of rows."""
    query = select(func.min(column), func.count()).select_from(column.table)
    ((least, count),) = await store._read(query)
    return (least - b.NOON.timestamp()) / 60, count


async def test_kept_gates_are_let_go_as_reports_are(store):
    """By size: the oldest of both, until they fit; their keys stand for nothing then."""
    for number in range(0, 200, 50):
        reports = [p.build_report(id=str(n), ended=b.NOON + timedelta(minutes=n)) for n in range(number, number + 50)]
        await store.write([Kept(location="main", record=Record.of(report)) for report in reports])
    await gates_held(store, 200)
    assert await store._live_bytes() > 2.5 * 2**20

    await store.prune(Keeping(mebibytes=2), b.NOON)
    runs_left, gates_left = [await oldest_and_how_many(store, each) for each in (runs.c.ended, tables.intents.c.asked)]

    assert 1.5 * 2**20 < await store._live_bytes() <= 2 * 2**20
    assert 50 < gates_left[1] < 190
    assert abs(runs_left[0] - gates_left[0]) < 90  # chunks are of fifty
    assert gates_left[1] == (await store._read(select(func.count()).select_from(tables.idempotency_keys)))[0][0]


async def test_gates_alone_are_let_go_too(store):
    """The newest stay."""
    await gates_held(store, 200)

    await store.prune(Keeping(mebibytes=1), b.NOON)
    oldest, left = await oldest_and_how_many(store, tables.intents.c.asked)

    assert 30 < left < 120
    assert 200 - left == oldest


async def test_a_gate_that_goes_on_is_not_let_go(store):
    """Whoever asked for it can ask what becomes of it."""
    await gates_held(store, 3, state="running")

    await store.prune(Keeping(mebibytes=0, seconds=1.0), b.NOON + timedelta(days=1))

    assert (0.0, 3) == await oldest_and_how_many(store, tables.intents.c.asked)


OTHERS = "CREATE TABLE others AS SELECT n AS id, repeat('x', 1000) AS told FROM generate_series(1, 9000) AS n"


@pytest.mark.postgres
async def test_other_peoples_tables_are_none_of_ours(postgres):
    """They are not counted as room we take, nothing of ours goes because of them, and nobody touches them."""
    address = postgres.database()
    name = address.rpartition("/")[2]
    store = SqlStore(address, "main")
    await store.open()
    await store.write([opened(), due(), ended()])
    before = await store.size_bytes()
    postgres.sql(OTHERS, name)

    await store.prune(Keeping(mebibytes=1), b.NOON)

    left = [each["run"]["id"] for each in await store.newest(chain=None, verdict=None, limit=9)]
    assert (["run-0-a"], before) == (left, await store.size_bytes())
    assert "9000|9000000" == postgres.sql("SELECT count(*), sum(length(told)) FROM others", name)
    assert int(postgres.sql("SELECT pg_total_relation_size('others')", name)) > 8 * 2**20
    await store.aclose()


async def test_a_file_shrinks(tmp_path):
    """All that is free is given back, not a page a round."""
    store = SqlStore(in_file(tmp_path / "prober.db"), "main")
    await store.open()
    report = replace(Record.of(p.build_report()), document=bytes(9000))
    for number in range(0, 800, 50):
        runs = [replace(report, run_id=str(number + each)) for each in range(50)]
        await store.write([Kept(location="main", record=run) for run in runs])
    assert await store.size_bytes() > 8 * 2**20

    await store.prune(Keeping(mebibytes=0), b.NOON)

    assert 0 == (await store._read(text("PRAGMA freelist_count")))[0][0]
    assert (tmp_path / "prober.db").stat().st_size < 2**20
    await store.aclose()


# ── opening ──────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_opened_again_it_is_all_there(store, address):
    """What was committed is there for the next process."""
    await store.write([opened(), due(), ended()])
    await store.aclose()

    again = SqlStore(address, "main")
    await again.open()

    assert (1, 1, {}, 0) == await books(again)
    await again.aclose()


async def test_a_store_of_a_newer_release_is_left_alone(store, address):
    """It is refused before anything is written."""
    async with store._engines.writing.begin() as connection:
        await connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    await store.aclose()

    again = SqlStore(address, "main")
    with pytest.raises(StoreNotOurs, match="a newer release"):
        await again.open()
    await again.aclose()


async def test_a_file_is_for_one_process(tmp_path):
    """The second is told who has it, and what would do."""
    first, second = (SqlStore(in_file(tmp_path / "prober.db"), "main") for _ in range(2))
    await first.open()

    with pytest.raises(StoreNotOurs, match=r"is in use by process \d+; give this one a file of its own"):
        await second.open()
    await first.aclose()
    await second.aclose()


@pytest.mark.parametrize(
    "address",
    [
        "mysql://user:hunter2@host/db",
        "hunter2",
        "sqlite://",
        "postgresql://user:p@ss:hunter2@host:5432/db",
        "postgresql://user:pass@host:hunter2/db",
    ],
)
def test_an_address_that_is_none(address):
    """It says what would do, and never quotes it: it may hold a password."""
    with pytest.raises(StoreUnavailable) as raised:
        SqlStore(address, "main")

    assert "hunter2" not in "".join(traceback.format_exception(raised.value))


@pytest.mark.postgres
async def test_two_that_write_the_same_grids_never_wait_for_each_other(postgres):
    """Whatever the order in which their entries wait, all of it is written at once."""
    address = postgres.database()
    stores = [SqlStore(address, "main") for _ in range(3)]
    for store in stores:
        await store.open()
    chains = [grid_of(b.chain(name=f"c{number}"), "main") for number in range(6)]
    await stores[0].write([Opened(grid=grid, sequence=1) for grid in chains])

    async def turns(store, instance, order):
        for sequence in range(1, 30):
            taken = [due(instance=instance), ended(instance=instance, missed=Missed.SHUTDOWN)]
            slots = [replace(each, slot=Slot(grid, sequence)) for grid in order for each in taken]
            await store.write([*slots, *(Noted(location="main", name=grid.chain, text="") for grid in order)])

    orders = [chains, chains[::-1], chains[3:] + chains[:3]]
    await asyncio.gather(
        *(turns(store, f"i{number}", order) for number, (store, order) in enumerate(zip(stores, orders, strict=True)))
    )
    books = await stores[0].accounts()
    for store in stores:
        await store.aclose()
    assert {(29, 29)} == {(each.expected, each.missed["shutdown"]) for each in books}
    assert "0" == postgres.sql(DEADLOCKS, address.rpartition("/")[2])


# ── a file that is not what it was ───────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("names", ["prober.db", "prober.db*"])
async def test_a_file_that_is_deleted_under_us_is_written_anew(tmp_path, names):
    """Nothing of it is lost, whoever deleted what: we still hold it open."""
    address = in_file(tmp_path / "prober.db")
    store = SqlStore(address, "main")
    await store.open()
    await store.write([opened(), due(), ended(), due(1)])
    for file in tmp_path.glob(names):
        file.unlink()
    await store.write([ended(1), due(2), ended(2)])
    await store.aclose()

    again = SqlStore(address, "main")
    await again.open()
    assert (3, 3, {}, 0) == await books(again)
    assert {"prober.db", "prober.db.lock"} == {file.name for file in tmp_path.iterdir()} - {
        "prober.db-wal",
        "prober.db-shm",
    }
    await again.aclose()


async def test_a_file_that_was_replaced_is_taken_up(tmp_path):
    """Somebody put a copy back; what we had is kept beside it."""
    store, other = (SqlStore(in_file(tmp_path / name), "main") for name in ("prober.db", "other.db"))
    for each in (store, other):
        await each.open()
    await store.write([opened(), due(), ended()])
    await other.write([opened(), due(), ended(), due(1), ended(1)])
    await other.aclose()
    (tmp_path / "other.db").replace(tmp_path / "prober.db")
    await store.write([due(2), ended(2)])

    assert (3, 3, {}, 0) == await books(store)
    assert 1 == len(list(tmp_path.glob("prober.db.rescued-*")))
    await store.aclose()


@pytest.mark.parametrize(
    "damage", [lambda _good: b"no database at all" * 500, lambda good: good[:4096] + b"Z" * (len(good) - 4096)]
)
async def test_a_file_that_is_damaged_is_set_aside(tmp_path, damage):
    """It is kept under another name, and books begin anew: with slots that were taken before it was seen, too."""
    path = tmp_path / "prober.db"
    store = SqlStore(in_file(path), "main")
    await store.open()
    await store.write([opened(), due(), ended(), due(1)])
    await store.aclose()
    damaged = damage(path.read_bytes())
    path.write_bytes(damaged)

    store = SqlStore(in_file(path), "main")
    await store.open()
    await store.write([ended(1), due(2), ended(2)])
    assert (2, 2, {}, 0) == await books(store)
    await store.aclose()
    assert damaged == next(tmp_path.glob("prober.db.damaged-*")).read_bytes()


async def test_who_still_reads_keeps_no_file_open(tmp_path):
    """A connection that comes back after the store was closed would stay open for good, and its thread with it."""
    store, before = SqlStore(in_file(tmp_path / "prober.db"), "main"), set(threading.enumerate())
    await store.open()
    reads = asyncio.Event()

    async def read():
        async with store._engines.reading.connect() as connection:
            reads.set()
            await connection.exec_driver_sql(_A_WHILE)

    reading = asyncio.create_task(read())
    await reads.wait()
    await store.aclose()
    await reading

    left = set(threading.enumerate()) - before
    for each in left:
        each.join(2.0)  # one that has closed its connection ends in a moment
    assert not any(each.is_alive() for each in left)


_A_WHILE = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 300000) SELECT count(*) FROM n"


async def test_damage_that_is_met_later_sets_it_aside(tmp_path):
    """The first time it is met is the last: what was to be written is written when it is tried again."""
    path = tmp_path / "prober.db"
    store = SqlStore(in_file(path), "main")
    await store.open()
    await store.write([opened(), due(), ended(), due(1)])
    async with store._engines.writing.connect() as connection:
        await connection.exec_driver_sql("COMMIT")
        await connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"Z" * (path.stat().st_size - 4096))
    await store._engines.aclose()  # nothing of it is cached any more

    with pytest.raises(StoreUnavailable, match="the file is damaged"):
        await store.write([ended(1)])
    await store.write([ended(1)])
    assert (1, 1, {}, 0) == await books(store)
    await store.aclose()


async def test_an_end_whose_beginning_was_lost_counts(store):
    """Books that could not be told of a turn hear of it with its end."""
    await store.write([opened(), due(), ended(), ended(3)])

    assert (4, 2, {"store_unavailable": 2}, 0) == await books(store)


@pytest.mark.postgres
async def test_a_hosted_address_says_how_to_encrypt(postgres):
    """In libpq's words; what it says besides is refused by name, not passed over."""
    address = postgres.database()
    store = SqlStore(f"{address}?sslmode=prefer", "main")
    await store.open()
    await store.aclose()

    with pytest.raises(StoreUnavailable, match="its address says pgbouncer, which is not understood here"):
        SqlStore(f"{address}?pgbouncer=true", "main")


@pytest.mark.postgres
async def test_a_user_who_may_not_make_tables(postgres):
    """As of PostgreSQL 15 nobody may in the public schema but its owner: what would do is told."""
    address = postgres.database()
    name = address.rpartition("/")[2]
    postgres.sql(f"CREATE ROLE guest_{name} LOGIN PASSWORD 'guest'")
    store = SqlStore(f"postgresql://guest_{name}:guest@127.0.0.1:{postgres.port}/{name}", "main")

    with pytest.raises(StoreUnavailable, match="its user may not make or write the tables"):
        await store.open()
    await store.aclose()
