"""A service process takes its settings by stdin and goes when stdin closes."""

import asyncio
import json
import socket
import sys

import pytest

from prober.lab.settings import AuthSettings


async def started(port):
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "prober.lab.auth", stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    letter = {"ports": [port], "control_key": "k", "settings": AuthSettings().to_document()}
    child.stdin.write(json.dumps(letter).encode() + b"\n")
    await child.stdin.drain()
    return child, await asyncio.wait_for(child.stdout.readline(), 10)


@pytest.fixture
def port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


async def test_it_says_when_it_is_ready_and_goes_when_left_alone(port):
    """One line on stdout, and an end as soon as stdin closes: nothing outlives whoever started it."""
    child, line = await started(port)
    child.stdin.close()

    assert f"ready {port}\n".encode() == line
    assert await asyncio.wait_for(child.wait(), 5) == 0


async def test_it_goes_even_before_it_was_ready(port):
    """A parent that is gone at once leaves no orphan that waits for it."""
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "prober.lab.auth", stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    letter = {"ports": [port], "control_key": "k", "settings": AuthSettings().to_document()}
    await child.communicate(json.dumps(letter).encode() + b"\n")

    assert child.returncode == 0
