"""Each chain falls to one shard, the same everywhere and for ever, and one shard more moves its share and no other."""

from collections import Counter
from dataclasses import replace

import pytest

from prober.judge.sharding import falls_to, narrowed
from prober.model.chain import Keeping
from prober.model.shard import Shard
from tests.publish.builders import build_plan

NAMES = tuple(f"chain-{number:05}" for number in range(10_000))

#: Four deviations of chance: 10,000 names at random into n shards are as uneven as that once in 16,000.
SURELY = 4


def plan_of(names, **more):
    """A plan with a chain under each of `names`."""
    plan = build_plan()
    [chain] = plan.chains.values()
    return replace(plan, chains={name: replace(chain, name=name) for name in names}, **more)


@pytest.mark.parametrize("of", [1, 2, 3, 8, 50])
def test_each_shard_has_its_share(of):
    """As even as chance is."""
    counts = Counter(falls_to(name, of) for name in NAMES)
    mean = len(NAMES) / of

    assert set(range(1, of + 1)) == counts.keys()
    assert all(abs(count - mean) <= SURELY * (mean * (1 - 1 / of)) ** 0.5 for count in counts.values())


@pytest.mark.parametrize("of", [1, 2, 3, 8, 49])
def test_one_shard_more_takes_its_share_and_moves_no_other(of):
    """Whoever moves, moves to the new one; so one shard less gives only its own chains away."""
    moved = [
        (falls_to(name, of), falls_to(name, of + 1)) for name in NAMES if falls_to(name, of) != falls_to(name, of + 1)
    ]
    share = len(NAMES) / (of + 1)

    assert {of + 1} == {after for _, after in moved}
    assert abs(len(moved) - share) <= SURELY * (share * of / (of + 1)) ** 0.5


def test_a_chain_falls_to_the_same_shard_in_every_release():
    """Else each release would move nearly all of them, and what is known of them would stay behind."""
    names = ("validation", "controls", "controls-hourly", "mint")

    assert [2, 1, 1, 1] == [falls_to(name, 2) for name in names]
    assert [2, 3, 1, 1] == [falls_to(name, 3) for name in names]
    assert [2, 5, 1, 8] == [falls_to(name, 8) for name in names]
    assert [570, 423, 311, 973] == [falls_to(name, 1000) for name in names]


@pytest.mark.parametrize("of", [1, 3, 7])
def test_all_shards_together_have_all_chains_once(of):
    """And each knows of every other chain who has it."""
    plan = plan_of(NAMES[:200])
    parts = [narrowed(plan, Shard(number, of)) for number in range(1, of + 1)]

    assert sorted(plan.chains) == sorted(name for part in parts for name in part.chains)
    assert [sorted(plan.chains)] * of == [sorted({**part.chains, **part.elsewhere}) for part in parts]
    assert all(name in parts[where.number - 1].chains for part in parts for name, where in part.elsewhere.items())


def test_the_order_of_chains_stays():
    """As the file has them."""
    part = narrowed(plan_of(NAMES[:50]), Shard(1, 2))

    assert [name for name in NAMES[:50] if name in part.chains] == list(part.chains)


def test_in_a_database_in_common_each_shard_has_books_of_its_own():
    """Where the file is ours alone, what was known before there were shards goes on."""
    plan = plan_of(NAMES[:5], location="frankfurt")
    shared = replace(plan, history=Keeping(database_secret="store"))

    assert "frankfurt" == narrowed(plan, Shard(2, 3)).location
    assert "frankfurt/2" == narrowed(shared, Shard(2, 3)).location
