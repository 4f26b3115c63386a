"""Runs for those who ask at /probe: shared, not too soon, and told as far as they came."""

import asyncio

import pytest

from prober.gather.runner import Errand
from prober.model.chain import Trigger
from prober.model.errors import RunBroke
from prober.model.verdict import Reason, RunVerdict, Verdict
from prober.scrape import Scrapes
from tests import builders as b
from tests.publish import builders as p

CHAIN = b.chain(*p.STEPS, interval_seconds=30.0)


class Runs:
    """Turns that end when the test says so, and a stopwatch that it moves."""

    def __init__(self):
        """Nothing has run."""
        self.begun, self.now = [], 0.0
        self.scrapes = Scrapes(self.begin, lambda: self.now)
        self.heard = []

    def begin(self, errand):
        """A turn that goes on until its future is done."""
        future = asyncio.get_running_loop().create_future()
        self.begun.append((errand, future))

        async def turn():
            return await future

        return asyncio.create_task(turn())

    def of(self, chain=CHAIN, *, anew=False):
        """Ask for a run."""
        number = len(self.begun)
        return self.scrapes.of(
            chain,
            lambda: Errand(run_id=f"run-{number}", chain=chain, trigger=Trigger.MANUAL, told=self.heard.append),
            anew=anew,
        )

    async def end(self):
        """The newest turn is over."""
        self.begun[-1][1].set_result(p.build_report())
        await asyncio.sleep(0.01)


@pytest.fixture
async def runs():
    """Ended with the test."""
    here = Runs()
    yield here
    for _, future in here.begun:
        future.cancel()
    await asyncio.sleep(0)


async def test_those_who_ask_at_once_share_a_run(runs):
    """Even who would have it anew: it is as new as can be."""
    scrapes = [runs.of(), runs.of(), runs.of(anew=True)]

    assert len(set(map(id, scrapes))) == len(runs.begun) == 1


@pytest.mark.parametrize(("age", "anew", "begun"), [(26.9, False, 1), (27.1, False, 2), (0.0, True, 2)])
async def test_none_comes_sooner_than_a_turn_would(runs, age, anew, begun):
    """A little early is early enough: who scrapes at the chain's interval gets a run each time."""
    runs.of()
    await runs.end()
    runs.now = age
    runs.of(anew=anew)

    assert len(runs.begun) == begun


async def test_a_chain_of_another_config_is_another_chain(runs):
    """After a reload nobody is told what held under the old one."""
    runs.of()
    await runs.end()
    runs.of(b.chain(*p.STEPS, interval_seconds=30.0))

    assert len(runs.begun) == 2


async def test_the_report_is_there_when_the_run_is_over(runs):
    """Not before; and a run that broke has none."""
    scrape = runs.of()

    assert await scrape.document(0.01) is None
    await runs.end()
    told = await scrape.document(0.01)
    assert told["run"]["verdict"] == "pass"
    assert await scrape.document(0.01) is told


async def test_the_report_is_made_once_however_many_wait(runs):
    """It takes longer than to be asked."""
    scrape = runs.of()
    waiting = [asyncio.create_task(scrape.document(5.0)) for _ in range(9)]
    await asyncio.sleep(0)
    await runs.end()
    told = await asyncio.gather(*waiting)

    assert 1 == len(set(map(id, told)))


async def test_what_is_sure_is_judged_once_however_many_wait(runs):
    """Also while the judge looks up what held before."""
    scrape, judged, may_judge = runs.of(), [], asyncio.Event()

    async def judge(run):
        judged.append(run)
        await may_judge.wait()
        return {"steps": len(judged)}

    runs.begun[-1][0].told(p.result(p.MESSAGES, b.http(403), Verdict.FAIL, reason=Reason.REFUSED))
    waiting = [asyncio.create_task(scrape.sure(judge)) for _ in range(9)]
    await asyncio.sleep(0.01)
    may_judge.set()

    assert [{"steps": 1}] * 9 == await asyncio.gather(*waiting)
    assert 1 == len(judged)


async def test_a_run_that_broke_has_no_report(runs):
    """Its scraper is told that it is our fault: waiting for longer would not help."""
    scrape = runs.of()
    runs.begun[-1][1].set_exception(ZeroDivisionError())

    with pytest.raises(RunBroke, match="'validation'"):
        await scrape.document(1.0)


async def test_a_run_that_was_cancelled_broke_too(runs):
    """As a reload does, if it has to wait for too long."""
    scrape = runs.of()
    scrape.task.cancel()

    with pytest.raises(RunBroke):
        await scrape.document(1.0)


async def test_what_has_not_ended_is_moot_so_far(runs):
    """The steps that ended are what they are; whoever listens to steps hears of them too."""
    scrape = runs.of()
    failed = p.result(p.MESSAGES, b.http(403), Verdict.FAIL, reason=Reason.REFUSED)
    runs.begun[-1][0].told(failed)
    run = scrape.so_far()

    assert (run.id, run.verdict, run.began) == ("run-0", RunVerdict.FAIL, b.NOON)
    assert run.result("messages") is failed
    assert {each.reason for each in run.results if each is not failed} == {Reason.CHAIN_DEADLINE}
    assert runs.heard == [failed]


async def test_of_a_run_of_which_nothing_is_known_nothing_is_said(runs):
    """It neither held nor failed."""
    assert runs.of().so_far().verdict is RunVerdict.PARTIAL


async def test_before_the_end_only_a_failure_is_sure(runs):
    """And it is judged once a step, however many ask and however often."""
    scrape, judged = runs.of(), []

    async def judge(run):
        judged.append(run.verdict)
        return {"steps": len(judged)}

    runs.begun[-1][0].told(p.result(p.HEALTH, b.http(200)))
    nothing = await scrape.sure(judge)
    runs.begun[-1][0].told(p.result(p.MESSAGES, b.http(403), Verdict.FAIL, reason=Reason.REFUSED))
    first = [await scrape.sure(judge) for _ in range(3)]
    runs.begun[-1][0].told(p.result(p.MINT, b.minted()))
    then = await scrape.sure(judge)

    assert (nothing, first, then) == (None, [{"steps": 1}] * 3, {"steps": 2})
    assert judged == [RunVerdict.FAIL] * 2
