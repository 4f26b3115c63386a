from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.benchmarks.cost_model import CHAINS
from tests.benchmarks.spread import MARKS, Found, Moment, Results, Setup, costs, counting, put, spread, told
from tests.benchmarks.vitals import Vitals

SCALE = Path(__file__).parents[2] / "docs/scale.md"

PAGE = """\
prober_slots_recorded_total{{chain="a"}} {turns}.0
prober_slots_missed_total{{chain="a",reason="overrun"}} {missed}.0
prober_slots_missed_total{{chain="a",reason="claimed_elsewhere"}} {turns}.0
prober_schedule_lateness_seconds_bucket{{le="0.01"}} {turns}.0
prober_schedule_lateness_seconds_bucket{{le="+Inf"}} {turns}.0
"""


def moment(at, cpu, turns, **more):
    """Processes that have used so much and taken so many turns each."""
    vitals = [Vitals(100 * 2**20, each, 0.0, 10, 0.0, 0.0, 0.0) for each in cpu]
    pages = [PAGE.format(turns=each, missed=at // 60) for each in turns]
    return Moment(at_seconds=float(at), vitals=vitals, pages=pages, **more)


ONE = Found(1, moment(0, [3.0], [10]), moment(60, [9.0], [130]), 2**20, 120)
TWO = Found(2, moment(0, [3.0, 1.0], [10, 0]), moment(60, [7.0, 5.0], [80, 50]), 2**20, 120)


def test_what_went_before_is_not_counted():
    """Turns, missed turns and CPU are of the time between two looks; what another took is nobody's loss."""
    assert ([120], 1, 6.0, 60.0) == (ONE.took, ONE.missed, ONE.cpu_seconds, ONE.seconds)
    assert ([70, 50], 120, 8.0) == (TWO.took, TWO.turns, TWO.cpu_seconds)
    assert 0 < ONE.lateness_ms(0.99) <= 10


def test_a_process_is_told_from_its_turns():
    """The same turns by two processes take what one more process takes."""
    found = costs(Results(Setup(20, 10, 60.0), [ONE, TWO], [], [(5, 10e6), (25, 30e6)], [(1000, 3.0), (10_000, 30.0)]))

    assert (4 / 60 / 2, 2 / 60) == pytest.approx((found.turn_seconds, found.idle_cores))
    assert (1e6, 0.003, 100 * 2**20) == pytest.approx((found.chain_bytes, found.file_seconds, found.process_bytes))


def test_the_page_holds_what_was_measured_last():
    """With the machine and the command; what stands around it stays."""
    page = SCALE.read_text(encoding="utf-8")
    text = page.partition(MARKS[0])[2].partition(MARKS[1])[0]

    assert page == put(page, text)
    assert "python -m tests.benchmarks.spread" in text
    assert " cores (" in text
    assert all(f"| {chains:,} |" in text for chains in CHAINS)


@pytest.mark.long
@pytest.mark.parametrize("is_shared", [False, True], ids=["shards", "claims"])
async def test_two_processes_share_some_chains(tmp_path, is_shared):
    """Each turn is taken by one of them, and none is missed."""
    setup = Setup(chains=6, interval_seconds=5, seconds=10.0)
    with ExitStack() as stack:
        found = await spread(setup, 2, tmp_path, stack.enter_context(counting()) if is_shared else None)
    shards, claims = ([ONE], [found]) if is_shared else ([found], [])
    results = Results(setup, shards, claims, [(5, 1e6), (25, 2e6)], [(1000, 3.0), (2000, 6.0)])

    assert 0 == found.missed
    assert abs(found.turns - setup.chains * found.seconds / setup.interval_seconds) <= setup.chains
    assert (12 <= found.statements <= 60) if is_shared else (0 == found.statements)
    assert "nan" not in "\n".join(told(results, "here"))
