"""Asking a platform's API: one GET with a bearer token, a JSON object back, or why there is none.

Rule 1: what came back holds values of settings; it lives until it is parsed, and no message quotes it.
Rule 2: whatever keeps us from reading it is ours: the platform is not what we look at.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from prober.gather.clock import PhaseWatch
from prober.gather.wire.http import HttpWire, Outgoing
from prober.model.observation import Json
from prober.model.secret import Secret
from prober.model.trouble import Trouble

_OK = 200

#: Why an answer told nothing, by its status.
_WHY: Mapping[int, str] = {
    401: "the platform does not know us (HTTP 401)",
    403: "we may not ask the platform (HTTP 403): docs/attestation.md lists the rights",
    404: "the platform knows no such thing (HTTP 404): see where `platform:` points",
    429: "the platform was asked too often (HTTP 429)",
}


class Unread(Exception):
    """Nothing could be learned; the text says why and quotes nothing that came back."""

    def __init__(self, why: str, status: int | None = None) -> None:
        """Say why, and which status the platform answered."""
        super().__init__(why)
        self.status = status


@dataclass(frozen=True, slots=True)
class Asking:
    """Asks one API in our name."""

    wire: HttpWire
    watch: PhaseWatch
    bearer: Secret
    ca_file: str | None = None

    async def get(self, url: str, accept: str = "application/json") -> Mapping[str, Any]:
        """The JSON object at `url`; raises Unread."""
        headers = {"Accept": accept, "Authorization": f"Bearer {self.bearer.reveal()}"}
        call = Outgoing(method="GET", url=url, headers=headers, ca_file=self.ca_file, token=self.bearer)
        return await fetched(self.wire, call, self.watch)


async def fetched(wire: HttpWire, call: Outgoing, watch: PhaseWatch) -> Mapping[str, Any]:
    """The JSON object that answers `call`; raises Unread."""
    exchange = await wire.send(replace(call, stream=False), watch)
    if isinstance(exchange.seen, Trouble):
        raise Unread(exchange.seen.detail)
    if exchange.seen.status != _OK:
        status = exchange.seen.status
        raise Unread(_WHY.get(status, f"the platform answered HTTP {status}"), status)
    return _object(exchange.raw)


def _object(raw: bytes) -> Mapping[str, Any]:
    try:
        document = json.loads(raw)
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        message = "what the platform answered is no JSON object"
        raise Unread(message)  # outside of `except`: what is raised there would hold the answer
    return document


# ── finding one's way in what a stranger wrote ───────────────────────────────────────────────────────────────────────


def mapping(value: Json, *path: str) -> Mapping[str, Any]:
    """The object at `path`; an empty one where there is none."""
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value if isinstance(value, dict) else {}


def objects(value: Json, name: str) -> Sequence[Mapping[str, Any]]:
    """The objects in the list called `name`."""
    listed = value.get(name) if isinstance(value, dict) else None
    return [each for each in listed if isinstance(each, dict)] if isinstance(listed, list) else []


def text(value: Json, name: str) -> str:
    """The text called `name`; empty where there is none."""
    found = value.get(name) if isinstance(value, dict) else None
    return found if isinstance(found, str) else ""


def number(value: Json, name: str) -> int | None:
    """The whole number called `name`."""
    found = value.get(name) if isinstance(value, dict) else None
    return found if isinstance(found, int) and not isinstance(found, bool) else None


def moment(written: str) -> datetime | None:
    """A time as platforms write it (RFC 3339); None for anything else."""
    try:
        read = datetime.fromisoformat(written)
    except ValueError:
        return None
    return read if read.tzinfo else None
