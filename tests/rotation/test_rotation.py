"""Every secret is rotated under load, and no failure is counted: the long form is `python -m tests.rotation`."""

import asyncio
from collections import Counter

import pytest

from prober.app import build_engine, read_plan
from prober.gather.clock import SystemClock
from prober.gather.runner import Errand
from prober.model.chain import Trigger
from prober.model.verdict import Verdict
from tests.rotation.playing import Move, failures, rotate
from tests.rotation.rig import PLACES, Rig


class Ahead(SystemClock):
    """A stopwatch that is so far ahead."""

    def __init__(self, seconds):
        """Of the true one."""
        self._ahead = seconds

    def seconds(self):
        """What it shows."""
        return super().seconds() + self._ahead


async def test_services_take_a_new_version_one_after_the_other(tmp_path):
    """Nothing fails meanwhile, the source away or not; whoever is left behind when the overlap is over does."""
    rig = Rig(overlap_seconds=600, refresh_seconds=60, chains=1)
    async with rig.lab(tmp_path) as config:
        environ = rig.environment(tmp_path)
        engine = build_engine(read_plan(config, environ), environ)
        [chain] = engine.plan.chains.values()

        async def bad():
            run = await engine.gatherer.run(Errand(run_id="7" * 32, chain=chain, trigger=Trigger.MANUAL))
            return {each.step.name: each.detail for each in run.results if each.verdict is Verdict.FAIL}

        try:
            seen = [await bad()]
            rig.rotate(*PLACES)
            await rig.expect("auth", *PLACES)
            await rig.follow("backend", *PLACES)
            seen.append(await bad())  # it is told of the new versions by who refuses the old ones
            await engine.keyring.refresh()
            rig.away(is_away=True)
            await rig.move_on("auth", *PLACES)
            await rig.move_on("backend", *PLACES)
            await engine.keyring.refresh()
            seen.append(await bad())
            await rig.fall_behind("auth", "bypass")
            seen.append(await bad())
            engine.keyring._clock = Ahead(601)
            after = await bad()
        finally:
            await engine.gatherer.aclose()

    assert [{}] * 4 == seen
    assert after.keys() >= {"mint"}


@pytest.mark.long
async def test_no_failure_is_counted_while_secrets_are_rotated(tmp_path):
    """A real `prober serve`; who is left behind after the overlap is a failure that it names."""
    rig = Rig(overlap_seconds=12, refresh_seconds=5, chains=2)
    async with rig.running(tmp_path):
        await rig.turns()
        before = await rig.counted()
        await rotate(rig, Move(tuple(PLACES), ("backend", "auth"), source_away=True))
        during = await rig.counted()
        assert Counter() == failures(before, during)
        assert during["fetches"]["away"] > 0

        rig.rotate("bypass")
        await rig.seen("bypass")
        await asyncio.sleep(rig.overlap_seconds)
        await rig.turns()
        after = await rig.counted()

    assert failures(during, after) > Counter()
    assert "bypass_key_mismatch" in after["causes"]
