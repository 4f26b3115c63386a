"""Entries on their way: in order, each once, whatever becomes of the store and of us."""

import asyncio

import pytest

from prober.model.errors import StoreUnavailable
from prober.model.slot import Missed
from prober.publish.history import spool
from prober.publish.history.entries import Claimed, Dropped, Ended, Kept, Noted, Written, from_line, to_line, weight
from prober.publish.history.record import Record
from prober.publish.history.spool import Spool
from tests.publish import builders as p
from tests.publish.history.conftest import due, ended, opened

NOTE = Noted(location="main", name="alarms", text="{}")
CLAIM = Claimed(location="main", name="heartbeat", instance="a", at=0.0, lasts_seconds=60.0)


def kept(number):
    """A run that was nobody's turn."""
    return Kept(location="main", record=Record.of(p.build_report(id=f"asked-{number}")))


class Taker:
    """Takes entries, unless it is away; refuses those it can never take."""

    def __init__(self):
        """It is there."""
        self.taken, self.away, self.never, self.most = [], "", (), 1000
        self.batches = []

    async def write_entries(self, entries):
        """Take all or none."""
        await asyncio.sleep(0)
        if self.away or len(entries) > self.most:
            raise StoreUnavailable(self.away or "too slow for so many")
        if any(entry in self.never for entry in entries):
            raise ZeroDivisionError
        self.taken += entries
        self.batches.append(list(entries))
        return [Written() for _ in entries]


class Line:
    """A spool that runs, and what it fails at."""

    def __init__(self, file=None, limit_bytes=2**20):
        """Between us and a taker."""
        self.taker, self.failures = Taker(), 0
        self.spool = Spool(self.taker, file=file, limit_bytes=limit_bytes, on_failure=self.fail)

    def fail(self):
        """Count."""
        self.failures += 1

    async def __aenter__(self):
        self.running = asyncio.create_task(self.spool.run())
        return self

    async def __aexit__(self, *_exc):
        self.running.cancel()
        await asyncio.gather(self.running, return_exceptions=True)

    async def put(self, *entries, told=lambda _entry, _written: None, patience_seconds=0.2):
        """Hand over, one after the other."""
        return [await self.spool.put(entry, patience_seconds=patience_seconds, told=told) for entry in entries]


async def test_it_hands_over_in_order():
    """And tells what became of each."""
    entries = [opened(), due(), ended(), due(1)]
    async with Line() as line:
        assert [Written()] * 4 == await line.put(*entries)

    assert entries == line.taker.taken


async def test_while_the_store_is_away_nobody_waits_and_nothing_is_lost():
    """Once it is back, all that waited is handed over in order, and who wanted to know is told."""
    entries, told = [due(number) for number in range(20)], []
    async with Line() as line:
        line.taker.away = "gone fishing"
        answers = await line.put(*entries, told=lambda entry, _written: told.append(entry))
        why = line.spool.away_because
        line.taker.away = ""
        assert await line.spool.drained(10)

    assert ([None] * 20, "gone fishing") == (answers, why)
    assert entries == line.taker.taken == told
    assert (1, None) == (line.failures, line.spool.away_because)


async def test_what_is_too_much_at_once_is_handed_over_in_smaller_parts():
    """On a machine so busy that fifty take longer than we wait, they would for ever."""
    entries = [due(number) for number in range(60)]
    async with Line() as line:
        line.taker.away = "busy"
        await line.put(*entries, patience_seconds=0.01)
        line.taker.away, line.taker.most = "", 3
        assert await line.spool.drained(30)

    assert entries == line.taker.taken


async def test_an_entry_that_can_never_be_written_holds_up_no_other():
    """It is tried again, let go, and counted as our own fault."""
    async with Line() as line:
        line.taker.never = (due(1),)
        answers = await asyncio.gather(*(line.put(due(number), patience_seconds=5) for number in range(3)))

    assert [due(0), due(2)] == line.taker.taken
    assert [[Written()], [Written(ours=False, refused=True)], [Written()]] == answers
    assert 2 == line.failures


async def test_a_run_that_can_never_be_written_leaves_its_slot():
    """As missed, by our own fault; the books stay whole."""
    async with Line() as line:
        line.taker.never = (ended(0),)
        await line.put(due(), ended(0), due(1), patience_seconds=5)
        assert await line.spool.drained(10)

    assert [due(), ended(0, missed=Missed.STORE_UNAVAILABLE), due(1)] == line.taker.taken


async def test_a_failure_that_passes_costs_nothing():
    """What went wrong once is tried again."""
    async with Line() as line:
        line.taker.never = (due(1),)
        asyncio.get_running_loop().call_later(0.05, setattr, line.taker, "never", ())
        await line.put(due(), due(1), due(2), patience_seconds=5)

    assert [due(), due(1), due(2)] == line.taker.taken
    assert 1 == line.failures


async def test_who_wants_to_know_is_told_though_the_waiter_is_gone():
    """Its turn was cancelled; the books still hear of the slot."""
    told = []
    async with Line() as line:
        waiting = asyncio.create_task(line.put(due(), told=lambda entry, _written: told.append(entry)))
        await asyncio.sleep(0)
        waiting.cancel()
        await line.spool.drained(5)

    assert [due()] == told


@pytest.fixture
def for_ever(monkeypatch):
    """Whoever waits for company waits until it comes."""
    monkeypatch.setattr(spool, "_COMPANY_SECONDS", 3600.0)


async def test_turns_that_end_together_are_written_together():
    """A transaction costs the same for one and for many; a moment later they go, though nothing else comes."""
    entries = [ended(0), kept(1), ended(2)]
    async with Line() as line:
        for entry in entries:
            line.spool.give(entry)
            await asyncio.sleep(0.005)
        told = await asyncio.wait_for(line.spool.give(ended(3)), 5)

    assert ([[*entries, ended(3)]], Written()) == (line.taker.batches, told)


@pytest.mark.parametrize("entry", [due(5), opened(), NOTE, CLAIM], ids=lambda entry: type(entry).__name__)
@pytest.mark.usefixtures("for_ever")
async def test_what_somebody_goes_on_with_goes_at_once(entry):
    """And takes along whatever waits, in its order."""
    async with Line() as line:
        waiting = [line.spool.give(ended(0)), line.spool.give(kept(1))]
        await asyncio.sleep(0.01)
        before = list(line.taker.batches)
        assert Written() == await asyncio.wait_for(line.spool.give(entry), 5)

    assert ([], [[ended(0), kept(1), entry]]) == (before, line.taker.batches)
    assert all(each.done() for each in waiting)


@pytest.mark.usefixtures("for_ever")
async def test_what_ends_after_somebody_was_served_waits_again():
    """That one before it was urgent says nothing of it."""
    async with Line() as line:
        await line.put(due(0))
        line.spool.give(ended(0))
        await asyncio.sleep(0.01)

        assert [[due(0)]] == line.taker.batches


@pytest.mark.usefixtures("for_ever")
async def test_a_full_transaction_waits_for_nobody():
    """There is nothing to be won any more."""
    entries = [ended(number) for number in range(spool._BATCH)]
    async with Line() as line:
        *_, last = [line.spool.give(entry) for entry in entries]
        await asyncio.wait_for(last, 5)

    assert [entries] == line.taker.batches


@pytest.mark.usefixtures("for_ever")
async def test_who_ends_or_waits_for_all_of_it_does_not_wait_for_company():
    """At a shutdown too: everything is in the store, and nothing is left for the file."""
    async with Line() as line:
        line.spool.give(ended(0))
        await asyncio.sleep(0.01)
        assert await line.spool.drained(5)
        line.spool.give(ended(1))
        await line.spool.aclose(5)

    assert [ended(0), ended(1)] == line.taker.taken


@pytest.mark.usefixtures("for_ever")
async def test_what_waited_for_a_store_waits_for_nothing_else():
    """It is tried again and again, and written as soon as the store is back."""
    async with Line() as line:
        line.taker.away = "gone fishing"
        await line.put(due(0), patience_seconds=0.01)
        last = line.spool.give(ended(0))
        line.taker.away = ""
        await asyncio.wait_for(last, 5)

    assert [due(0), ended(0)] == line.taker.taken


class Slow(Taker):
    """Takes its time, and takes in the end."""

    async def write_entries(self, entries):
        """Meanwhile more comes in."""
        told = list(entries)
        await asyncio.sleep(0.2)
        return await super().write_entries(told)


async def test_what_the_store_is_being_told_of_is_not_let_go():
    """Or the books would say that a run is missed which it has."""
    told = []
    async with Line(limit_bytes=100) as line:
        line.spool._taker = line.taker = Slow()
        line.taker.away = "gone fishing"
        await line.put(due(), patience_seconds=1)
        line.taker.away = ""
        await asyncio.sleep(0.15)
        line.spool.give(ended(0), lambda entry, _written: told.append(entry))
        line.spool.give(due(1))
        assert await line.spool.drained(10)

    assert [entry for entry in line.taker.taken if isinstance(entry, Ended)] == told


async def test_a_line_that_was_torn_spoils_no_other(tmp_path):
    """A disk that was full for a moment leaves half a line; what could not be written is written with the next."""
    async with Line(tmp_path / "spool") as line:
        line.taker.away = "gone fishing"
        await line.put(due())
        (tmp_path / "spool").write_text(to_line(due())[:50])
        line.spool._is_torn = True
        await line.put(due(1))

        assert [due(), due(1)] == [from_line(each) for each in (tmp_path / "spool").read_text().splitlines()]


async def test_the_file_is_bounded_too(tmp_path):
    """What was let go in memory does not stay on the disk."""
    async with Line(tmp_path / "spool", limit_bytes=12_000) as line:
        line.taker.away = "gone fishing"
        for number in range(30):
            await line.put(due(number), ended(number))

    assert (tmp_path / "spool").stat().st_size < 3 * 12_000 + 30 * 2 * 512


async def test_a_file_that_cannot_be_read_does_not_keep_us_from_beginning(tmp_path):
    """It is our own fault, and counted."""
    (tmp_path / "spool").write_bytes(b"\xff\xfe\n" + to_line(due()).encode() + b"\n")
    (tmp_path / "folder").mkdir()
    async with Line(tmp_path / "spool") as line, Line(tmp_path / "folder") as other:
        assert (1, 1) == (line.spool.load(), line.failures)
        assert (0, 1) == (other.spool.load(), other.failures)


async def test_what_waits_is_bounded():
    """Of the oldest runs only their slots are kept, as missed for that reason; runs that were nobody's turn go."""
    asked_for = Kept(location="main", record=Record.of(p.build_report(id="asked")))
    async with Line(limit_bytes=12_000) as line:
        line.taker.away = "gone fishing"
        await line.put(asked_for, *(entry for number in range(9) for entry in (due(number), ended(number))))
        size = line.spool.bytes
        line.taker.away = ""
        assert await line.spool.drained(10)

    ends = [entry for entry in line.taker.taken if isinstance(entry, Ended)]
    assert size <= 12_000 + 9 * 2 * 512
    assert Dropped() == line.taker.taken[0]
    assert (Missed.STORE_UNAVAILABLE, None) == (ends[0].missed, ends[0].record)
    assert (None, "run-8-a") == (ends[-1].missed, ends[-1].record.run_id)
    assert 9 == len(ends)
    assert line.spool.lost_runs > 1


def noted(text, name="alarms", at=0.0):
    """State of ours."""
    return Noted(location="main", name=name, text=text, at=at)


async def test_of_notes_only_the_newest_waits(tmp_path):
    """A store that is away for a day must not find a thousand of them; in memory, and in the file when it is read."""
    entries = [noted("old"), due(), noted("other", name="alarms:x"), noted("new", at=1.0), noted("newest", at=2.0)]
    async with Line(tmp_path / "spool") as killed:
        killed.taker.away = "gone fishing"
        await killed.put(*entries)
        weights = killed.spool.bytes, sum(map(weight, (entries[1], entries[2], entries[4])))
        killed.taker.away = ""
        (tmp_path / "copy").write_text("".join(f"{to_line(entry)}\n" for entry in entries))
        assert await killed.spool.drained(10)
    async with Line(tmp_path / "copy") as line:
        assert 3 == line.spool.load()
        assert await line.spool.drained(10)

    assert weights[0] == weights[1]
    assert killed.taker.taken == [entries[4], entries[1], entries[2]]
    assert line.taker.taken == [entries[1], entries[2], entries[4]]


async def test_a_note_that_the_store_is_being_told_of_is_not_exchanged():
    """It may take that one; the newer comes after it."""
    async with Line() as line:
        line.spool._taker = line.taker = Slow()
        first = line.spool.give(noted("old"))
        await asyncio.sleep(0.1)
        line.spool.give(noted("new", at=1.0))
        await first
        assert await line.spool.drained(10)

    assert [noted("old"), noted("new", at=1.0)] == line.taker.taken


async def test_what_waits_outlives_us(tmp_path):
    """The next process takes it up from the file, where we were killed; then the file is gone."""
    file, entries = tmp_path / "spool", [opened(), due(), ended()]
    async with Line(file) as killed:
        killed.taker.away = "gone fishing"
        await killed.put(*entries)

    async with Line(file) as line:
        assert 3 == line.spool.load()
        assert await line.spool.drained(10)

    assert entries == line.taker.taken
    assert not file.exists()


async def test_what_dead_neighbours_left_is_taken_up_into_our_file(tmp_path):
    """And then it is gone there: nobody hands it over twice; what cannot be read stays where it is."""
    (tmp_path / "spool").write_text(f"{to_line(due())}\n")
    (tmp_path / "spool.2").write_text(f"{to_line(due(1))}\n")
    (tmp_path / "spool.3").mkdir()
    async with Line(tmp_path / "spool") as line:
        line.taker.away = "gone fishing"
        loaded = line.spool.load(tmp_path / "spool.2", tmp_path / "spool.3")

        assert (2, 1) == (loaded, line.failures)
        assert [due(), due(1)] == [from_line(each) for each in (tmp_path / "spool").read_text().splitlines()]
    assert ["spool", "spool.3"] == sorted(path.name for path in tmp_path.iterdir())


async def test_what_neighbours_left_stays_until_it_is_in_our_file(tmp_path):
    """A disk that is full must not lose it."""
    (tmp_path / "spool.2").write_text(f"{to_line(due(1))}\n")
    async with Line(tmp_path / "missing" / "spool") as line:
        assert 1 == line.spool.load(tmp_path / "spool.2")

    assert due(1) == from_line((tmp_path / "spool.2").read_text())


async def test_half_a_line_is_no_entry(tmp_path):
    """A process that is killed while it writes leaves one; what came before it is good."""
    file = tmp_path / "spool"
    file.write_text(f"{to_line(due())}\n{to_line(ended())[:40]}")
    async with Line(file) as line:
        assert 1 == line.spool.load()


async def test_an_end_leaves_what_waits_in_the_file(tmp_path):
    """Where the store does not come back in time."""
    async with Line(tmp_path / "spool") as line:
        line.taker.away = "gone fishing"
        await line.put(due())
        await line.spool.aclose(0.1)

    assert [due()] == [from_line(each) for each in (tmp_path / "spool").read_text().splitlines()]


async def test_a_disk_that_is_full_keeps_it_in_memory(tmp_path):
    """It is the very thing that may be wrong with the store."""
    async with Line(tmp_path / "no" / "such" / "folder") as line:
        line.taker.away = "gone fishing"
        await line.put(due())
        line.taker.away = ""
        assert await line.spool.drained(10)

    assert [due()] == line.taker.taken


@pytest.mark.parametrize("line", ["", "{}", "[]", '{"entry":"Due"}', '{"entry":"Else"}', "null", '"Due"'])
def test_what_is_no_entry_is_refused(line):
    """Whatever stands in the file."""
    with pytest.raises(ValueError, match=r"not an entry|Expecting value"):
        from_line(line)


async def test_a_store_that_owes_an_answer_is_waited_for_once():
    """A turn writes several entries: it waits for the first, and not as long again for each."""
    answer = asyncio.Event()

    class Slow:
        """Answers when a test says so."""

        async def write_entries(self, entries):
            """Then."""
            await answer.wait()
            return [Written()] * len(entries)

    spool = Spool(Slow(), file=None, limit_bytes=10_000, on_failure=lambda: None)
    running = asyncio.create_task(spool.run())
    began = asyncio.get_running_loop().time()
    told = [await spool.put(due(number), patience_seconds=0.2) for number in range(10)]
    took = asyncio.get_running_loop().time() - began
    answer.set()
    assert await spool.drained(1)
    running.cancel()

    assert [None] * 10 == told
    assert 0.2 <= took < 0.6
