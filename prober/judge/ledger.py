"""Which turns were due: slots counted from the clock, so that a turn nobody took is seen as missed.

A chain's slots lie on a grid: its interval, shifted by a phase that follows from its name, so that chains spread
evenly without knowing of each other and a restart does not move them.
"""

from datetime import UTC, datetime
from hashlib import blake2b
from math import floor

from prober.model.slot import Slot


def phase(chain: str, interval_seconds: float) -> float:
    """Where in its interval a chain turns, in seconds: uniform over names, the same after every restart."""
    digest = blake2b(chain.encode(), digest_size=8).digest()
    return int.from_bytes(digest) / 2**64 * interval_seconds


#: A clock may be read this much before the tick it made; more is the slot before.
_EARLY_SECONDS = 0.01


def slot_at(chain: str, interval_seconds: float, at: datetime) -> Slot:
    """The last slot that was due at `at`; a tick a hair early still takes its own, however late it takes that."""
    shift = phase(chain, interval_seconds)
    sequence = floor((at.timestamp() + _EARLY_SECONDS - shift) / interval_seconds)
    return Slot(chain, sequence, datetime.fromtimestamp(sequence * interval_seconds + shift, UTC))


def skipped(last: Slot | None, now: Slot) -> int:
    """How many slots lie between the last one taken and this one: due, and taken by nobody."""
    return 0 if last is None else max(0, now.sequence - last.sequence - 1)
