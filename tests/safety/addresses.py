"""Addresses as they can be spelled: of what is out of reach, each way of writing it that some reader understands."""

import random
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from ipaddress import IPv4Address, IPv6Address

#: Where nothing may connect to unless it is listed, of every kind.
FORBIDDEN_V4 = (
    *(
        str(IPv4Address(0)),
        "127.0.0.1",
        "127.0.0.2",
        "127.255.255.254",
        "169.254.169.254",
        "169.254.170.2",
        "169.254.1.1",
        "0.1.2.3",
    ),
    *("10.0.0.1", "172.16.0.9", "172.31.255.1", "192.168.1.1", "100.64.0.1", "100.100.100.200", "192.0.0.192"),
    *("168.63.129.16", "224.0.0.1", "239.255.255.250", "255.255.255.255", "240.0.0.1", "192.0.2.1", "198.18.0.1"),
)
FORBIDDEN_V6 = (
    *("::", "fe80::1", "fe80::a9fe:a9fe", "febf::9", "fd00:ec2::254", "ff02::1", "ff0e::1", "2001:db8::1", "100::1"),
    "64:ff9b:1::a00:1",
)

#: The C library's own reading, whoever answers for names in its place.
_ASK = socket.getaddrinfo

_FULLWIDTH = str.maketrans("0123456789.", "０１２３４５６７８９．")
_CIRCLED = str.maketrans("0123456789", "⓪①②③④⑤⑥⑦⑧⑨")
_ARABIC = str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩")


def _parts(address: IPv4Address) -> list[int]:
    return list(address.packed)


def _joined(form: str) -> Callable[[IPv4Address], str]:
    return lambda address: ".".join(form.format(part) for part in _parts(address))


#: How an IPv4 address can be written, beside the way that everybody reads.
V4: Sequence[Callable[[IPv4Address], str]] = (
    lambda address: str(int(address)),
    lambda address: hex(int(address)),
    lambda address: hex(int(address)).upper().replace("X", "x"),
    lambda address: f"0X{int(address):08X}",
    lambda address: f"0{int(address):o}",
    lambda address: f"000000{int(address):o}",
    _joined("0x{:x}"),
    _joined("0x{:02X}"),
    _joined("0{:o}"),
    _joined("{:03d}"),
    _joined("000{:o}"),
    lambda address: f"{_parts(address)[0]}.{int(address) & 0xFFFFFF}",
    lambda address: "{}.{}.{}".format(*_parts(address)[:2], int(address) & 0xFFFF),
    lambda address: "0x{:x}.{}.0{:o}.{}".format(*_parts(address)),
    lambda address: f"0x{_parts(address)[0]:x}.{int(address) & 0xFFFFFF}",
    lambda address: f"{address}.",
    lambda address: f"{int(address)}.",
    lambda address: f"{address}..",
    lambda address: f".{address}",
    lambda address: str(address).translate(_FULLWIDTH),
    lambda address: str(address).translate(_CIRCLED),
    lambda address: str(address).translate(_ARABIC),
    lambda address: str(address).replace(".", "。"),
    lambda address: str(address).replace(".", "\uff61"),
    lambda address: str(address).replace(".", "%2e"),
    lambda address: "".join(f"%{ord(each):02x}" for each in str(address)),
    lambda address: f"{address}%00.example",
    lambda address: f" {address}",
    lambda address: f"{address}\t",
    lambda address: f"a:b@{address}",
    lambda address: f"example.com@{address}",
    lambda address: f"example.com%40{address}",
    lambda address: f"example.com\\@{address}",
    lambda address: f"[::ffff:{address}]",
    lambda address: f"[::FFFF:{_hexed(address)}]",
    lambda address: f"[0:0:0:0:0:ffff:{_hexed(address)}]",
    lambda address: f"[::{address}]",
    lambda address: f"[::{_hexed(address)}]",
    lambda address: f"[64:ff9b::{address}]",
    lambda address: f"[64:ff9b::{_hexed(address)}]",
    lambda address: f"[2002:{_hexed(address)}::1]",
    lambda address: f"[2002:{_hexed(address)}::]",
    lambda address: f"[2001:0:4136:e378:8000:63bf:{_hexed(IPv4Address(int(address) ^ 0xFFFFFFFF))}]",
    lambda address: f"[{address}]",
    lambda address: f"[::ffff:{address}%25lo]",
)


def _hexed(address: IPv4Address) -> str:
    return f"{int(address) >> 16:x}:{int(address) & 0xFFFF:x}"


#: The same of IPv6.
V6: Sequence[Callable[[IPv6Address], str]] = (
    lambda address: f"[{address.exploded}]",
    lambda address: f"[{address.exploded.upper()}]",
    lambda address: f"[{address}%25lo]",
    lambda address: f"[{address}%lo]",
    lambda address: f"[{address}%1]",
    lambda address: f"[{address}].",
    lambda address: f"u:p@[{address}]",
    lambda address: f"[v1.{address}]",
    str,
    lambda address: f"[{address}",
)

#: Names under which this machine, a cloud's secrets or something private is known, or that lead there.
NAMES: Mapping[str, str] = {
    "127.0.0.1.nip.example": "127.0.0.1",
    "localtest.example": "127.0.0.1",
    "LOCALTEST.EXAMPLE": "127.0.0.1",
    "localtest.example.": "::1",
    "ip6-localhost": "::1",
    "metadata": "169.254.169.254",
    "metadata.google.internal": "169.254.169.254",
    "METADATA.google.internal.": "169.254.169.254",
    "instance-data": "169.254.169.254",
    "xn--mtadata-9xa.example": "169.254.169.254",
    "kubernetes.default.svc": "10.96.0.1",
    "router": "192.168.1.1",
    "mapped.example": "::ffff:127.0.0.1",
    "compatible.example": "::127.0.0.1",
    "tunnel.example": "2002:7f00:1::1",
    "nat64.example": "64:ff9b::a9fe:a9fe",
    "scoped.example": "fe80::1%lo",
    "anything.example": "::",
    "localhost.evil.example": "127.0.0.1",
    "evil-localhost": "127.0.0.1",
    "localhost.localdomain": "127.0.0.1",
}

_LED_TO = {name.lower(): address for name, address in NAMES.items()}

_PORTS = ("", ":80", ":8080", ":65535", ":0080")


def spellings(seed: int) -> Iterator[str]:
    """Hosts as they may stand in an address, each with or without a port, in an order that a seed makes."""
    found = [spell(IPv4Address(each)) for each in FORBIDDEN_V4 for spell in V4]
    found += [spell(IPv6Address(each)) for each in FORBIDDEN_V6 for spell in V6]
    found += [*NAMES, *(f"u@{name}" for name in NAMES)]
    found = [each for each in found if each not in FORBIDDEN_V4]  # three digits in each part need no zeros
    rng = random.Random(seed)
    rng.shuffle(found)
    yield from (each + rng.choice(_PORTS) for each in found)


def led_to(host: str) -> Sequence[str]:
    """Where a name leads: as NAMES say, or as the C library reads a number; nowhere else."""
    if host in _LED_TO:
        return [_LED_TO[host]]
    found = _ASK(host, 80, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
    return [str(each[4][0]) for each in found]
