"""Tests of prober/gather/budget.py."""

import asyncio
import time

import pytest

from prober.gather.budget import UNSCHEDULED_SHARE, Budget, asked, sharing
from prober.model.chain import Load
from tests import builders as b

HOST = {"auth:443": 1}


async def spent(budget, count, *, scheduled=True, host=HOST):
    """When each of so many was let go, in seconds from now."""
    began = time.perf_counter()

    async def one():
        await budget.spend(host, scheduled=scheduled)
        return time.perf_counter() - began

    return sorted(await asyncio.gather(*(one() for _ in range(count))))


def most_within(moments, seconds):
    """The most of these moments that lie within any stretch of so many seconds."""
    return max(sum(0 <= later - each <= seconds for later in moments) for each in moments)


async def test_a_burst_goes_at_once_and_the_rest_at_the_rate():
    """In no stretch of time more than the burst and what the rate allows."""
    moments = await spent(Budget(Load(requests_per_second=100, burst=10)), 30)

    assert moments[9] < 0.1
    assert moments[-1] >= 0.19
    assert all(most_within(moments, seconds) <= 10 + 100 * seconds + 1 for seconds in (0.01, 0.05, 0.1))


async def test_each_host_has_a_budget_of_its_own():
    """What one host cannot bear holds up nobody else's requests."""
    budget = Budget(Load(requests_per_second=10, burst=5))
    await spent(budget, 5)

    assert (await spent(budget, 5, host={"backend:443": 1}))[-1] < 0.1


async def test_the_schedule_is_on_time_however_much_is_asked_for():
    """Some of each host's budget nobody else may have."""
    budget = Budget(Load(requests_per_second=50, burst=20))
    crowd = asyncio.create_task(spent(budget, 100, scheduled=False))
    await asyncio.sleep(0.2)
    (turn,) = await spent(budget, 1)
    crowd.cancel()
    await asyncio.gather(crowd, return_exceptions=True)

    assert turn < 0.1


async def test_whatever_is_not_on_schedule_has_a_share_only():
    """Also when nothing else goes on."""
    moments = await spent(Budget(Load(requests_per_second=100, burst=10)), 21, scheduled=False)

    assert moments[-1] >= 14 / (UNSCHEDULED_SHARE * 100) * 0.95


async def test_what_was_spent_stays_spent_after_a_reload():
    """Unless the budget is another."""
    budget, load = Budget(Load(requests_per_second=5, burst=5)), Load(requests_per_second=5, burst=5)
    await spent(budget, 5)
    budget.adopt(load)
    late = await spent(budget, 1)
    budget.adopt(Load(requests_per_second=5, burst=6))

    assert late[0] > 0.15
    assert (await spent(budget, 6))[-1] < 0.1


@pytest.mark.parametrize(
    ("step", "wanted"),
    [
        (b.http_step(token=None), {"backend": 1}),
        (b.http_step(token=b.LOCAL), {"backend": 1}),
        (b.http_step(token=b.ROUTE), {"backend": 1, "auth": 1}),
        (b.http_step(token=b.FORGED), {"backend": 1}),
        (b.mint_step(), {"auth": 1}),
        (b.websocket_step(token=b.LOCAL), {"backend": 1}),
        (b.secret_match_step(), {"auth": 1, "backend": 1}),
    ],
)
def test_what_a_look_asks_of_whom(step, wanted):
    """Tokens that a route gives, and each party of a comparison, are requests too."""
    assert asked(step) == {f"{service}.test:80": count for service, count in wanted.items()}


def test_who_share_chains_divide_the_budget_of_the_hosts_that_several_of_them_ask():
    """A host that one of them asks is all its own."""
    both = b.chain(b.http_step(), b.health_step(b.AUTH), name="both")
    one = b.chain(b.http_step(), name="one")
    backend = next(iter(asked(b.http_step())))

    assert {backend: 2} == sharing([both, one], lambda name: name)
    assert {} == sharing([both, one], lambda _name: "the same")


async def test_of_a_shared_budget_each_has_its_share():
    """Together no more than one alone; what is not shared is whole."""
    shared = Load(requests_per_second=100, burst=10, shared_by={"auth:443": 2})
    moments = await spent(Budget(shared), 15)
    alone = await spent(Budget(shared), 10, host={"backend:443": 1})

    assert moments[4] < 0.1
    assert moments[-1] >= 0.19
    assert alone[-1] < 0.1
