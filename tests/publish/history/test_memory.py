import json
from dataclasses import replace
from datetime import timedelta

import pytest

from prober.judge.recall import recall_of
from prober.model.chain import Trigger
from prober.model.facts import Facts
from prober.model.signal import Reading, Signal
from prober.model.trouble import TroubleKind, Whose
from prober.model.verdict import Reason, RunVerdict, Verdict
from prober.publish.document import document
from prober.publish.history import memory
from prober.publish.history.memory import KEPT, MemoryHistory
from tests import builders as b
from tests.publish import builders as p

BLIND = p.result(p.MESSAGES, b.trouble(TroubleKind.OWN_SECRET, Whose.PROBER), Verdict.BLIND, reason=Reason.OWN_SECRET)


@pytest.fixture
def history():
    """A history that looks back from a minute after noon."""
    return MemoryHistory(lambda: b.NOON + timedelta(seconds=60))


def counts(windows):
    """Successes and samples by window."""
    return {window.name: (window.successes, window.samples) for window in windows}


async def test_nothing_is_known_at_first(history):
    """Every window of an unknown chain is empty."""
    past = await history.recent("validation")

    assert counts(past.chain) == dict.fromkeys(("5m", "15m", "1h", "6h"), (0, 0))
    assert past.steps == {}


async def test_scheduled_runs_are_samples(history):
    """A pass is a success, a failure a sample without one; each step likewise."""
    await history.write(p.build_report(id="1"))
    await history.write(p.broken_report(id="2"))

    past = await history.recent("validation")

    assert counts(past.chain)["5m"] == (1, 2)
    assert counts(past.steps["messages"])["1h"] == (1, 2)
    assert counts(past.steps["auth-health"])["1h"] == (2, 2)
    assert counts(past.steps["messages-refuses-no-token"])["1h"] == (1, 1)  # moot the second time


@pytest.mark.parametrize("trigger", [Trigger.MANUAL, Trigger.DEPLOY, Trigger.BURST])
async def test_other_runs_are_not(history, trigger):
    """Runs that somebody asked for would over-sample failures."""
    await history.write(p.broken_report(trigger=trigger))

    past = await history.recent("validation")

    assert counts(past.chain)["6h"] == (0, 0)


async def test_blind_runs_are_samples_of_nothing(history):
    """What we could not see counts neither for nor against the target."""
    await history.write(p.build_report(BLIND))

    past = await history.recent("validation")

    assert counts(past.chain)["6h"] == (0, 0)
    assert "messages" not in past.steps


async def test_samples_leave_their_window(history):
    """What is older than five minutes is not in the five minutes."""
    await history.write(p.build_report(ended=b.NOON - timedelta(minutes=10)))

    past = await history.recent("validation")

    assert (counts(past.chain)["5m"], counts(past.chain)["15m"]) == ((0, 0), (1, 1))


async def test_a_report_is_found_by_its_run(history):
    """By id; an unknown id finds nothing."""
    report = p.build_report(id="run-7")
    await history.write(report)

    assert document(report)["diagnosis"] == (await history.get("run-7"))["diagnosis"]
    assert await history.get("run-8") is None


async def test_reports_are_listed_the_newest_first(history):
    """By chain and verdict when asked, and no more than asked for."""
    for number in range(4):
        build = p.broken_report if number % 2 else p.build_report
        chain = "other" if number == 3 else "validation"
        await history.write(build(id=str(number), chain=chain, ended=b.NOON + timedelta(seconds=number)))

    async def ids(**asked):
        """Which runs are listed."""
        return [report["run"]["id"] for report in await history.newest(**asked)]

    assert await ids() == ["3", "2", "1", "0"]
    assert await ids(chain="validation") == ["2", "1", "0"]
    assert await ids(verdict=RunVerdict.FAIL) == ["3", "1"]
    assert await ids(limit=1) == ["3"]


async def test_reports_are_passed_on_as_they_are_kept(history):
    """As text, which nobody has to read for that; the same that are listed as documents."""
    for number in range(3):
        await history.write(p.broken_report(id=str(number), ended=b.NOON + timedelta(seconds=number)))

    texts = await history.newest_json(limit=2)

    assert await history.newest(limit=2) == [json.loads(each) for each in texts]
    assert ["2", "1"] == [json.loads(each)["run"]["id"] for each in texts]


async def test_it_is_bounded_and_keeps_failures_longer(history):
    """After many good runs the bad one is still there, and no more than the bound are kept."""
    await history.write(p.broken_report(id="bad"))
    for number in range(KEPT * 3):
        await history.write(p.build_report(id=str(number)))

    assert len(await history.newest(limit=1000)) == KEPT + 1
    assert await history.get("bad") is not None
    assert await history.get("0") is None


async def test_a_burst_makes_nothing_else_forgotten(history):
    """A gate takes more rounds than are kept; what held before it is there all the same, and can be asked for alone."""
    await history.write(p.build_report(id="before"))
    for number in range(KEPT + 10):
        ended = b.NOON + timedelta(seconds=1 + number)
        await history.write(p.build_report(id=str(number), trigger=Trigger.BURST, ended=ended))

    async def ids(**asked):
        """Which runs are listed."""
        return [report["run"]["id"] for report in await history.newest(**asked)]

    assert ["before"] == await ids(limit=5, but_for=Trigger.BURST)
    assert [str(number) for number in range(KEPT + 9, 9, -1)] + ["before"] == await ids(limit=1000)


def one_reading(number):
    """What a round has shown."""
    signal = Signal("round")
    return {signal: Reading(signal, str(number), ("mint",), normal=True)}


def recalled(number, verdict=RunVerdict.PASS, **more):
    """A run that another instance took, in the second `number` after noon."""
    build = p.build_report if verdict is RunVerdict.PASS else p.broken_report
    facts = (Facts(service="auth", revision=f"r{number}"),)
    ended = b.NOON + timedelta(seconds=number)
    return recall_of(build(id=str(number), readings=one_reading(number), facts=facts, ended=ended, **more))


async def test_what_is_only_heard_of_now_is_remembered_in_its_place(history):
    """It is neither the last round nor what services tell of themselves now; a clock set back changes no order."""
    history.recall(map(recalled, (1, 4, 2)))
    history.recall([recalled(3, RunVerdict.FAIL)])
    for number in (30, 29):
        await history.write(p.build_report(ended=b.NOON + timedelta(seconds=number), readings=one_reading(number)))
    history.recall([recalled(0)])
    past = await history.recent("validation")
    heard = MemoryHistory(lambda: b.NOON)
    heard.recall(map(recalled, (1, 4, 2)))
    heard.recall([recalled(3, RunVerdict.FAIL)])
    told = await heard.recent("validation")

    assert [one_reading(number) for number in (2, 3, 4, 30, 29)] == list(past.rounds)
    assert [one_reading(number) for number in (1, 2, 3, 4)] == list(told.rounds)
    assert ("r4", "r4") == (told.latest["auth"].revision, told.well["auth"].revision)


async def test_of_runs_side_by_side_the_one_that_began_last_is_the_last_round(history):
    """A run that took long saw what held when it began: after what another saw since, it would read as «well again»."""
    spans = {1: (0, 1), 3: (5, 6), 2: (4, 8), 4: (10, 11)}
    for number, seconds in spans.items():
        began, ended = (b.NOON + timedelta(seconds=each) for each in seconds)
        facts = (Facts(service="auth", revision=f"r{number}"),)
        report = p.build_report(id=str(number), readings=one_reading(number), facts=facts, began=began, ended=ended)
        await history.write(report)
        revision = (await history.recent("validation")).latest["auth"].revision

        assert f"r{max(list(spans)[: list(spans).index(number) + 1])}" == revision

    past = await history.recent("validation")
    assert [one_reading(number) for number in (1, 2, 3, 4)] == list(past.rounds)


async def test_the_next_diagnosis_finds_the_readings_of_the_last_rounds(history):
    """Oldest first, a handful; and what services told of themselves, in the last run and in the last that passed."""
    for number in range(8):
        await history.write(p.build_report(id=str(number), readings=one_reading(number)))
    await history.write(p.broken_report(id="9", readings=one_reading(8)))

    past = await history.recent("validation")

    assert [one_reading(number) for number in (4, 5, 6, 7, 8)] == list(past.rounds)
    assert past.well.keys() == past.latest.keys()
    assert not past.is_burst


async def test_many_chains_keep_less_each_and_all_keep_their_newest(monkeypatch):
    """What is kept in all is bounded, however many chains there are; each has its last report, and its last bad one."""
    monkeypatch.setattr(memory, "KEPT_IN_ALL", 40)
    history, names = MemoryHistory(lambda: b.NOON), [f"chain-{number}" for number in range(30)]
    for number in range(5):
        for name in names:
            report = (p.broken_report if number == 3 else p.build_report)(id=f"{name}-{number}")
            await history.write(replace(report, run=replace(report.run, chain=b.chain(name=name))))
    newest = {name: [each["run"]["id"] for each in await history.newest(chain=name)] for name in names}

    assert 60 == len(await history.newest(limit=1000))
    assert {name: {f"{name}-3", f"{name}-4"} for name in names} == {name: set(ids) for name, ids in newest.items()}
    assert await history.get("chain-7-4")
    assert await history.get("chain-7-2") is None


async def test_chains_that_are_in_the_config_no_more_are_forgotten_in_time(history, monkeypatch):
    """The last that went are remembered, for a reload that is taken back; those that are there, in any case."""
    monkeypatch.setattr(memory, "MOST_GONE", 2)
    for name in "abcde":
        await history.write(p.build_report(id=name, chain=name))
    history.adopt("bcde")
    history.adopt("ce")  # a went before these
    history.adopt("bce")  # and b comes back

    assert ["b", "c", "d", "e"] == sorted(report["run"]["chain"] for report in await history.newest())
    assert (1, 1) == counts((await history.recent("b")).chain)["5m"]
    assert (0, 0) == counts((await history.recent("a")).chain)["5m"]


async def test_config_after_config_is_remembered_in_constant_room(history, monkeypatch):
    """Of whoever names chains anew with each of them."""
    monkeypatch.setattr(memory, "MOST_GONE", 2)
    for number in range(10):
        history.adopt([f"chain-{number}"])
        await history.write(p.build_report(id=str(number), chain=f"chain-{number}"))

    assert ["7", "8", "9"] == sorted(report["run"]["id"] for report in await history.newest())
