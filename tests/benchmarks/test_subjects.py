"""Each subject of the comparison does what it says, for a few turns; what it costs is for the benchmark to tell."""

import pytest

from tests.benchmarks import blackbox, history, latency, live, raw


async def test_the_raw_loop_takes_the_same_turns():
    """Whoever leaves a step out is cheaper."""
    found = await raw.measure(6, at_once=3)

    assert (6, 6) == (found.turns, found.passed)


@pytest.mark.skipif(not blackbox.is_installed(), reason=f"{blackbox.PROGRAM} is not installed")
async def test_blackbox_exporter_succeeds():
    """A probe that fails costs something else."""
    found = await blackbox.measure(20, at_once=4)

    assert (20, 20) == (found.probes, found.succeeded)


async def test_a_latency_is_held_against_what_the_target_took(monkeypatch):
    """Five hundred at once wait for each other, which a stopwatch books on the target and we do not."""
    monkeypatch.setenv("PROBER_TRANSPORT", "lean")
    found = await latency.measure(1, ("alone", "500 at once"))
    many = found["500 at once"]

    assert 500 == many.looks
    assert many.told_p50 < many.stopwatch_p50 / 10


async def test_many_chains_are_served():
    """Each of them, and their first turns all pass."""
    found = await live.measure(3, interval_seconds=10, seconds=0.5, settling_seconds=0.0)

    assert (3, 0, 0) == (found.chains, found.missed, found.failed)


async def test_runs_are_kept():
    """Each of them is in the store when the stopwatch stops."""
    found = await history.measure(45)

    assert (45, 45) == (found.runs, found.written)
