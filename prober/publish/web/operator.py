"""Operator: the program as the HTTP endpoint sees it, which is all that a caller can make it do."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from prober.model.caller import Bearer
from prober.model.chain import Plan
from prober.model.gate import Progress
from prober.model.order import Asker, Intent, Order, Taken
from prober.model.pause import Pause, Pulled
from prober.model.trend import Recall
from prober.publish.document import Document


class Operator(Protocol):
    """Whoever runs chains."""

    @property
    def plan(self) -> Plan:
        """What is configured now."""
        ...

    @property
    def ready(self) -> bool:
        """Whether the config is loaded, the schedule is ticking, and the self-test does not fail."""
        ...

    def bearers(self) -> Sequence[Bearer]:
        """Who may ask something, each with its token, as of now."""
        ...

    async def ask(self, order: Order, asker: Asker) -> Taken:
        """Take an order into the books, or serve it by an equal one that is going.

        Raises:
            NothingMatched: no such chain.
            ChainPaused: an operator has stopped what it would send.
            StoreUnavailable: it could not be written down, and will not be done.
            TooMuchAsked: as many wait as may.
            KeyReused: the asker's key stands for another order.
        """
        ...

    async def intent(self, intent_id: str) -> Intent | None:
        """What has become of an order; None for one that nobody asked for. Raises StoreUnavailable."""
        ...

    async def gates(self, limit: int) -> Sequence[Intent]:
        """The newest gates, those that are going first. Raises StoreUnavailable."""
        ...

    def last_heard(self, chain: str) -> Recall | None:
        """The last run of `chain` that other instances took, or we before a restart; None: none is known."""
        ...

    async def wait(self, run_id: str, timeout_seconds: float) -> Document | None:
        """The report of a run once it ends; None when it does not in time. Raises StoreUnavailable."""
        ...

    async def probe(self, chain: str, timeout_seconds: float, *, anew: bool) -> Document | None:
        """What a run of `chain` came to, as far as it came in this time; None where nothing can be said yet.

        A run is shared by those who ask at the same time or soon after; `anew`: one that is over will not do.

        Raises:
            NothingMatched: no such chain.
            ChainPaused: an operator has stopped what it would send.
            RunBroke: nothing can be said, and waiting longer would not help.
        """
        ...

    async def followed(self, intent_id: str, timeout_seconds: float) -> Intent | None:
        """What has become of an order once it ends, or else by the end of the time. Raises StoreUnavailable."""
        ...

    def progress(self, gate_id: str) -> Progress | None:
        """How far a gate is that is held here."""
        ...

    def next_turn(self, chain: str) -> datetime | None:
        """When the schedule looks at `chain` next; None while it does not tick."""
        ...

    def is_running(self, run_id: str) -> bool:
        """Whether a run is still going."""
        ...

    async def pause(self, service: str, *, reason: str, by: str, seconds: float | None) -> Pulled:
        """Stop all that is sent to a service, now; raises NothingMatched."""
        ...

    async def resume(self, service: str, *, by: str) -> Pause | None:
        """Send to it again; the pause that was lifted, None where none was.

        Raises:
            NothingMatched: no such service.
            StoreUnavailable: it is still in force.
        """
        ...

    async def reload(self) -> None:
        """Take up the config file as it is now; raises ConfigError, and then nothing has changed."""
        ...
