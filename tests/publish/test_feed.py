import asyncio
import json
from contextlib import ExitStack

import pytest

from prober.model.gate import Progress
from prober.publish import feed
from prober.publish.feed import MOST_LISTENERS, MOST_UNHEARD, Feed, TooManyListen
from tests.judge.gates import rounds
from tests.publish import builders as p
from tests.publish.gates import build_gate

REPORT = p.build_report(id="r1")
STEPS = REPORT.run.results


async def heard(listener):
    """All that waits to be heard: kinds, and what about."""
    found = []
    while event := await listener.next(0.01):
        found.append((event.kind, event.about))
    return found


async def test_of_a_run_each_step_is_heard_and_its_report_and_that_it_is_over():
    """In their order, and nothing of another run."""
    told = Feed()
    with told.listening("r1") as listener:
        told.step("r1", STEPS[0])
        told.step("r2", STEPS[0])
        told.step("r1", STEPS[1])
        await told.write(REPORT)
        await told.write(p.build_report(id="r2"))

        assert [("step", "r1"), ("step", "r1"), ("report", "r1"), ("end", "r1")] == await heard(listener)


async def test_who_comes_late_hears_what_was_told_so_far():
    """Of a run that goes on; of one that is over, history knows."""
    told = Feed()
    told.step("r1", STEPS[0])
    with told.listening("r1") as listener:
        told.step("r1", STEPS[1])
        during = await heard(listener)
    await told.write(REPORT)
    with told.listening("r1") as listener:
        after = await heard(listener)

    assert ([("step", "r1")] * 2, []) == (during, after)
    assert {} == told._so_far


async def test_a_run_that_broke_is_over_too():
    """It has no report; one that has is over once."""
    told = Feed()
    with told.listening("r1") as listener:
        told.step("r1", STEPS[0])
        told.broke("r1")
        told.broke("r1")

        assert [("step", "r1"), ("end", "r1")] == await heard(listener)


async def test_a_run_that_broke_before_its_first_step_is_over_too():
    """Whoever listened from the beginning waits for it."""
    told = Feed()
    with told.listening("r1") as listener:
        told.broke("r1")
        told.broke("r1")

        assert [("end", "r1")] == await heard(listener)


async def test_a_run_that_was_reported_did_not_break():
    """Though its turn is over only after that: also who comes in between is told nothing else."""
    told = Feed()
    await told.write(REPORT)
    with told.listening("r1") as listener:
        told.broke("r1")

        assert [] == await heard(listener)


async def test_what_is_over_is_remembered_for_a_while(monkeypatch):
    """Nothing grows for ever."""
    monkeypatch.setattr(feed, "_OVER", 10)
    told = Feed()
    for number in range(30):
        told.broke(f"r{number}")

    assert [f"r{number}" for number in range(20, 30)] == list(told._over)


async def test_to_all_reports_and_gates_are_told():
    """And not each step of each run."""
    told = Feed()
    with told.listening() as listener:
        told.step("r1", STEPS[0])
        await told.write(REPORT)
        told.gate_goes_on("g1", "validation", Progress(rounds("-")[0], 0, 3, 1, 0.2))
        told.gate_ended(build_gate())

        assert [("report", "r1"), ("gate", "g1"), ("gate", "g1")] == await heard(listener)


async def test_an_event_says_what_a_report_says():
    """As JSON in one line."""
    told = Feed()
    with told.listening("r1") as listener:
        told.step("r1", STEPS[0])
        await told.write(REPORT)
        step, report, end = [await listener.next(1) for _ in range(3)]

    whole = json.loads(report.text)
    assert (whole["steps"][0], "r1") == (json.loads(step.text), whole["run"]["id"])
    assert {"id": "r1", "state": "done"} == json.loads(end.text)
    assert "\n" not in report.text


async def test_a_report_is_told_briefly_to_who_wants_it_brief():
    """What it is about and how it ended; whatever else is told is brief as it is."""
    told = Feed()
    with told.listening() as listener:
        await told.write(REPORT)
        told.gate_ended(build_gate())
        report, gate = [await listener.next(1) for _ in range(2)]

    run = json.loads(report.text)["run"]
    assert {key: run[key] for key in ("id", "chain", "verdict", "ended")} == json.loads(report.brief)
    assert gate.text == gate.brief


async def test_a_gate_says_how_far_it_is_and_what_it_came_to():
    """So that a page can show it."""
    told = Feed()
    with told.listening() as listener:
        told.gate_goes_on("g1", "validation", Progress(rounds("-")[0], 1, 3, 1, 0.25))
        told.gate_ended(build_gate())
        goes_on, ended = [json.loads((await listener.next(1)).text) for _ in range(2)]

    assert ("running", {"warming": 1, "judged": 3, "failures": 1, "lowerBound": 0.25}) == (
        goes_on["state"],
        goes_on["progress"],
    )
    assert ("done", "pass") == (ended["state"], ended["verdict"])
    assert ended["sentence"].startswith("validation: GO.")


async def test_who_is_too_slow_is_told_how_much_was_missed():
    """The oldest; the newest, which say how it ended, are heard. Telling takes no time meanwhile."""
    told = Feed()
    with told.listening("r1") as listener:
        for _ in range(MOST_UNHEARD + 23):
            told.step("r1", STEPS[0])
        await told.write(REPORT)
        first = await listener.next(1)
        rest = await heard(listener)

    assert ("dropped", {"events": 25}) == (first.kind, json.loads(first.text))
    assert (MOST_UNHEARD, ("end", "r1")) == (len(rest), rest[-1])


async def test_who_hears_nothing_for_too_long_listens_no_more(monkeypatch):
    """The place is another's."""
    monkeypatch.setattr(feed, "_HOPELESS", 10)
    told = Feed()
    with told.listening("r1") as listener:
        for _ in range(MOST_UNHEARD + 10):
            told.step("r1", STEPS[0])

        assert listener.is_over
        with told.listening("r2"):
            assert listener not in told._listeners


async def test_so_many_listen_and_no_more():
    """Who goes makes room."""
    told = Feed()
    with ExitStack() as listening:
        for _ in range(MOST_LISTENERS):
            listening.enter_context(told.listening())
        with pytest.raises(TooManyListen), told.listening():
            pass
    with told.listening() as listener:
        assert not listener.is_over


async def test_at_the_end_nobody_is_kept():
    """Whoever waits is let go at once."""
    told = Feed()
    with told.listening() as listener:
        waiting = asyncio.create_task(listener.next(60))
        await asyncio.sleep(0)
        told.close()

        assert await asyncio.wait_for(waiting, 1) is None
        assert listener.is_over


@pytest.mark.parametrize("spins", range(5))
async def test_no_news_keep_a_listener_that_is_told_to_end(spins):
    """Also when they come at that very moment."""
    told = Feed()
    with told.listening("r1") as listener:
        waiting = asyncio.create_task(listener.next(60))
        await asyncio.sleep(0)
        told.step("r1", STEPS[0])
        for _ in range(spins):
            await asyncio.sleep(0)
        asked = waiting.cancel()
        await asyncio.wait([waiting])

    assert asked == waiting.cancelled()


async def test_what_nobody_hears_is_not_put_into_words():
    """A report is 60 kB."""
    told, words = Feed(), []
    told._tell(feed.Event("report", "r1", lambda: words.append(1) or {}))

    assert [] == words
