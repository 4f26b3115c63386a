"""Idle: lines that nobody uses at the moment, a few for each way, for a while, and only while the peer is silent."""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from prober.gather.wire.line import Line

#: For each way; more at once are connections of their own.
MOST_IDLE = 8

#: Shorter than the patience of balancers and translators of addresses, which may forget a line and say nothing.
IDLE_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Way:
    """Where a line leads; only a request that would go there too may have it."""

    place: str  # host and port, as the switch knows them
    address: str
    port: int
    proven: str  # the name that the peer proved to have by TLS; empty in the clear


class Idle:
    """The lines at rest."""

    def __init__(self) -> None:
        """There are none."""
        self._lines: dict[Way, deque[tuple[Line, asyncio.TimerHandle]]] = {}

    def take(self, way: Way) -> Line | None:
        """The one that was used last, if its peer has said nothing since, not even that it hangs up."""
        while lines := self._lines.get(way):
            line, end = lines.pop()
            end.cancel()
            if _is_silent(line):
                return line
            line.close()
        self._lines.pop(way, None)
        return None

    def put(self, way: Way, line: Line) -> None:
        """Let `line` rest, in place of the one that rested longest where there are too many."""
        if not _is_silent(line):
            line.close()
            return
        lines = self._lines.setdefault(way, deque())
        if len(lines) >= MOST_IDLE:
            self._close(*lines.popleft())
        lines.append((line, asyncio.get_running_loop().call_later(IDLE_SECONDS, self._end_first, way)))

    def close(self, is_meant: Callable[[str], bool] = lambda _place: True) -> None:
        """Hang up wherever that is meant, by place."""
        for way in [way for way in self._lines if is_meant(way.place)]:
            for line, end in self._lines.pop(way):
                self._close(line, end)

    def _end_first(self, way: Way) -> None:
        """The oldest is at its end: all rest for the same time."""
        lines = self._lines[way]
        self._close(*lines.popleft())
        if not lines:
            del self._lines[way]

    @staticmethod
    def _close(line: Line, end: asyncio.TimerHandle) -> None:
        end.cancel()
        line.close()


def _is_silent(line: Line) -> bool:
    try:
        return line.glance() is None
    except OSError:
        return False
