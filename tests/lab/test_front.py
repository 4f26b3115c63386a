"""The edge of each service: hosts, the lab's control, noise."""

import time

from prober.lab.world import World


async def test_a_foreign_host_is_refused(real):
    """An answer is given to the own name only."""
    answer = await real.auth("GET", "/health", headers={"host": "evil.example"})

    assert (400, "Invalid host header") == (answer.status_code, answer.text)
    assert answer.headers["content-type"].startswith("text/plain")


async def test_control_is_invisible_to_strangers(real):
    """Without the control key the control path does not exist."""
    answer = await real.auth("PUT", "/-/lab/settings", json={}, headers={"authorization": "Bearer guess"})

    assert answer.status_code == 404


async def test_the_edge_refuses_with_a_page_of_its_own(real):
    """A refusal of the edge is HTML, on the API and on the socket; health is let through."""
    await real.world.change("edge_blocks_request")
    refused, heard = await real.messages(real.local_token()), await real.hear(real.local_token())

    assert (403, 403) == (refused.status_code, heard.status)
    assert refused.text.startswith("<html>")
    assert heard.body.startswith(b"<html>")
    assert (await real.backend("GET", "/health")).status_code == 200


async def test_noise_and_latency_can_be_had_without_a_fault(visit):
    """A world may be slow and unreliable by measure, with nothing broken."""
    async with World(backend={"latency_seconds": 0.03, "failure_ratio": 0.5, "noise_seed": 7}) as world:
        visitor = visit(world)
        begun = time.monotonic()
        seen = [(await visitor.backend("GET", "/health")).status_code for _ in range(20)]

    assert time.monotonic() - begun > 0.6
    assert {200, 500} == set(seen)
