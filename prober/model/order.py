"""Order: what somebody asks of us over HTTP, who asked, and what has become of it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from prober.model.aims import Aims
from prober.model.chain import Trigger


class Kind(StrEnum):
    """What can be asked for."""

    RUN = "run"
    GATE = "gate"


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A run or a gate, as it is asked for."""

    kind: Kind = Kind.RUN
    chain: str
    trigger: Trigger = Trigger.MANUAL
    revision: str = ""
    checksum: str = (
        ""  # of what was deployed, where the caller has one: it tells a deploy from the next as a revision does
    )
    reason: str = ""
    aims: Aims | None = None  # of a gate

    @property
    def wanted(self) -> "Order":
        """What it comes to, whyever it is asked for: two who want the same are served by one."""
        return replace(self, reason="")

    @property
    def names_deploy(self) -> bool:
        """Whether it can be told from the same order for the next deploy."""
        return bool(self.revision or self.checksum)


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks."""

    caller: str
    key: str = ""  # the caller's own name for this call, so that saying it twice is saying it once


class Outcome(StrEnum):
    """How an order was taken."""

    ACCEPTED = "accepted"
    COALESCED = "coalesced"  # served by what was asked for before


@dataclass(frozen=True, slots=True)
class Taken:
    """An order that is in the books: whatever becomes of us, it comes to an end that can be asked for."""

    id: str
    outcome: Outcome


class OrderState(StrEnum):
    """How far an order is."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    ABORTED = "aborted"  # it came to nothing, and never will


class Aborted(StrEnum):
    """Why an order came to nothing: always our doing."""

    DIED_MID_RUN = "died_mid_run"  # the process ended, and was not started again soon enough
    CHAIN_GONE = "chain_gone"  # the config has it no longer, or another under its name
    BROKE = "broke"  # a bug of ours
    REPORT_LOST = "report_lost"  # it was run, and the store could not keep what it came to
    PAUSED = "paused"  # an operator has stopped what it would send, before it was over
    NOT_ANSWERED = "not_answered"  # the store took it, but too late to say so to the caller


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """An order in the books."""

    id: str
    order: Order
    caller: str
    asked: datetime
    state: OrderState
    why: Aborted | None = None
    age_seconds: float = 0.0  # since it was asked for, by the store's clock
    told: Mapping[str, Any] | None = None  # of a gate that is done, each form it can be told in
