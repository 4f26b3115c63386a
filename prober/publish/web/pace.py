"""Pace: how often each caller may ask; a flood from one holds up no other."""

import math
from collections.abc import Callable

from pyrate_limiter import GCRA, Rate
from pyrate_limiter.abstracts import State

from prober.model.caller import Admission
from prober.publish.web.problems import Problem

_MINUTE_MS = 60_000

#: A few numbers a caller, whatever it sends.
_ALGORITHM = GCRA()


class Pace:
    """Lets each caller ask so often in a minute, and a few times at once after a time of silence."""

    def __init__(self, seconds: Callable[[], float]) -> None:
        """Go by a stopwatch: a wall clock that is set back would lock everybody out."""
        self._seconds = seconds
        self._states: dict[tuple[str, int, int], State] = {}

    def check(self, caller: str, admission: Admission) -> None:
        """Return when `caller` may ask now; raise the Problem to answer with when not."""
        if wait_ms := self._wait_ms(caller, admission):
            often = f"{admission.per_minute} times a minute, {admission.burst} at once"
            raise Problem(
                429,
                f"you may ask {often}; wait as long as Retry-After says",
                headers={"Retry-After": str(math.ceil(wait_ms / 1000))},
            )

    def _wait_ms(self, caller: str, admission: Admission) -> int:
        """How long until `caller` may ask; 0: now, and it is counted."""
        key = (caller, admission.per_minute, admission.burst)  # a reload that changes the pace begins it anew
        rates = [Rate(admission.per_minute, _MINUTE_MS, burst=admission.burst)]
        known = self._states.get(key) or _ALGORITHM.initial(rates)
        self._states[key], decision = _ALGORITHM.step(rates, known, int(self._seconds() * 1000), 1)
        return decision.retry_after_ms or 0
