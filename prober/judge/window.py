"""Counts and confidence bounds over the last minutes: the success ratio of a chain or step, and how sure it is."""

from array import array
from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from math import sqrt

from prober.model.trend import Window

#: The windows of `prober_success_ratio`, in seconds.
WINDOWS: Mapping[str, float] = {"5m": 300.0, "15m": 900.0, "1h": 3600.0, "6h": 21600.0}

#: A window is kept as this many buckets: its edge is sharp to 1/60 of its length, its memory the same at any rate.
_BUCKETS = 60

#: What a bucket counts fits a byte, unless a chain turns every second or a clock stands still; a chain of six steps has
#: 28 rings, and there may be 10,000 chains.
_SMALL, _LARGE, _MOST = "B", "I", 255

#: Two-sided 95 %: Φ⁻¹(0.975).
_Z = 1.959964


def wilson(successes: int, samples: int, z: float = _Z) -> tuple[float, float]:
    """The Wilson score interval of a ratio; (0, 1) without samples. Source: Wilson, JASA 22 (1927) 209."""
    if not samples:
        return 0.0, 1.0
    ratio, z2 = successes / samples, z * z
    centre = (ratio + z2 / (2 * samples)) / (1 + z2 / samples)
    reach = z / (1 + z2 / samples) * sqrt(ratio * (1 - ratio) / samples + z2 / (4 * samples * samples))
    return max(0.0, centre - reach), min(1.0, centre + reach)


@lru_cache(512)  # the steps of a chain that is well have the same counts
def window(name: str, samples: int, successes: int) -> Window:
    """A Window with its bounds computed."""
    lower, upper = wilson(successes, samples)
    return Window(name=name, seconds=WINDOWS[name], samples=samples, successes=successes, lower=lower, upper=upper)


def including(windows: tuple[Window, ...], *, success: bool | None) -> tuple[Window, ...]:
    """The windows with one more sample; None (blind, skipped, or not scheduled) adds nothing."""
    base = windows or tuple(window(name, 0, 0) for name in WINDOWS)
    if success is None:
        return base
    return tuple(window(each.name, each.samples + 1, each.successes + success) for each in base)


class _Ring:
    """One window's buckets, all there from the start; forgets as time goes on."""

    __slots__ = ("_counts", "_newest", "_sums", "_width")

    def __init__(self, seconds: float) -> None:
        self._width = seconds / _BUCKETS
        self._newest = 0  # counted from the epoch; its place in the ring is the rest modulo _BUCKETS
        self._counts = array(_SMALL, bytes(2 * _BUCKETS))  # samples, and in the other half successes
        self._sums = 0, 0  # of all buckets

    def add(self, at: float, *, success: bool) -> None:
        self._turn_to(at)
        self._count(self._newest, success=success)

    def add_late(self, at: float, *, success: bool) -> None:
        place = int(at // self._width)
        if place > self._newest:
            self._turn_to(at)
        if place > self._newest - _BUCKETS:
            self._count(place, success=success)

    def _count(self, place: int, *, success: bool) -> None:
        place %= _BUCKETS
        if self._counts[place] == _MOST and self._counts.typecode == _SMALL:
            self._counts = array(_LARGE, self._counts)
        self._counts[place] += 1
        self._counts[place + _BUCKETS] += success
        self._sums = self._sums[0] + 1, self._sums[1] + success

    def counts(self, at: float) -> tuple[int, int]:
        self._turn_to(at)
        return self._sums

    def _turn_to(self, at: float) -> None:
        """Empty the buckets whose time comes round again; a clock that stepped back stays in the newest one."""
        now = int(at // self._width)
        if now <= self._newest:
            return
        if self._sums[0]:
            for index in range(max(self._newest, now - _BUCKETS) + 1, now + 1):
                self._empty(index % _BUCKETS)
        self._newest = now

    def _empty(self, place: int) -> None:
        if samples := self._counts[place]:  # few are: a chain turns more rarely than the shortest bucket passes
            self._sums = self._sums[0] - samples, self._sums[1] - self._counts[place + _BUCKETS]
            self._counts[place] = self._counts[place + _BUCKETS] = 0


class Tally:
    """Counts successes of one chain or step over every window at once, in constant memory."""

    __slots__ = ("_rings",)

    def __init__(self) -> None:
        self._rings = {name: _Ring(seconds) for name, seconds in WINDOWS.items()}

    def add(self, at: datetime, *, success: bool) -> None:
        """Count one sample taken `at`."""
        seconds = at.timestamp()
        for ring in self._rings.values():
            ring.add(seconds, success=success)

    def add_late(self, at: datetime, *, success: bool) -> None:
        """Count one sample taken `at`, that is only heard of now."""
        for ring in self._rings.values():
            ring.add_late(at.timestamp(), success=success)

    def windows(self, at: datetime) -> tuple[Window, ...]:
        """Every window ending `at`, shortest first."""
        seconds = at.timestamp()
        return tuple(window(name, *ring.counts(seconds)) for name, ring in self._rings.items())
