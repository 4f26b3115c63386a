"""MemoryOutbox: letters in this process; what is not delivered when it ends is lost."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from prober.model.notice import Letter


@dataclass(slots=True)
class _Entry:
    letter: Letter
    next_try: datetime
    over_at: datetime | None = None


class MemoryOutbox:
    """An outbox of dicts; one event loop uses it, so nothing here locks."""

    def __init__(self) -> None:
        """Start empty."""
        self._entries: dict[str, _Entry] = {}  # in the order they were posted

    def __contains__(self, key: str) -> bool:
        """Whether a letter is here, also one that is over."""
        return key in self._entries

    async def put(self, letter: Letter) -> bool:
        """Post a letter; False when it is already there, or was and is over."""
        if letter.key in self._entries:
            return False
        self._entries[letter.key] = _Entry(letter, next_try=letter.posted)
        return True

    async def due(self, now: datetime, until: datetime, limit: int, but_for: Collection[str] = ()) -> Sequence[Letter]:
        """The letters to be tried now, the longest waiting first, none to `but_for`; they are ours until `until`."""
        first: dict[str, _Entry] = {}
        for entry in self._entries.values():
            if entry.over_at is None:
                first.setdefault(entry.letter.thread, entry)
        ready = [entry for entry in first.values() if entry.next_try <= now and entry.letter.to not in but_for]
        claimed = sorted(ready, key=lambda entry: entry.next_try)[:limit]
        for entry in claimed:
            entry.next_try = until
        return [entry.letter for entry in claimed]

    async def over(self, key: str, now: datetime) -> None:
        """A letter was taken, or given up: it is never due again."""
        self._entries[key].over_at = now

    async def failed(self, key: str, next_try: datetime) -> None:
        """A try failed; the letter is due again at `next_try`."""
        entry = self._entries[key]
        entry.letter = replace(entry.letter, tries=entry.letter.tries + 1)
        entry.next_try = next_try

    async def forget(self, before: datetime) -> None:
        """Drop the letters that were over before `before`."""
        self._entries = {
            key: entry for key, entry in self._entries.items() if entry.over_at is None or entry.over_at >= before
        }
