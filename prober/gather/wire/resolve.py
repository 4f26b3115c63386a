"""Names to addresses: asked once for each exchange, so that the address we connect to is the one that was looked up."""

import asyncio
import encodings.idna  # noqa: F401 - getaddrinfo loads it for the first name: two to six ms that would stand in its time
import socket
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from urllib.parse import urlsplit

from prober.gather.clock import PhaseWatch
from prober.model.errors import OutOfReach
from prober.model.reach import Reach, is_address
from prober.model.trouble import Phase

#: More would only delay the answer that none of them connects.
_MOST_ADDRESSES = 4

#: A lookup cannot be cut: it keeps its thread until the resolver answers. So threads that others wait for (pages are
#: rendered in them) are not spent on lookups.
_LOOKUPS = ThreadPoolExecutor(32, thread_name_prefix="resolve")

_PORTS = {"http": 80, "ws": 80, "https": 443, "wss": 443}


async def resolve(host: str, port: int, watch: PhaseWatch, reach: Reach) -> tuple[str, ...]:
    """Up to four distinct addresses of `host`, best first (RFC 6724); an address is its own answer, and takes no phase.

    Each is looked at each time: what a name led to a moment ago says nothing of where it leads now.

    Raises:
        socket.gaierror: as getaddrinfo(3) says.
        UnicodeError: `host` cannot be a name.
        OutOfReach: none of them is within reach.
    """
    if is_address(host):
        return _within(reach, host, (host,))
    with watch.phase(Phase.RESOLVE):
        ask = partial(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM)
        found = await asyncio.get_running_loop().run_in_executor(_LOOKUPS, ask)
    return _within(reach, host, tuple(dict.fromkeys(str(sockaddr[0]) for *_, sockaddr in found)))


def _within(reach: Reach, host: str, addresses: Sequence[str]) -> tuple[str, ...]:
    within = [address for address in addresses if not reach.why_not(host, address)]
    if addresses and not within:
        raise OutOfReach(host, addresses[0], reach.why_not(host, addresses[0]))
    return tuple(within[:_MOST_ADDRESSES])


def endpoint(url: str) -> tuple[str, int]:
    """The host and port a URL leads to."""
    parts = urlsplit(url)
    return parts.hostname or "", parts.port or _PORTS[parts.scheme]


def place(host: str, port: int) -> str:
    """Host and port as a person would write them."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
