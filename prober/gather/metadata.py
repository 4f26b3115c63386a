"""Metadata: what a machine of Google's cloud is told of itself, at the one link-local address that only this may ask.

Rule 1: the address is taken from nowhere but GCE_METADATA_HOST, as Google's own libraries take it; no config names it.
Rule 2: what is answered there is a credential; it is never quoted.
"""

import asyncio
from collections.abc import Mapping
from ipaddress import ip_network

from prober.gather.clock import Clock, PhaseWatch
from prober.gather.evidence import Redact
from prober.gather.secret_source import Unusable
from prober.gather.wire.http import HttpWire, Outgoing
from prober.model.observation import HttpSeen
from prober.model.reach import Reach, is_address

#: The server's address, in every project and region (Google Cloud, «Access VM metadata»).
ADDRESS = "169.254.169.254"

#: Names another server: `HOST` or `HOST:PORT`.
HOST_VARIABLE = "GCE_METADATA_HOST"

#: What proves that nobody was led here by a redirect or a forged link; requests without it are refused.
_FLAVOR = {"Metadata-Flavor": "Google"}

_ROOT = "/computeMetadata/v1/"

#: A token takes the server a second or two when it holds none; where there is no such server, packets are lost.
DEADLINE_SECONDS = 5.0

#: A token has one or two KiB.
_MOST_BYTES = 16 * 1024

_OK = 200


class MetadataServer:
    """Asks the metadata server, within a deadline and a bound, by a wire of its own that leads nowhere else."""

    def __init__(self, redact: Redact, clock: Clock, environ: Mapping[str, str]) -> None:
        """Ask where `environ` says, or where the server always is; blot out by `redact` what its answers quote."""
        self._where = environ.get(HOST_VARIABLE) or ADDRESS
        self._clock = clock
        self._wire = HttpWire(redact, most_bytes=_MOST_BYTES, reach=_reach(self._where))

    async def ask(self, path: str) -> str:
        """The text at `path` below `/computeMetadata/v1/`.

        Raises:
            Unusable: there is no such server, it was too slow, or it answered something else than 200.
        """
        call = Outgoing(method="GET", url=f"http://{self._where}{_ROOT}{path}", headers=_FLAVOR)
        try:
            async with asyncio.timeout(DEADLINE_SECONDS):
                answer = await self._wire.send(call, PhaseWatch(self._clock))
        except TimeoutError as error:
            raise Unusable(_late(self._where)) from error
        if not isinstance(answer.seen, HttpSeen):
            message = f"the metadata server cannot be asked: {answer.seen.detail}"
            raise Unusable(message)
        if answer.seen.status != _OK:
            message = f"the metadata server answered HTTP {answer.seen.status}"
            raise Unusable(message)
        return answer.raw.decode(errors="replace").strip()

    async def aclose(self) -> None:
        """Close the wire."""
        await self._wire.aclose()


def _late(where: str) -> str:
    return f"the metadata server at {where} had no answer within {DEADLINE_SECONDS:g} s"


def _reach(where: str) -> Reach:
    """This one address, and what may be reached anyway; a name leads to the server's own address or to nowhere odd."""
    host = where.rpartition(":")[0] if ":" in where else where
    return Reach((ip_network(host if is_address(host) else ADDRESS),))
