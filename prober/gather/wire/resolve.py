"""Names to addresses: asked once for each exchange, so that the address we connect to is the one that was looked up."""

import asyncio
import ipaddress
import socket
from urllib.parse import urlsplit

from prober.gather.clock import PhaseWatch
from prober.model.trouble import Phase

#: More would only delay the answer that none of them connects.
_MOST_ADDRESSES = 4

_PORTS = {"http": 80, "ws": 80, "https": 443, "wss": 443}


async def resolve(host: str, port: int, watch: PhaseWatch) -> tuple[str, ...]:
    """Up to four distinct addresses of `host`, best first (RFC 6724); an address is its own answer, and takes no phase.

    Raises:
        socket.gaierror: as getaddrinfo(3) says.
        UnicodeError: `host` cannot be a name.
    """
    if _is_address(host):
        return (host,)
    with watch.phase(Phase.RESOLVE):
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    addresses = dict.fromkeys(str(sockaddr[0]) for *_, sockaddr in found)
    return tuple(addresses)[:_MOST_ADDRESSES]


def endpoint(url: str) -> tuple[str, int]:
    """The host and port a URL leads to."""
    parts = urlsplit(url)
    return parts.hostname or "", parts.port or _PORTS[parts.scheme]


def place(host: str, port: int) -> str:
    """Host and port as a person would write them."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
