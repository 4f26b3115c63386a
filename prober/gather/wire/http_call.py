"""Asked: one request to one place as it is written on the wire, and what a transport gives back, whichever it is."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import httpx

from prober.gather.clock import PhaseWatch
from prober.model.reach import is_disguised

#: As both transports give them.
RawHeaders = Sequence[tuple[bytes, bytes]]

#: An address that stands on the wire as it is written; httpx reads all others, and takes thirty times as long.
_PLAIN = re.compile(
    r"https?://(?P<authority>(?P<host>[a-z0-9.-]+)(?::[0-9]+)?)"
    r"(?P<target>/(?:[\w~!$&'()*+,;=:@/-]|(?<!/)\.|%[0-9A-F]{2})*(?:\?[\w.~&=+:@/-]*)?)",
    re.ASCII,
)
_BY_DEFAULT = {"http": ":80", "https": ":443"}

#: These say how long their body is also where there is none (RFC 9110 §8.6).
_SAY_LENGTH = frozenset({"POST", "PUT", "PATCH"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One request; holds secrets, so it is neither shown nor kept."""

    method: str
    url: str
    host: str  # who is asked, and must prove to be that under TLS
    port: int
    target: bytes
    headers: RawHeaders
    body: bytes = b""
    keep: bool = False  # take a connection that was kept, if there is one, and keep it

    @property
    def is_secure(self) -> bool:
        """Whether it goes under TLS."""
        return self.url.startswith("https:")

    def __repr__(self) -> str:
        return f"Asked({self.method})"


class Answer(Protocol):
    """An answer as far as its head; its connection ends with it, unless it is kept."""

    @property
    def status(self) -> int:
        """Its status."""
        ...

    @property
    def headers(self) -> RawHeaders:
        """Its headers, as they were said."""
        ...

    def read_body(self) -> AsyncIterator[bytes]:
        """What comes of the body, as it comes."""
        ...

    async def aclose(self) -> None:
        """Hang up, or keep the connection, also where we are cancelled just then."""
        ...


class Transport(Protocol):
    """What may stand between the wire and a socket."""

    async def begin(self, asked: Asked, address: str, watch: PhaseWatch, patience: asyncio.Timeout) -> Answer:
        """Send to an address, and read as far as the head; the connection has as long as `patience` says.

        Raises OSError, and httpx's words for what is no HTTP.
        """
        ...

    def let_go(self, is_meant: Callable[[str], bool]) -> None:
        """Hang up what is kept to the places (host and port) that are meant."""
        ...

    async def aclose(self) -> None:
        """Close what is open."""
        ...


def asked(  # noqa: PLR0913 - by name
    *, method: str, url: str, host: str, port: int, headers: Mapping[str, str], body: bytes | None, keep: bool = False
) -> Asked:
    """A request with the headers that each one has, put together from what `headers` says.

    Raises:
        httpx.InvalidURL: nobody can be asked there.
        UnicodeError: something in it is not ASCII.
    """
    authority, target = _written(url)
    said = {"host": ("Host", authority)} | {name.lower(): (name, value) for name, value in headers.items()}
    said["accept-encoding"] = ("Accept-Encoding", "identity")  # a decoder would have no bound: 64 MiB out of 64 KiB
    if body or (method in _SAY_LENGTH and "transfer-encoding" not in said):
        said.setdefault("content-length", ("Content-Length", str(len(body or b""))))
    encoded = [(name.encode("ascii"), value.encode("ascii")) for name, value in said.values()]
    return Asked(
        method=method, url=url, host=host, port=port, target=target, headers=encoded, body=body or b"", keep=keep
    )


def _written(url: str) -> tuple[str, bytes]:
    """The name and the target of an address as they are written in a request."""
    plain = _PLAIN.fullmatch(url)
    if plain is None or is_disguised(plain["host"]):
        read = httpx.URL(url)
        return read.netloc.decode("ascii"), read.raw_path
    return plain["authority"].removesuffix(_BY_DEFAULT[url.partition(":")[0]]), plain["target"].encode()
