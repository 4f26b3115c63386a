"""Every chain that we ship tells our own faults, which are BLIND, from those of the target, which are FAIL."""

import re
from pathlib import Path

import pytest

from prober.app import Prober
from prober.model.verdict import RunVerdict

pytestmark = pytest.mark.asyncio(loop_scope="module")

SHIPPED = Path(__file__).parents[2] / "probes.yaml"

#: Everybody refuses what we sign; of these, the first four are of our own making.
OURS = ("prober_secret_wrong", "claims_rejected", "prober_clock_ahead", "prober_clock_behind")
THEIRS = ("test_user_revoked", "token_signing_broken", "verifier_clock_far_ahead")
EXPECTED = {**dict.fromkeys(OURS, RunVerdict.BLIND), **dict.fromkeys(THEIRS, RunVerdict.FAIL)}

#: The short form has one of each side that nothing but follow-ups tells from the other.
SHORT = ("prober_secret_wrong", "token_signing_broken")


each_fault = pytest.mark.parametrize(
    "fault", [pytest.param(fault, id=fault, marks=[] if fault in SHORT else [pytest.mark.long]) for fault in EXPECTED]
)


@pytest.fixture
def in_haste(tmp_path):
    """The shipped file, but at a pace for tests."""
    path = tmp_path / "probes.yaml"
    path.write_text(re.sub(r"pace: \w+", "pace: 10ms", SHIPPED.read_text()))
    return path


@pytest.mark.parametrize("chain", ["controls", "controls-hourly"])
@each_fault
async def test_the_shipped_chains_of_controls_tell_whose_fault_it_is(real_world, in_haste, chain, fault):
    """With tokens of ours alone nobody could: follow-ups try what auth mints, and its claims under our key."""
    await real_world.change(fault)
    prober = Prober(in_haste, real_world.environment | {"PROBER_HISTORY": str(in_haste.with_name("prober.db"))})
    try:
        (report,) = await prober.once((chain,))
    finally:
        await prober.aclose()

    assert [fault] == [named.cause.name for named in report.diagnosis.causes]
    assert EXPECTED[fault] is report.run.verdict


@pytest.mark.long
@each_fault
async def test_so_does_the_labs(tell, fault):
    """There all controls are tried, those of leeway too: that an ended token is let in is ours where our clock is."""
    told = await tell("real", fault, chain="controls")

    assert ({fault}, EXPECTED[fault]) == (told.causes.keys(), told.report.run.verdict), told.text
