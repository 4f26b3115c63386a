"""How the backend finds out: budgets, breaker, memory and stand-ins."""

import asyncio
import time

import pytest

from prober.lab.world import World


async def timed(what):
    begun = time.monotonic()
    answer = await what
    return answer, time.monotonic() - begun


async def test_a_slow_auth_is_as_good_as_none(real):
    """Auth over the backend's budget: it says the token holds, the backend refuses at the budget."""
    await real.world.change("auth_slower_than_budget")
    token = real.local_token()
    (refused, seconds), asked = await asyncio.gather(timed(real.messages(token)), real.validate(token))

    assert asked.json()["valid"]
    assert refused.status_code == 401
    assert 0.45 < seconds < 0.69


async def test_an_open_breaker_refuses_at_once(real):
    """Behind an open breaker no token holds, and the refusal is quick; the status route tells."""
    await real.world.change("breaker_open")
    await real.messages(real.local_token())
    refused, seconds = await timed(real.messages(real.local_token()))
    status = (await real.backend("GET", "/api/circuit-breakers/status")).json()

    assert refused.status_code == 401
    assert seconds < 0.05
    assert status["circuit_breakers"]["auth_service"]["state"] == "open"


@pytest.mark.parametrize(
    ("fault", "slowest"),
    [
        ("auth_slower_than_budget", 1.0),
        ("backend_cannot_reach_auth", 2.0),
        ("auth_down", 0.5),
        ("service_header_illegal", 0.5),
    ],
)
async def test_three_failures_in_a_row_open_the_breaker(real, fault, slowest):
    """Whatever the failure: too slow, unreachable, refused or not to be sent. The fourth token is refused at once."""
    await real.world.change(fault)
    tries = [await timed(real.messages(real.local_token())) for _ in range(6)]
    state = (await real.backend("GET", "/api/circuit-breakers/status")).json()["circuit_breakers"]["auth_service"]

    assert {401} == {answer.status_code for answer, _ in tries}
    assert all(seconds < slowest for _, seconds in tries)
    assert min(seconds for _, seconds in tries[3:]) < 0.05
    assert ("open", 3) == (state["state"], state["failure_count"])
    assert 5 < state["retry_after_seconds"] <= 10


async def test_an_open_breaker_recovers(visit):
    """When its time has passed and auth is back, the next token holds."""
    async with World(["auth_down"], backend={"breaker_recovery_seconds": 3.0}) as world:
        visitor = visit(world)
        while_down = [(await visitor.messages(visitor.local_token())).status_code for _ in range(3)]
        await world._auth.be({**world._auth_settings().to_document(), "up": True})  # and nobody tells the backend
        at_once = (await visitor.messages(visitor.local_token())).status_code
        await asyncio.sleep(3.0)
        later = (await visitor.messages(visitor.local_token())).status_code

    assert ([401, 401, 401], 401, 200) == (while_down, at_once, later)


async def test_a_changed_world_is_tried_again(real):
    """Healing auth alone closes the backend's breaker too: a change begins without a grudge."""
    await real.world.change("auth_down")
    for _ in range(4):
        await real.messages(real.local_token())
    await real.world.change()

    assert (await real.messages(real.local_token())).status_code == 200


async def test_packets_that_go_nowhere_take_their_time(real):
    """A backend that cannot reach auth refuses after its connect timeout, while the breaker lets it try."""
    await real.world.change("backend_cannot_reach_auth")
    seconds = [
        seconds for _, seconds in await asyncio.gather(*(timed(real.messages(real.local_token())) for _ in "ab"))
    ]

    assert all(0.9 < each < 1.6 for each in seconds)


async def test_an_illegal_header_breaks_the_question_itself(real):
    """A newline in the service secret: the first refusals say so, then the breaker speaks."""
    await real.world.change("service_header_illegal")
    words = [(await real.hear(real.local_token())).words for _ in range(4)]

    assert words[0].startswith("validation_failed_LocalProtocolError")
    assert words[3] == "auth_service_unreachable"


async def test_verdicts_are_remembered_by_token(real):
    """A token once found good stays good at the backend while auth has already changed its mind."""
    token = real.local_token()
    await real.messages(token)
    await real.world.change("test_user_revoked")

    assert (200, 401) == (
        (await real.messages(token)).status_code,
        (await real.messages(real.local_token())).status_code,
    )


async def test_a_local_fallback_still_refuses_what_is_wrong(real):
    """With auth down and a local fallback a good token is let in; forged and expired ones are not."""
    await real.world.change("auth_down_local_fallback")
    seen = [(await real.messages(token)).status_code for token in (real.local_token(), real.forged(), real.expired())]

    assert [200, 401, 401] == seen


async def test_an_emergency_lets_in_everybody(real):
    """With auth down and an emergency fallback even nobody gets an identity."""
    await real.world.change("auth_down_emergency_identity")
    heard = await real.hear()

    assert heard.user.startswith("emergency_")


async def test_the_backend_passes_auths_configuration_on(real):
    """The backend's `/auth/config` works while auth can be reached, and only then."""
    healthy = await real.backend("GET", "/auth/config")
    await real.world.change("auth_down")
    broken = await real.backend("GET", "/auth/config")

    assert (200, 503) == (healthy.status_code, broken.status_code)
