"""A pulse beats once an interval, waits for nobody, and tells what goes wrong."""

import asyncio

import pytest

from prober import heartbeat
from prober.heartbeat import Pulse

INTERVAL = 10.0


class Clock:
    """A clock that stands until it is moved."""

    at = 100.0

    def __call__(self):
        """The time it stands at."""
        return self.at


class Calls:
    """Calls that come to what the test wants, and what was told of them."""

    def __init__(self, why="", seconds=0.0):
        """Come to this after so long."""
        self.why, self.seconds, self.made, self.told = why, seconds, 0, []

    async def __call__(self):
        """One call."""
        self.made += 1
        await asyncio.sleep(self.seconds)
        if isinstance(self.why, Exception):
            raise self.why
        return self.why


async def settle():
    """Let what was started go on."""
    for _ in range(5):
        await asyncio.sleep(0)


async def test_it_beats_at_most_once_an_interval():
    """Rounds of many chains make one pulse; a round that ends a little early does not lose its beat."""
    calls, clock, made = Calls(), Clock(), []
    pulse = Pulse(calls, calls.told.append, clock)
    for seconds in (0.0, 1.0, 7.9, 0.2, 8.0, 10.0):  # 0, 1, 8.9, 9.1, 17.1, 27.1
        clock.at += seconds
        pulse.beat(INTERVAL)
        await settle()
        made.append(calls.made)

    assert ([1, 1, 1, 2, 2, 3], []) == (made, calls.told)


async def test_nobody_waits_for_it():
    """And while one call goes on no other begins."""
    calls, clock = Calls(seconds=30), Clock()
    pulse = Pulse(calls, calls.told.append, clock)
    pulse.beat(INTERVAL)
    await settle()
    clock.at += 3 * INTERVAL
    pulse.beat(INTERVAL)
    await settle()
    await pulse.aclose()

    assert (1, []) == (calls.made, calls.told)


@pytest.mark.parametrize(
    ("why", "told"),
    [("it answered 500", "it answered 500"), (ValueError("http://s3cret"), "ValueError in the prober itself")],
    ids=["not heard", "broken"],
)
async def test_what_goes_wrong_is_told(why, told):
    """Of what breaks only the kind: its text may hold the address."""
    calls = Calls(why)
    pulse = Pulse(calls, calls.told.append)
    pulse.beat(INTERVAL)
    await settle()

    assert [told] == calls.told


async def test_it_has_a_deadline(monkeypatch):
    """Somebody who does not answer is not waited for."""
    monkeypatch.setattr(heartbeat, "PATIENCE_SECONDS", 0.05)
    calls = Calls(seconds=30)
    pulse = Pulse(calls, calls.told.append)
    pulse.beat(INTERVAL)
    await asyncio.sleep(0.1)

    assert ["no answer within 0.05 s"] == calls.told


async def test_a_pulse_that_never_beat_is_closed_in_peace():
    """Twice, if need be."""
    pulse = Pulse(Calls(), lambda _why: None)

    await pulse.aclose()
    await pulse.aclose()
