import asyncio
import socket
import subprocess
import sys
import threading

import pytest

from prober.gather.clock import PhaseWatch, SystemClock
from prober.gather.wire.resolve import endpoint, place, resolve
from prober.model.errors import OutOfReach
from prober.model.reach import NOT_BEYOND, Reach, networks
from prober.model.trouble import Phase

PRIVATE = Reach(networks("private"))


@pytest.fixture
def watch():
    """A watch that has timed nothing yet."""
    return PhaseWatch(SystemClock())


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "2606:4700::7"])
async def test_an_address_is_its_own_answer(watch, address):
    """Nobody is asked about an address, so no time is booked for asking."""
    addresses = await resolve(address, 80, watch, PRIVATE)

    assert (address,) == addresses
    assert {} == watch.durations


async def test_a_name_is_looked_up_in_a_phase_of_its_own(watch):
    """The time a resolver takes is not the target's."""
    addresses = await resolve("localhost", 80, watch, PRIVATE)

    assert set(addresses) <= {"127.0.0.1", "::1"}
    assert [Phase.RESOLVE] == list(watch.durations)
    assert watch.current is None


#: Looks up a name first thing, and says what was imported for that.
_RESOLVES = """
import asyncio, sys
from prober.gather.clock import PhaseWatch, SystemClock
from prober.gather.wire.resolve import resolve
from prober.model.reach import Reach, networks

async def resolved():
    before = {*sys.modules}
    await resolve("localhost", 80, PhaseWatch(SystemClock()), Reach(networks("loopback")))
    print(*sorted(sys.modules.keys() - before))

asyncio.run(resolved())
"""


def test_nothing_is_imported_in_the_time_of_the_first_name():
    """It would stand in the target's first look, as the resolver's."""
    told = subprocess.run([sys.executable, "-c", _RESOLVES], capture_output=True, text=True, timeout=30, check=True)

    assert "\n" == told.stdout


async def test_addresses_are_distinct_in_order_and_at_most_four(watch, monkeypatch):
    """The resolver's order is kept, what it says twice is heard once, and a long list does not keep us."""
    said = ["10.0.0.3", "10.0.0.1", "10.0.0.3", "10.0.0.2", "10.0.0.5", "10.0.0.4"]

    def getaddrinfo(host, port, **_):
        """Answer as the test says."""
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in said]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)

    assert ("10.0.0.3", "10.0.0.1", "10.0.0.2", "10.0.0.5") == await resolve("many.test", 80, watch, PRIVATE)


async def test_what_is_out_of_reach_is_left_out(watch, monkeypatch):
    """Of several addresses those that may be connected to stay; where none does, the complaint says what would do."""
    said = ["127.0.0.2", "192.0.2.1", "1.1.1.1", "::ffff:10.0.0.1", "fe80::1%lo", "::"]

    def getaddrinfo(host, port, **_):
        """Answer as the test says."""
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in said]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    within = await resolve("many.test", 80, watch, PRIVATE)
    said.remove("1.1.1.1")
    with pytest.raises(OutOfReach) as refusal:
        await resolve("many.test", 80, watch, NOT_BEYOND)

    assert ("1.1.1.1", "::ffff:10.0.0.1") == within
    assert ("127.0.0.2", "a loopback address") == (refusal.value.address, refusal.value.kind)


async def test_lookups_that_hang_hold_up_nobody_else(monkeypatch):
    """Pages are rendered in the loop's own threads: more lookups than there are of those leave them free."""
    release = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: release.wait(20))
    names = [f"slow-{number}.test" for number in range(40)]
    hanging = [asyncio.create_task(resolve(name, 80, PhaseWatch(SystemClock()), PRIVATE)) for name in names]
    await asyncio.sleep(0.1)
    try:
        async with asyncio.timeout(5):
            done = await asyncio.to_thread(lambda: "rendered")
    finally:
        release.set()
        for task in hanging:
            task.cancel()
        await asyncio.gather(*hanging, return_exceptions=True)

    assert "rendered" == done


async def test_no_such_name_is_left_to_the_table(watch):
    """The resolver's own error goes up, with the phase left standing."""
    with pytest.raises((socket.gaierror, UnicodeError)):
        await resolve("a" * 70 + ".invalid", 80, watch, PRIVATE)

    assert Phase.RESOLVE == watch.current


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://a.test", ("a.test", 80)),
        ("https://a.test/path", ("a.test", 443)),
        ("ws://a.test:8080/ws", ("a.test", 8080)),
        ("wss://[2001:db8::1]/ws", ("2001:db8::1", 443)),
    ],
)
def test_a_url_leads_to_a_host_and_a_port(url, expected):
    """Each scheme has the port that it has on the web."""
    assert expected == endpoint(url)


def test_a_place_is_written_as_a_person_would():
    """An IPv6 address has colons of its own."""
    assert ("a.test:80", "[::1]:80") == (place("a.test", 80), place("::1", 80))
