"""Starts bunch nothing: turns lie where their names put them, and first looks keep out of their way."""

from itertools import pairwise
from math import ceil
from statistics import median

import pytest

from prober.judge.ledger import phase
from prober.judge.stagger import APART_SECONDS, SOON_SECONDS, Turning, first_looks, fullest_second

CHAINS, INTERVAL = 300, 30.0
MEAN = CHAINS / INTERVAL
NAMES = tuple(f"chain-{number:03}" for number in range(CHAINS))

#: After how many seconds each of five instances is up again, where all were told to restart at once.
RESTARTS = (0.0, 0.3, 0.7, 1.1, 1.9)


def turning(names, began, interval=INTERVAL):
    """When these chains turn next, for one that begins at this time."""
    return {name: Turning((phase(name, interval) - began) % interval, interval) for name in names}


def turns(names, until=90.0):
    """When they turn, over a minute and a half."""
    return [phase(name, INTERVAL) + number * INTERVAL for name in names for number in range(int(until // INTERVAL))]


def peak(moments):
    """Of any second that begins whenever it likes, the most that it holds."""
    told = sorted(moments)
    return max(fullest_second(told, at) for at in told)


def looks_of_all(names, began):
    """When each chain is looked at first, by whichever of the instances gets to it first; on a step common to all."""
    looks = {}
    for later in RESTARTS:
        own = ceil(round((began + later) / APART_SECONDS, 6)) * APART_SECONDS
        chains = turning(names, own)
        unseen = [name for name in names if chains[name].wait_seconds < INTERVAL - (own - began)]
        for after, name in first_looks(chains, unseen):
            looks[name] = min(own + after, looks.get(name, own + after))
    return looks


def test_in_no_second_are_there_twice_as_many_turns_as_in_the_mean_one():
    """Of 300 chains that turn every 30 s, over all instances: each slot is taken by one of them."""
    assert peak(turns(NAMES)) <= 2 * MEAN


def test_names_spread_as_chance_does():
    """Another 300 names may do a little worse: half of such sets stay within 1.9 times the mean, 9 in 10 within 2.2."""
    peaks = sorted(peak(turns([f"{place}/{name}" for name in NAMES])) / MEAN for place in range(100))

    assert median(peaks) <= 1.9
    assert peaks[90] <= 2.2


@pytest.mark.parametrize("began", [0.0, 4.3, 11.1, 17.9, 24.4])
def test_nor_when_five_instances_are_restarted_at_once(began):
    """Their first looks come on top: each chain is looked at by one, where the turns leave room."""
    looks = looks_of_all(NAMES, began)
    around = [at for at in turns(NAMES) if began <= at < began + 60]

    assert len(looks) > CHAINS / 10
    assert peak([*around, *looks.values()]) <= 2 * MEAN


def test_few_chains_are_seen_at_once_however_seldom_they_turn():
    """25 that turn every hour, within five seconds; the one that would wait longest first, and each once."""
    names = NAMES[:25]
    chains = turning(names, began=0.0, interval=3600.0)
    looks = first_looks(chains, names)

    waits = [chains[name].wait_seconds for _, name in looks]
    assert sorted(names) == sorted(name for _, name in looks)
    assert waits == sorted(waits, reverse=True)
    assert looks[0][0] == 0.0
    assert looks[-1][0] <= 5.0
    assert all(later - sooner >= APART_SECONDS - 1e-9 for (sooner, _), (later, _) in pairwise(looks))


def test_whose_turn_comes_soon_waits_for_it():
    """Also where it comes while others are looked at."""
    chains = {"soon": Turning(SOON_SECONDS - 0.1, 30.0), "later": Turning(SOON_SECONDS + 0.1, 30.0)}

    assert [(0.0, "later")] == first_looks(chains, chains)


def test_only_those_are_looked_at_that_are_asked_for():
    """The others turn, and take room."""
    chains = turning(NAMES, began=0.0)

    assert ["chain-007"] == [name for _, name in first_looks(chains, ["chain-007"])]
    assert [] == first_looks(chains, [])
