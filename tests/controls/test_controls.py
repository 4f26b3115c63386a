"""The controls, tested: each hole of the lab is found by exactly the controls that claim it, and no other is found."""

from dataclasses import replace
from importlib.resources import files
from pathlib import Path

import pytest

from prober.config.load import load
from prober.gather.clock import SystemClock
from prober.gather.runner import Errand, Gatherer
from prober.gather.secrets import Keyring
from prober.judge.signals import control_role
from prober.judge.verdict import settle_controls
from prober.lab.holes import HEADERS, HOLES
from prober.lab.world import World
from prober.model.chain import Trigger
from prober.model.controls import CONTROLS
from prober.model.verdict import Outcome, Verdict
from tests.controls.claims import CLAIMS

CONFIG = Path(str(files("prober.lab") / "probes.yaml"))

#: Not tried in the lab: its services take a token without an audience, as those of the reports do.
UNTRIED = {"aud-missing"}

#: The socket asks the same verifier as the other doors do: it is tried where the hole may be its own.
AT_THE_SOCKET_TOO = {*HEADERS, "signature_unchecked", "subject_unchecked"}

one_loop = pytest.mark.asyncio(loop_scope="module")


async def looked(world, *holes, sockets=True):
    """What every step of the chain `controls` comes to in a world whose services have these holes."""
    world._more = {"auth": {"holes": holes}, "backend": {"holes": holes}}
    await world.change()
    plan = load(CONFIG, world.environment)
    steps = [step for step in plan.chains["controls"].steps if sockets or step.kind != "websocket"]
    chain = replace(plan.chains["controls"], steps=tuple(steps))
    gatherer = Gatherer(keyring=Keyring(plan.secrets, world.environment), clock=SystemClock())
    try:
        run = await gatherer.run(Errand(run_id="run-1", chain=chain, trigger=Trigger.MANUAL))
    finally:
        await gatherer.aclose()
    return settle_controls(run.results)


def found(results):
    """The controls that were accepted, at whatever door."""
    return {control_role(result.step) for result in results if result.outcome is Outcome.ACCEPTED} - {""}


@one_loop
@pytest.mark.parametrize("dialect", ["real", "reports"])
async def test_a_sound_service_has_no_findings(dialect):
    """Every control is refused at every door, beside good tokens that are accepted: nothing is left unclear."""
    async with World(dialect=dialect) as world:
        results = await looked(world)

    assert [] == [(r.step.name, r.detail) for r in results if r.verdict is not Verdict.PASS]


@one_loop
@pytest.mark.parametrize("hole", HOLES)
async def test_a_hole_is_found_by_the_controls_that_claim_it(world, hole):
    """And by no other, so that a finding says what is wrong."""
    results = await looked(world, hole, sockets=hole in AT_THE_SOCKET_TOO)

    assert set(CLAIMS[hole]) == found(results)


def test_every_hole_is_claimed():
    """The matrix has a row for each."""
    assert list(HOLES) == list(dict.fromkeys(HOLES))
    assert set(HOLES) == set(CLAIMS)


def test_every_control_claims_a_hole():
    """None is tried that could never find anything."""
    claimed = {name for names in CLAIMS.values() for name in names}

    assert set(CONTROLS) - UNTRIED == claimed
