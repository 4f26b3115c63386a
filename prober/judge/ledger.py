"""Which turns were due: slots counted from the clock, so that a turn nobody took is seen as missed.

A chain's slots lie on a grid: its interval, shifted by a phase that follows from its name, so that chains spread
evenly without knowing of each other and a restart does not move them.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import blake2b
from math import floor

from prober.model.chain import Chain
from prober.model.slot import Grid, Missed, Slot


def phase(chain: str, interval_seconds: float) -> float:
    """Where in its interval a chain turns, in seconds: uniform over names, the same after every restart."""
    digest = blake2b(chain.encode(), digest_size=8).digest()
    return int.from_bytes(digest) / 2**64 * interval_seconds


def grid_of(chain: Chain, location: str) -> Grid:
    """The grid that `chain` turns on, as seen from `location`."""
    return grid_at(chain.name, location, chain.interval_seconds)


def grid_at(chain: str, location: str, interval_seconds: float) -> Grid:
    """The same, by name and interval."""
    return Grid(chain, location, interval_seconds, phase(chain, interval_seconds))


#: A clock may be read this much before the tick it made; more is the slot before.
_EARLY_SECONDS = 0.01


def slot_at(grid: Grid, at: datetime) -> Slot:
    """The last slot that was due at `at`; a tick a hair early still takes its own, however late it takes that."""
    since = at.timestamp() + _EARLY_SECONDS - grid.phase_seconds
    return Slot(grid, floor(since / grid.interval_seconds))


# ── a time that slots can be counted by ──────────────────────────────────────────────────────────────────────────────

#: A wall clock and a stopwatch that drift apart by more between two looks have not drifted: the clock was set.
STEP_SECONDS = 1.0

#: Time that has run ahead of the wall clock gives back this much of what passes: a drift goes, a step back is kept.
_GIVEN_BACK = 0.001


@dataclass(frozen=True, slots=True)
class Instant:
    """What time it is for slots, and the stopwatch when that was so."""

    at: datetime
    stopwatch_seconds: float
    jumped: bool = False  # the wall clock was set ahead since the instant before


def advance(before: Instant, wall: datetime, stopwatch_seconds: float) -> Instant:
    """The next instant: with the wall clock, but never back, or slots that were taken would come round again.

    Where the wall clock was set back, time goes on by the stopwatch.
    """
    elapsed = max(0.0, stopwatch_seconds - before.stopwatch_seconds)
    expected = before.at + timedelta(seconds=elapsed)
    ahead = expected > wall
    own = expected - timedelta(seconds=elapsed * _GIVEN_BACK) if ahead else expected
    jumped = (wall - expected).total_seconds() > STEP_SECONDS
    return Instant(max(wall, own), stopwatch_seconds, jumped)


def ahead(before_seconds: float | None, there: datetime, asked_seconds: float, answered_seconds: float) -> float:
    """How far a clock elsewhere is ahead of our stopwatch, from one reading of it between asking and its answer.

    What was held before stands as long as it can be true, so that slow answers move no time; a drift is followed.
    """
    least, most = there.timestamp() - answered_seconds, there.timestamp() - asked_seconds
    return (least + most) / 2 if before_seconds is None else min(max(before_seconds, least), most)


def why_passed_over(*, jumped: bool, first: bool) -> Missed:
    """Why the slots since the last one in the books were taken by nobody; `first`: we have only just begun."""
    if first:
        return Missed.PROCESS_DOWN
    return Missed.CLOCK_STEP if jumped else Missed.STALLED
