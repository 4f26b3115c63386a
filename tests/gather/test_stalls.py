"""Whoever watches the event loop knows when it stood still, and nothing else."""

import asyncio
import contextlib
import time

import pytest

from prober.gather.clock import SystemClock
from prober.gather.runner import Errand, Gatherer
from prober.gather.stalls import LoopWatch, Unwatched, since_boot
from prober.model.chain import Chain, HttpStep, Trigger
from prober.model.trouble import Whose
from prober.model.verdict import Reason, RunVerdict, Verdict
from tests.gather.peers import asgi_peer, json_app, keyring, request, service


@contextlib.asynccontextmanager
async def watching(**how):
    """A watch that watches."""
    watch = LoopWatch(**how)
    task = asyncio.create_task(watch.watch())
    await asyncio.sleep(0)
    try:
        yield watch
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_a_loop_that_goes_on_stalls_nobody():
    """Many beats, none of them late."""
    async with watching() as watch:
        moment = watch.now()
        await asyncio.sleep(0.35)

        assert 0.0 == watch.since(moment)
        assert watch.worst < 0.25


async def test_a_stall_is_known_at_once():
    """Also to who asks before the beat that comes too late could come."""
    async with watching() as watch:
        moment = watch.now()
        time.sleep(0.6)  # noqa: ASYNC251 - that is the stall
        at_once = watch.since(moment)
        await asyncio.sleep(0.15)

        assert 0.5 < at_once < 0.8
        assert at_once == watch.since(moment)


async def test_only_what_it_overlaps_counts():
    """Who begins after a stall was not held up by it, and who began in the midst of two by both."""
    async with watching() as watch:
        moment = watch.now()
        time.sleep(0.4)  # noqa: ASYNC251 - a stall
        between = watch.now()
        await asyncio.sleep(0.15)
        time.sleep(0.4)  # noqa: ASYNC251 - another
        both, second, after = watch.since(moment), watch.since(between), watch.since(watch.now())

    assert 0.0 == after
    assert 0.3 < second < 0.6
    assert both > second + 0.3


async def test_the_worst_lag_is_told():
    """At each beat, to whom it concerns."""
    told = []
    async with watching(told=told.append) as watch:
        time.sleep(0.4)  # noqa: ASYNC251 - a stall
        await asyncio.sleep(0.25)

        assert 0.25 < told[-1] < 0.6
        assert told[-1] == watch.worst


async def test_the_worst_lag_is_forgotten_after_two_intervals():
    """It is that of late, and not that of all time; a scrape in the next interval still sees it."""
    clock = {"now": 0.0}
    async with watching(now=lambda: clock["now"]) as watch:
        seen = {}
        for tenths in (0, *range(30, 1900)):  # the first three seconds it stood still
            clock["now"] = tenths / 10
            watch.since(0.0)
            seen[tenths / 10] = round(watch.worst, 1)

    assert (2.9, 2.9, 0.0) == (seen[3.0], seen[119.0], seen[121.0])


async def test_where_nobody_watches_no_stall_is_known():
    """Neither before a watch begins nor where there is none."""
    watch = LoopWatch()
    moment = watch.now()
    time.sleep(0.3)  # noqa: ASYNC251 - a stall

    assert (0.0, 0.0) == (watch.since(moment), Unwatched().since(Unwatched().now()))


def test_time_goes_on_while_the_machine_sleeps():
    """It is counted from boot, sleep included; no test can put this machine to sleep, so the clock's name is pinned."""
    assert abs(time.clock_gettime(time.CLOCK_BOOTTIME) - since_boot()) < 0.1


# ── promise R18 ──────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("deadline_seconds", [20.0, 1.0], ids=["of the step", "of the chain"])
async def test_a_deadline_that_passed_while_we_stood_still_is_ours(deadline_seconds):
    """Something of ours holds the loop for three seconds; the peer was well, and is blamed for nothing."""

    async def slow(_asked, _request):
        """Answer in a moment, for which our own standing still leaves no time."""
        await asyncio.sleep(0.3)
        return 200, {}

    def stall(result):
        """Once the quick step is over, and the slow one is not."""
        if result.step.name == "quick":
            asyncio.get_running_loop().call_soon(time.sleep, 3)

    async with asgi_peer(json_app(slow=slow, quick=(200, {}))) as port, watching() as watch:
        world = Gatherer(keyring=keyring(), clock=SystemClock(), stalls=watch)
        steps = tuple(
            HttpStep(name=name, service=service(port), request=request(port, f"/{name}", "GET"), deadline_seconds=1.5)
            for name in ("slow", "quick")
        )
        chain = Chain(name="validation", steps=steps, deadline_seconds=deadline_seconds)
        run = await world.run(Errand(run_id="run-1", chain=chain, trigger=Trigger.SCHEDULE, told=stall))
        await world.aclose()

    assert RunVerdict.BLIND is run.verdict
    assert {"slow": Reason.OWN_STALL, "quick": Reason.OK} == {result.step.name: result.reason for result in run.results}
    assert {(Verdict.BLIND, Whose.PROBER), (Verdict.PASS, None)} == {(r.verdict, r.origin) for r in run.results}
