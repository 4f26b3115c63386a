"""What a process of the lab has from the one that started it: a letter, ports, and a stdin whose end is its own end."""

import asyncio
import json
import socket
import sys
from typing import Any

HOST = "127.0.0.1"
CONTROL_PATH = "/-/lab/settings"


def letter() -> dict[str, Any]:
    """What to be: `ports`, `control_key` and `settings`."""
    told: dict[str, Any] = json.loads(sys.stdin.buffer.readline())
    return told


def bound(port: int) -> socket.socket:
    """A socket on a port that the starting process holds too, so that nobody takes it while we are down.

    asyncio sends without delay only on sockets that say they are TCP; else small answers wait 40 ms for an ACK.
    """
    taken = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    taken.bind((HOST, port))
    return taken


def say_ready(port: int) -> None:
    """Tell the parent that we listen."""
    sys.stdout.write(f"ready {port}\n")
    sys.stdout.flush()


async def gone() -> None:
    """Wait until stdin closes: nobody outlives whoever started it."""
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while await reader.read(1024):
        continue
