"""Tests of prober/burst.py."""

from dataclasses import replace

from prober.burst import Burst
from prober.judge.assess import assess
from prober.judge.causes import catalogue
from prober.judge.verdict import judge
from prober.model.diagnosis import State
from prober.model.verdict import RunVerdict
from tests import builders as b


async def report(burst, status):
    """One round of `burst` in which the backend's health check answers so."""
    step = b.health_step(b.BACKEND)
    run = b.run(b.chain(step), judge(step, b.look(b.http(status, body="Service Unavailable"))))
    return assess(run, await burst.recent("validation"), catalogue())


async def test_one_good_round_is_enough():
    """And it is the verdict."""
    burst = Burst()
    burst.reports.append(await report(burst, 200))

    assert (True, RunVerdict.PASS) == (burst.is_enough, burst.verdict().run.verdict)


async def test_a_round_remembers_those_before_it():
    """What failed in the first and not in the second comes and goes."""
    burst = Burst()
    for status in (503, 200):
        burst.reports.append(await report(burst, status))
    values = {str(r.signal): r.value for r in burst.reports[-1].diagnosis.unexplained}

    assert {"health(backend)": "no_upstream~"} == values


async def test_a_cause_that_shows_now_and_then_is_told_with_a_round_in_which_it_showed():
    """Who reads «passes» beside a cause would believe neither."""
    burst = Burst()
    for status in (503, 200):
        burst.reports.append(await report(burst, status))

    assert (RunVerdict.FAIL, State.UNKNOWN) == (burst.verdict().run.verdict, burst.verdict().diagnosis.state)


async def test_what_healed_is_told_by_the_newest_round():
    """Where all rounds together show nothing, the newest speaks."""
    burst = Burst()
    healed = replace(await report(burst, 200), diagnosis=(await report(Burst(), 200)).diagnosis)
    burst.reports += [await report(burst, 503), healed]

    assert RunVerdict.PASS is burst.verdict().run.verdict
