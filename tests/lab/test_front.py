"""What stands before each service: hosts, the lab's control, noise."""

import time

from prober.lab.world import World


async def test_a_foreign_host_is_refused(real):
    """An answer is given to the own name only."""
    answer = await real.auth("GET", "/health", headers={"host": "evil.example"})

    assert (400, "Invalid host header") == (answer.status_code, answer.text)
    assert answer.headers["content-type"].startswith("text/plain")


async def test_control_is_invisible_to_strangers(real):
    """Without the control key the control path does not exist."""
    url = f"{real.world.auth_direct_url}/-/lab/settings"
    answer = await real.client.put(url, json={}, headers={"authorization": "Bearer guess"})

    assert answer.status_code == 404


async def test_noise_and_latency_can_be_had_without_a_fault(visit):
    """A world may be slow and unreliable by measure, with nothing broken."""
    async with World(backend={"latency_seconds": 0.03, "failure_ratio": 0.5, "noise_seed": 7}) as world:
        visitor = visit(world)
        begun = time.monotonic()
        seen = [(await visitor.backend("GET", "/health")).status_code for _ in range(20)]

    assert time.monotonic() - begun > 0.6
    assert {200, 500} == set(seen)
