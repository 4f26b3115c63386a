"""Where a connection may lead: which addresses are within reach, whatever a name says and however one is spelled."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import TypeAlias

Address: TypeAlias = IPv4Address | IPv6Address
Network: TypeAlias = IPv4Network | IPv6Network

#: What was found out of so many is remembered: reading one takes longer than all else we do with it.
_MOST_ADDRESSES = 4096

#: Words for networks that names are often meant to lead to.
WORDS: Mapping[str, Sequence[str]] = {
    "loopback": ("127.0.0.0/8", "::1/128"),
    "private": ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7"),
}

#: What is not the open internet, by kind, the first that fits; the IANA registries of special-purpose addresses.
_KINDS: Mapping[str, Sequence[str]] = {
    "a loopback address": WORDS["loopback"],
    "an address where clouds keep secrets": (
        *("169.254.169.254/32", "169.254.170.2/32", "168.63.129.16/32", "100.100.100.200/32", "192.0.0.192/32"),
        "fd00:ec2::/32",
    ),
    "a link-local address": ("169.254.0.0/16", "fe80::/10"),
    "a private address": (*WORDS["private"], "fec0::/10"),
    "an address of nobody": ("0.0.0.0/8", "::/128"),
    "an address of many": ("224.0.0.0/4", "255.255.255.255/32", "ff00::/8"),
    "a reserved address": ("64:ff9b:1::/48", "3fff::/20", "5f00::/16"),  # which Python 3.11 takes for open
}
_NETWORKS = tuple((kind, ip_network(each)) for kind, networks in _KINDS.items() for each in networks)

#: What a config says by writing the address itself.
_SAID_BY_WRITING = frozenset({"a loopback address", "a private address"})

#: IPv4 within IPv6, and how many bits are behind it: mapped, compatible, NAT64 (RFC 6052), 6to4 (RFC 3056).
_EMBEDDED = tuple(
    (ip_network(network), bits)
    for network, bits in (("::ffff:0:0/96", 0), ("::/96", 0), ("64:ff9b::/96", 0), ("2002::/16", 80))
)

#: What ends in a number is an address to some reader (WHATWG URL §3.5), and to getaddrinfo(3) very often.
_ENDS_IN_A_NUMBER = re.compile(r"(?:^|\.)(?:\d+|0x[0-9a-f]*)\.?$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Reach:
    """The open internet, and what is listed beside it."""

    listed: tuple[Network, ...] = ()

    def why_not(self, host: str, address: str) -> str:
        """What kind of address `host` leads to that is out of reach; empty: it may be connected to."""
        return _why_not(self.listed, host, address)


@lru_cache(_MOST_ADDRESSES)
def _why_not(listed: tuple[Network, ...], host: str, address: str) -> str:
    found = ip_address(address.partition("%")[0])
    if any(each in network for network in listed for each in (found, _within(found))):
        return ""
    kind = kind_of(found)
    return "" if kind is None or kind in _said_by(host) else kind


#: What is on the open internet, or written as it is.
NOT_BEYOND = Reach()

#: Wherever somebody who sits at this machine says.
ANYWHERE = Reach((ip_network("0.0.0.0/0"), ip_network("::/0")))


def _said_by(host: str) -> frozenset[str]:
    """What kinds of addresses somebody means who writes `host`; `localhost` is always this machine (RFC 6761 §6.3)."""
    if is_address(host):
        return _SAID_BY_WRITING
    name = host.rstrip(".").lower()
    is_here = name == "localhost" or name.endswith(".localhost")
    return frozenset({"a loopback address"}) if is_here else frozenset()


def kind_of(address: Address) -> str | None:
    """What a special address is; None: one of the open internet."""
    address = _within(address)
    found = next((kind for kind, network in _NETWORKS if address in network), None)
    return found or (None if address.is_global else "a reserved address")


def _within(address: Address) -> Address:
    """The IPv4 address that an IPv6 one only wraps; `::` and `::1` wrap none."""
    if isinstance(address, IPv6Address) and int(address) > 1:
        if address.teredo:
            return address.teredo[1]
        for network, bits in _EMBEDDED:
            if address in network:
                return IPv4Address(int(address) >> bits & 0xFFFFFFFF)
    return address


@lru_cache(_MOST_ADDRESSES)
def is_address(host: str) -> bool:
    """Whether a host is an address, spelled as everybody reads it; one with a zone is another on each machine."""
    try:
        address = ip_address(host)
    except ValueError:
        return False
    return "%" not in host and _within(address) == address


def is_disguised(host: str) -> bool:
    """Whether a host is an address that somebody might take for a name, or for another address."""
    return not is_address(host) and (":" in host or _ENDS_IN_A_NUMBER.search(host) is not None)


def networks(written: str) -> tuple[Network, ...]:
    """What a word or a network of a config means; raises ValueError."""
    return tuple(ip_network(each) for each in WORDS.get(written, (written,)))
