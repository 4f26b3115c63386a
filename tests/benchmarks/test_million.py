from datetime import UTC, datetime

import pytest

from prober.publish.history.engine import in_file
from prober.publish.history.store import SqlStore
from tests.benchmarks import million
from tests.benchmarks.past import FAST, STEPS, fill

ROWS = 50_000


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def address(request, tmp_path):
    """Where a fresh store is, of each kind."""
    if request.param == "sqlite":
        return in_file(tmp_path / "prober.db")
    return request.getfixturevalue("postgres").database()


@pytest.mark.timeout(180)
async def test_the_short_form(address, tmp_path):
    """A past written in bulk is as one written run by run; of it half is let go beside turns, and the rest fits."""
    store = SqlStore(address, "main")
    await store.open()
    now = datetime.now(UTC)
    await fill(store, ROWS, now)

    books = await store.accounts()
    assert (True, ROWS // STEPS) == (all(each.balances for each in books), sum(each.recorded for each in books))
    asked = million.questions((await store.newest(chain=FAST, verdict=None, limit=1))[0]["run"]["id"], now)
    for what, question in asked.items():
        assert what == "one run by id" or await question(store) or "never" in what
    await store.aclose()

    pruned = await million.prune(address, tmp_path, phase_seconds=1.0)

    assert pytest.approx(pruned.bound, rel=million.TOLERANCE) == pruned.live
    assert 0.3 * ROWS < pruned.rows < 0.7 * ROWS
    assert min(map(len, (pruned.turns.without.seconds, pruned.turns.beside.seconds))) >= 10


async def test_a_turn_costs_a_few_times_the_rows(tmp_path):
    """What is around them is of the same order."""
    cost = await million.cost(tmp_path, turns=20)

    assert 1 < cost.ours / cost.raw < 100
