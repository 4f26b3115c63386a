"""A real webhook on a real socket, as good or as bad as a test wants; and notices, letters and clocks for the tests."""

import asyncio
import contextlib
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from prober.model.alarm import Severity
from prober.model.diagnosis import Confidence
from prober.model.notice import Kind, Letter, Notice, Receiver, Suspect
from prober.model.secret import Secret
from tests.gather.peers import raw_peer

NOON = datetime(2026, 9, 8, 12, 0, tzinfo=UTC)

DRIFT = Suspect(
    name="jwt_secret_drift",
    title="auth and backend hold different signing keys",
    confidence=Confidence.HIGH,
    remedy=("Make JWT_SECRET the same in both.", "Restart the backend."),
)


def notice(**more):
    """The page of one episode."""
    given = {
        "environment": "staging",
        "chain": "validation",
        "alert": "success_ratio_low",
        "severity": Severity.PAGE,
        "episode": "e1",
        "kind": Kind.FIRING,
        "since": NOON,
        "suspects": (DRIFT,),
    }
    return Notice(**{**given, **more})


def letter(to="ops", posted=NOON, **more):
    """A notice on its way to somebody."""
    return Letter(to=to, notice=notice(**more), posted=posted)


class Clock:
    """A clock that a test turns."""

    def __init__(self):
        """Noon."""
        self.at = NOON

    def __call__(self):
        """What it says."""
        return self.at

    def turn(self, **by):
        """Time goes by."""
        self.at += timedelta(**by)


@dataclass
class Webhook:
    """What was sent to it; and what it answers, in turn, the last answer for good."""

    statuses: list = field(default_factory=lambda: [200])
    got: list = field(default_factory=list)
    heads: list = field(default_factory=list)
    headers: tuple = ()
    hold: bool = False  # take the request and never answer
    drip: bool = False  # answer a byte now and then, for good
    flood: bool = False  # answer without end
    port: int = 0
    arrived: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def url(self):
        """Its address, as apprise writes it."""
        return f"json://127.0.0.1:{self.port}/hook"

    async def __call__(self, reader, writer):
        """Take one request and answer as told."""
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(int(line[15:]) for line in head.decode().lower().split("\r\n") if "content-length:" in line)
        self.got.append(json.loads(await reader.readexactly(length)))
        self.heads.append(head.decode())
        self.arrived.set()
        if self.hold:
            await asyncio.sleep(3600)
        status = self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]
        ends = [] if self.drip or self.flood else ["Content-Length: 0"]
        writer.write("\r\n".join([f"HTTP/1.1 {status} X", *ends, *self.headers, "", ""]).encode())
        while self.drip or self.flood:
            writer.write(b"x" * (1 if self.drip else 1 << 20))
            await writer.drain()
            await asyncio.sleep(0.05 if self.drip else 0)

    @property
    def episodes(self):
        """The last line of each text it got."""
        return [each["message"].splitlines()[-1] for each in self.got]


@contextlib.asynccontextmanager
async def webhook(**how):
    """A webhook that listens."""
    hook = Webhook(**how)
    async with raw_peer(hook) as hook.port:
        yield hook


class Book:
    """Who is told, and where they are; a test may change it."""

    def __init__(self, **urls):
        """Receivers by name, with their addresses."""
        self.urls = urls

    def receivers(self):
        """Everybody."""
        return {name: Receiver(name=name, url=f"env:{name.upper()}") for name in self.urls}

    def url(self, receiver):
        """An address."""
        return Secret(receiver.secret, self.urls[receiver.name])
