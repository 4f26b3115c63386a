"""The hand on one service: its port stays its own, and a start that fails is told."""

import os
import signal
import socket
import time

import httpx
import pytest

from prober.lab.child import Child, NotReady
from prober.lab.settings import AuthSettings


@pytest.fixture
async def child():
    child = Child("prober.lab.auth", "key")
    child.keep_ports()
    yield child
    await child.close()


def knock(port):
    with socket.socket() as knocking:
        return knocking.connect_ex(("127.0.0.1", port))


async def test_down_means_refused(child):
    """A service that is down refuses connections, before its first life and after it."""
    seen = [knock(child.ports[0])]
    for up in (True, False):
        await child.be(AuthSettings(up=up).to_document())
        seen.append(knock(child.ports[0]))

    assert [True, False, True] == [bool(each) for each in seen]


async def test_a_service_that_does_not_start_is_told():
    """A process that ends without a word is an error, at once."""
    child = Child("prober.lab.nothing_of_that_name", "key")
    child.keep_ports()
    with pytest.raises(NotReady, match="did not start"):
        await child.be(AuthSettings().to_document())
    await child.close()

    assert child.pid is None


@pytest.mark.parametrize(("before", "age"), [((), 3600), ((False,), 0), ((True, False), 0)])
async def test_only_a_first_life_may_be_old(child, before, age):
    """A process that follows another, or that follows a time of being down, has no past."""
    for up in before:
        await child.be(AuthSettings(up=up, age_seconds=3600).to_document())
    await child.be(AuthSettings(age_seconds=3600).to_document())
    async with httpx.AsyncClient(trust_env=False, timeout=5) as client:
        told = (await client.get(f"{child.urls[0]}/health")).json()

    assert age <= told["uptime_seconds"] < age + 5


async def test_a_child_may_have_several_ports():
    """It takes as many ports as it has doors, all of them its own."""
    child = Child("prober.lab.edge", "key", doors=3)
    child.keep_ports()
    ports = set(child.ports)
    await child.close()

    assert len(ports - {0}) == len(child.urls) == 3


async def test_a_service_that_just_crashed_is_started_with_the_new_settings(child):
    """A change that comes before the crash was noticed is not lost, and is no error."""
    await child.be(AuthSettings().to_document())
    before = child.pid
    os.kill(before, signal.SIGKILL)
    while knock(child.ports[0]) == 0:  # it takes the kernel a moment; our own loop hears of it later
        time.sleep(0.001)  # noqa: ASYNC251 - so that it does not
    await child.be(AuthSettings(environment="other").to_document())
    async with httpx.AsyncClient(trust_env=False, timeout=5) as client:
        told = (await client.get(f"{child.urls[0]}/health")).json()

    assert "other" == told["environment"]
    assert before != child.pid
