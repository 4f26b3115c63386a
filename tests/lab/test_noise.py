"""Noise is measured out, repeats itself by its seed, and outlives every fault."""

import time

import pytest

from prober.lab.noise import Noise, failures_of, latency_of
from prober.lab.world import World


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("30ms", (0.03, 0.03)), ("10ms-2s", (0.01, 2.0)), ("0ms - 1.5s", (0.0, 1.5)), ("0s", (0.0, 0.0))],
)
def test_a_latency_is_a_value_or_a_range(text, seconds):
    """With units, as people write it."""
    assert seconds == latency_of(text)


@pytest.mark.parametrize("text", ["", "fast", "30", "-5ms", "2s-10ms", "1ms-2ms-3ms", "2001ms", "1h"])
def test_what_is_no_latency_is_told_what_would_be(text):
    """The complaint shows both forms and the range."""
    with pytest.raises(ValueError, match=r"is no latency; write 30ms or 10ms-2s, from 0ms to 2s"):
        latency_of(text)


@pytest.mark.parametrize(("text", "share"), [("3%", 0.03), ("0%", 0.0), ("100%", 1.0), (" 0.5% ", 0.005)])
def test_failures_are_a_share(text, share):
    """In per cent."""
    assert share == pytest.approx(failures_of(text))


@pytest.mark.parametrize("text", ["", "3", "0.03", "101%", "-1%", "some"])
def test_what_is_no_share_is_told_what_would_be(text):
    """The complaint shows the form and the range."""
    with pytest.raises(ValueError, match="is no share of requests; write 3%, from 0% to 100%"):
        failures_of(text)


def test_a_seed_gives_each_process_its_own():
    """The same seed is the same noise again; no two processes fail in step."""
    noise = Noise(seed=7)
    seeds = [noise.of_service("auth"), noise.of_service("backend"), noise.of_side("auth"), noise.of_side("backend")]

    assert len({each["noise_seed"] for each in seeds}) == 4
    assert Noise(seed=7).of_service("auth") == noise.of_service("auth") != Noise(seed=8).of_service("auth")
    assert Noise().of_service("auth")["noise_seed"] is None


@pytest.mark.parametrize(
    ("latency", "patience"),
    [
        ((0.0, 0.0), None),
        ((0.01, 0.2), ("5s", "5s", "2s", "5s")),
        ((0.01, 0.21), ("60s", "60s", "12s", "12s")),
    ],
)
def test_the_prober_is_told_to_be_patient(latency, patience):
    """A slow world brings the times that its probes.yaml needs; one without latency leaves them as they are."""
    told = World(noise=Noise(latency=latency)).environment
    seen = tuple(told.get(name) for name in ("LAB_INTERVAL", "LAB_DEADLINE", "LAB_TIMEOUT", "LAB_STEP_TIMEOUT"))

    assert (patience or (None,) * 4) == seen


async def test_noise_outlives_faults(visit):
    """Slow, flaky and in other words, before a fault, under it and after it."""
    noise = Noise(latency=(0.02, 0.04), failures=0.3, reworded=True, seed=7)
    async with World(noise=noise) as world:
        visitor, seen = visit(world), []
        for faults in ((), ("breaker_open",), ()):
            await world.change(*faults)
            seen.append(await impression(visitor))

    assert [(True, True, True)] * 3 == seen


async def impression(visitor):
    """Whether a world is slow, flaky, and in other words."""
    begun = time.monotonic()
    answers = [await visitor.messages() for _ in range(20)]
    seconds = time.monotonic() - begun
    statuses = {answer.status_code for answer in answers}
    words = {answer.json().get("message") for answer in answers}
    return seconds > 0.4, statuses == {403, 500}, "Please sign in first" in words


async def test_a_seed_repeats_itself(visit):
    """Two worlds of the same seed fail at the same requests; so does one that was changed and healed."""

    async def statuses(visitor):
        return [(await visitor.backend("GET", "/health")).status_code for _ in range(30)]

    async with World(noise=Noise(failures=0.3, seed=7)) as one, World(noise=Noise(failures=0.3, seed=7)) as other:
        first, second = await statuses(visit(one)), await statuses(visit(other))
        await one.change("ws_silent_after_accept")
        third = await statuses(visit(one))

    assert first == second == third
    assert {200, 500} == set(first)


async def test_upgrades_fail_at_random_too(visit):
    """A failed upgrade is the server's own 500."""
    async with World(noise=Noise(failures=1.0)) as world:
        heard = await visit(world).hear()

    assert (500, b"Internal Server Error") == (heard.status, heard.body)
