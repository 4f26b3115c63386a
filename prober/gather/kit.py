"""Kit: everything a probe may use to look at the world, handed to it for one step."""

from dataclasses import dataclass, field

from prober.gather.clock import Clock, PhaseWatch
from prober.gather.keys import Keys
from prober.gather.platforms.credentials import Credentials
from prober.gather.stalls import Stalls, Unwatched
from prober.gather.switch import Switch
from prober.gather.tokens import Mints
from prober.gather.wire.http import HttpWire
from prober.gather.wire.websocket import WebSocketWire
from prober.model.observation import Seen
from prober.model.reach import NOT_BEYOND, Reach
from prober.model.token import TokenTraits
from prober.model.trouble import Trouble


@dataclass(frozen=True, slots=True, kw_only=True)
class Kit:
    """The tools of one step; `watch` is fresh for each look, the rest is shared."""

    http: HttpWire
    sockets: WebSocketWire
    mints: Mints
    keyring: Keys
    credentials: Credentials
    clock: Clock
    watch: PhaseWatch
    run_id: str
    stalls: Stalls = field(default_factory=Unwatched)
    reach: Reach = NOT_BEYOND
    switch: Switch = field(default_factory=Switch)
    apart_seconds: float | None = None  # the wall clock of the stopwatch, when the run began; None: nobody noted it


@dataclass(frozen=True, slots=True)
class Glance:
    """What a probe brings back: what it saw, and the shape of the token it sent."""

    seen: Seen | Trouble
    token: TokenTraits | None = None
