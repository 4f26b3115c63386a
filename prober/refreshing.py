"""Refreshing: our copies of secrets are fetched anew from time to time; what changed is told once, not each time."""

import asyncio
from collections.abc import Callable
from typing import NoReturn

import structlog

from prober.gather.secrets import Keyring
from prober.model.copies import Copy, Fetch, Fetched

_log = structlog.get_logger("prober.refreshing")


class Refreshing:
    """Asks the sources every so often, and logs what is otherwise than it was."""

    def __init__(self, ring: Callable[[], Keyring], every_seconds: Callable[[], float]) -> None:
        """Refresh what `ring` gives, which a reload replaces, `every_seconds` anew each time."""
        self._ring, self._every_seconds = ring, every_seconds
        self._before: dict[str, Fetch] = {}

    async def run(self) -> NoReturn:
        """For as long as we live; what holds at the start was fetched by who began."""
        while True:
            await asyncio.sleep(self._every_seconds())
            await self._ring().refresh()

    def heard(self, fetch: Fetch) -> None:
        """A source was asked."""
        before = self._before.get(fetch.copy.name)
        self._before[fetch.copy.name] = fetch
        _tell_rotation(fetch)
        _tell_source(fetch, before)
        if fetch.copy.is_behind and not (before and _pinned(before.copy) == _pinned(fetch.copy)):
            copy = fetch.copy
            _log.warning("secrets.pinned_behind", secret=copy.name, version=copy.version, latest=copy.latest)


def _pinned(copy: Copy) -> tuple[str, str]:
    return copy.version, copy.latest


def _tell_rotation(fetch: Fetch) -> None:
    if fetch.is_rotated:
        copy = fetch.copy
        _log.info("secrets.rotated", secret=copy.name, version=copy.version, before=list(copy.previous))


def _tell_source(fetch: Fetch, before: Fetch | None) -> None:
    """Where we hold a value; one that we never had is told of at the start, and by every step that wants it."""
    was = before.outcome if before else Fetched.FETCHED
    if fetch.outcome is was or fetch.copy.fetched is None:
        return
    if fetch.outcome is Fetched.FETCHED:
        _log.info("secrets.fetched_again", secret=fetch.copy.name, version=fetch.copy.version)
        return
    since = fetch.copy.fetched.isoformat(timespec="seconds")
    _log.warning("secrets.not_fetched", secret=fetch.copy.name, why=fetch.why, keeps=fetch.copy.version, since=since)
