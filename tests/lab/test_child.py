"""The hand on one service: its port stays its own, and a start that fails is told."""

import socket

import pytest

from prober.lab.child import Child, NotReady
from prober.lab.settings import AuthSettings


@pytest.fixture
async def child():
    child = Child("prober.lab.auth", "key")
    child.keep_port()
    yield child
    await child.close()


def knock(port):
    with socket.socket() as knocking:
        return knocking.connect_ex(("127.0.0.1", port))


async def test_down_means_refused(child):
    """A service that is down refuses connections, before its first life and after it."""
    seen = [knock(child.port)]
    for up in (True, False):
        await child.be(AuthSettings(up=up).to_document())
        seen.append(knock(child.port))

    assert [True, False, True] == [bool(each) for each in seen]


async def test_a_service_that_does_not_start_is_told():
    """A process that ends without a word is an error, at once."""
    child = Child("prober.lab.nothing_of_that_name", "key")
    with pytest.raises(NotReady, match="did not start"):
        await child.be(AuthSettings().to_document())
    await child.close()

    assert child.pid is None
