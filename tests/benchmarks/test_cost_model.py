from dataclasses import replace

import pytest

from tests.benchmarks.cost_model import CHAINS, INTERVALS, Costs, Need, constants, fitted, needs

COSTS = Costs(
    turn_seconds=0.01,
    idle_cores=0.01,
    process_bytes=100 * 2**20,
    chain_bytes=2**20,
    page_bytes=10 * 2**10,
    page_seconds=0.001,
    kept_bytes=4 * 2**10,
    rows=16,
    file_seconds=0.003,
    postgres_seconds=0.002,
    claim_seconds=0.001,
    statements=10,
    claim_statements=5,
)


@pytest.mark.parametrize(
    ("points", "each", "common"),
    [
        ([(1, 3.0), (2, 4.0), (4, 6.0)], 1.0, 2.0),
        ([(1, 5.0)], 0.0, 5.0),
        ([(1, 3.0), (2, 2.0), (4, 1.0)], 0.0, 2.0),
    ],
    ids=["a line", "one run tells nothing of processes", "chance makes none cheaper than nothing"],
)
def test_what_processes_add_is_told_from_what_they_share(points, each, common):
    """By a straight line through all runs."""
    assert (each, common) == pytest.approx(fitted(points))


def test_so_many_processes_as_leave_each_half_a_core():
    """Each has its own idle share beside its turns."""
    few, many = Need(100, 30.0, COSTS), Need(100_000, 30.0, COSTS)

    assert (1, 69) == (few.processes, many.processes)
    assert (100_000 / 30 * 0.01 + 0.69, 69 * 100 + 100_000) == pytest.approx((many.cores, many.memory_bytes / 2**20))
    assert 0.48 < many.cores / many.processes <= 0.5


def test_who_claims_costs_the_database_whoever_wins():
    """Four instances ask four times for each turn."""
    assert (100 * 0.003, 100 * 0.006) == pytest.approx([Need(3000, 30.0, COSTS).postgres_cores(n) for n in (1, 4)])


def test_what_breaks_is_told_the_worst_first():
    """Of what one process bears nothing else is said."""
    assert [] == Need(80, 30.0, COSTS).broken()
    assert ["one history", "one core"] == [what for what, _ in Need(3000, 30.0, COSTS).broken()]
    assert pytest.approx((100 * 0.01 + 0.01) / 0.5) == Need(3000, 30.0, COSTS).broken()[1][1]
    assert "one file" == Need(1000, 300.0, replace(COSTS, file_seconds=1.0)).broken()[0][0]


def test_each_size_at_each_interval_has_its_row():
    """As many cells as the head has."""
    rows = list(needs(COSTS))

    assert 2 + len(CHAINS) * len(INTERVALS) == len(rows)
    assert {rows[0].count("|")} == {row.count("|") for row in rows}
    assert "| 1,000,000 | 30 s | 33,000 | 681 |" in "\n".join(rows)
    assert [] == [line for line in constants(COSTS) if "nan" in line or "-" in line.removeprefix("|---|---|")]
