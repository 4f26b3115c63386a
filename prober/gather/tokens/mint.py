"""Mint: what every way of minting is given (Bench), and what it gives back (Minted)."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from prober.gather.clock import Clock, PhaseWatch
from prober.gather.keys import Keys
from prober.gather.token import Token
from prober.gather.wire.http import HttpWire
from prober.model.observation import HttpSeen
from prober.model.trouble import Trouble, TroubleKind, Whose


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """What lies at hand while one token is made; `watch` is that of the step that wants it."""

    http: HttpWire
    keyring: Keys
    clock: Clock
    watch: PhaseWatch
    run_id: str
    step: str = ""  # that wants the token


@dataclass(frozen=True, slots=True)
class Minted:
    """A token; or the answer of a route that gave none; or what kept us. All None: no token was wanted.

    When a route made the token, `answer` is there beside it.
    """

    token: Token | None = None
    answer: HttpSeen | None = None
    trouble: Trouble | None = None

    @property
    def missing(self) -> Trouble | None:
        """Why a step that wanted this token has nothing to send; None when it may go on.

        Trouble of ours stays what it is. Whatever a target did to keep the token from us is the mint step's finding:
        for the step that wanted the token it is NO_TOKEN, and no bytes were sent.
        """
        if self.trouble is not None:
            return self.trouble if self.trouble.whose is Whose.PROBER else _no_token(self.trouble.detail)
        if self.token is None and self.answer is not None:
            return _no_token(f"it answered HTTP {self.answer.status} without one")
        return None


def _no_token(why: str) -> Trouble:
    return Trouble(TroubleKind.NO_TOKEN, Whose.TARGET, f"the issuer gave no token, no bytes were sent: {why}")


#: A mint takes an issuer of its own subtype; the table in `__init__` pairs them.
Mint = Callable[[Any, Bench], Awaitable[Minted]]
