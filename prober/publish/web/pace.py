"""Pace: how often each caller may ask, and a stranger guess; a flood from one holds up no other."""

import math
from collections.abc import Callable
from ipaddress import IPv6Address, ip_address

from pyrate_limiter import GCRA, Rate
from pyrate_limiter.abstracts import State

from prober.model.caller import Admission
from prober.publish.web.problems import Problem

_MINUTE_MS = 60_000

#: A few numbers a caller, whatever it sends, and of so many callers or addresses.
_ALGORITHM = GCRA()
MOST_KNOWN = 1000

#: So often a token may be refused: a pipeline whose token was changed, tried by hand, needs no more.
_GUESSES = Admission(per_minute=20, burst=20)


class Pace:
    """Lets each caller ask so often in a minute, and a few times at once after a time of silence."""

    def __init__(self, seconds: Callable[[], float]) -> None:
        """Go by a stopwatch: a wall clock that is set back would lock everybody out."""
        self._seconds = seconds
        self._states: dict[tuple[str, int, int], State] = {}

    def check(self, caller: str, admission: Admission) -> None:
        """Return when `caller` may ask now; raise the Problem to answer with when not."""
        if seconds := self.wait_seconds(caller, admission):
            often = f"{admission.per_minute} times a minute, {admission.burst} at once"
            said = f"you may ask {often}; wait as long as Retry-After says"
            raise Problem(429, said, headers={"Retry-After": str(seconds)})

    def wait_seconds(self, caller: str, admission: Admission) -> int:
        """How long until `caller` may ask; 0: now, and it is counted."""
        key = (caller, admission.per_minute, admission.burst)  # a reload that changes the pace begins it anew
        rates = [Rate(admission.per_minute, _MINUTE_MS, burst=admission.burst)]
        known = self._states.pop(key, None) or _ALGORITHM.initial(rates)
        self._states[key], decision = _ALGORITHM.step(rates, known, int(self._seconds() * 1000), 1)
        if len(self._states) > MOST_KNOWN:
            del self._states[next(iter(self._states))]  # whoever came last is put last
        return math.ceil((decision.retry_after_ms or 0) / 1000)


class Strangers:
    """How often a token may be refused to one address; whoever shows a right one is not asked."""

    def __init__(self, seconds: Callable[[], float]) -> None:
        """Go by a stopwatch."""
        self._pace = Pace(seconds)

    def refused(self, address: str) -> None:
        """Return where one more refusal is told as that; raise the Problem to answer with where it is a flood."""
        if seconds := self._pace.wait_seconds(_network(address), _GUESSES):
            raise Flood(seconds)


class Flood(Problem):
    """Tokens are tried in turn."""

    def __init__(self, seconds: int) -> None:
        """Answer 429."""
        said = "tokens from this address were refused too often; send a right one, or wait as long as Retry-After says"
        super().__init__(429, said, headers={"Retry-After": str(seconds)})


def _network(address: str) -> str:
    """Whose address it is: of IPv6 a network of 64 bits, which is given to one customer as a whole (RFC 6177 §2)."""
    try:
        parsed = ip_address(address)
    except ValueError:  # a socket without addresses
        return address
    if not isinstance(parsed, IPv6Address):
        return str(parsed)
    return str(parsed.ipv4_mapped or parsed.packed[:8].hex())
