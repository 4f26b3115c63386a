"""Stories of deploys: what a gate says of a staging environment that is well, that broke, or that was broken before."""

from dataclasses import replace

import pytest

from prober.app import Prober
from prober.demo import known_faults
from prober.model.aims import Aims
from prober.model.gate import Because, GateVerdict, Standing
from prober.publish import baseline
from prober.publish.gate_words import sentence
from tests.stories.conftest import CONFIG

pytestmark = pytest.mark.asyncio(loop_scope="module")

#: What these worlds break is broken from the start: there is nothing to wait for.
AT_ONCE = Aims(warm_up_seconds=0.0)

#: Content with less evidence, where the test is of something else.
SOON = Aims(warm_up_seconds=0.0, bad=0.5, false_good=0.05)

REPORTS = [name for name in known_faults() if name.startswith("reported_")]


async def gate(world, *faults, aims=AT_ONCE, before=None, **secrets):
    """A gate held of a world that is broken so."""
    await world.change(*faults)
    prober = Prober(CONFIG, {**world.environment, **secrets})
    try:
        return await prober.gate("validation", aims, before)
    finally:
        await prober.aclose()


@pytest.fixture(scope="module")
def well():
    """What a gate of a healthy world left behind: filled by the first test."""
    return {}


async def test_a_healthy_world_is_let_go_on(real_world, well):
    """After twenty rounds, and within a minute."""
    held = await gate(real_world)
    well["before"] = baseline.of_gate(held)

    assert (held.verdict, held.samples, held.failures) == (GateVerdict.PASS, 20, 0)
    assert (held.ended - held.began).total_seconds() < 60
    assert "GO. 20 of 20 rounds held, which proves ≥ 86.0 %" in sentence(held)


@pytest.mark.parametrize("fault", REPORTS)
async def test_each_reported_deploy_is_stopped(reported_world, well, fault):
    """In a few rounds, with its cause, as a regression."""
    held = await gate(reported_world, fault, before=well["before"])

    assert (held.verdict, held.because) == (GateVerdict.FAIL, Because.SAME_STEP)
    assert held.samples <= 10
    assert held.standing is Standing.REGRESSION
    assert held.report.diagnosis.causes


async def test_a_fault_from_before_the_deploy_is_not_blamed_on_it(real_world):
    """Still failing, and of what."""
    before = baseline.of_gate(await gate(real_world, "jwt_secret_drift"))
    held = await gate(real_world, "jwt_secret_drift", before=before)

    assert (held.verdict, held.standing) == (GateVerdict.FAIL, Standing.STILL_FAILING)
    assert "this deploy did not break it" in sentence(held)
    assert "jwt_secret_drift" in sentence(held)


async def test_a_deploy_that_mends_is_told_as_that(real_world):
    """It failed before, and holds now."""
    before = baseline.of_gate(await gate(real_world, "service_credentials_missing"))
    held = await gate(real_world, aims=SOON, before=before)

    assert (held.verdict, held.standing) == (GateVerdict.PASS, Standing.FIXED)


async def test_a_revision_that_did_not_change_is_no_pass(real_world):
    """All is well, and it is the old one."""
    held = await gate(real_world, aims=replace(SOON, revision="backend-00097"))

    assert (held.verdict, held.because) == (GateVerdict.INCONCLUSIVE, Because.NOT_DEPLOYED)
    assert "backend-00097, which was announced, was not what answered in the end" in sentence(held)


async def test_our_own_fault_is_not_blamed_on_the_deploy(real_world):
    """Our copy of the key is wrong: three rounds, no verdict on anybody."""
    held = await gate(real_world, JWT_SECRET_STAGING="of another environment, and long enough to be one")

    assert (held.verdict, held.because, len(held.rounds)) == (GateVerdict.INCONCLUSIVE, Because.BLIND, 3)
    assert "the prober's own fault" in sentence(held)


async def test_an_open_door_ends_it_at_once(real_world):
    """Whatever the ratio."""
    held = await gate(real_world, "ws_open_to_anyone")

    assert (held.verdict, held.because, len(held.rounds)) == (GateVerdict.FAIL, Because.FAIL_OPEN, 1)
