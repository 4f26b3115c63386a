"""Calls that block, within a deadline."""

import threading

import pytest

from prober.gather.deadline import soon, within


def _fail():
    raise KeyError


async def test_what_a_call_gives_or_raises_is_what_one_gets():
    """Whether everybody waits or the loop goes on."""
    assert (7, 7) == (within(lambda: 7, 5), await soon(lambda: 7, 5))
    with pytest.raises(KeyError):
        within(_fail, 5)
    with pytest.raises(KeyError):
        await soon(_fail, 5)


async def test_a_call_that_hangs_is_left_behind():
    """By a thread that does not keep the process from ending."""
    release = threading.Event()
    with pytest.raises(TimeoutError):
        within(release.wait, 0.01)
    with pytest.raises(TimeoutError):
        await soon(release.wait, 0.01)
    left = [thread for thread in threading.enumerate() if thread.name == "secret source"]
    release.set()

    assert [True, True] == [thread.daemon for thread in left]
