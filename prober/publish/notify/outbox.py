"""Outbox: letters from the moment they are posted until they are over; and how long to wait between two tries.

Rule 1: a letter is posted once, whoever posts it, and however often. Rule 2: `due` claims what it gives; until the
claim runs out nobody else is given it. Rule 3: of one thread, a letter is due only when those before it are over.
"""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Protocol

from prober.model.notice import Letter

#: Waits double from the first to the longest.
FIRST_WAIT = timedelta(seconds=5)
LONGEST_WAIT = timedelta(minutes=5)

#: After so long of trying in vain nobody wants to know any more.
GIVE_UP_AFTER = timedelta(days=3)

#: For so long it is remembered that a letter is over, so that it is not posted once more.
REMEMBERED = timedelta(days=30)


class Outbox(Protocol):
    """Where letters wait."""

    async def put(self, letter: Letter) -> bool:
        """Post a letter; False when it is already there, or was and is over."""
        ...

    async def due(self, now: datetime, until: datetime, limit: int, but_for: Collection[str] = ()) -> Sequence[Letter]:
        """The letters to be tried now, the longest waiting first, none to `but_for`; they are ours until `until`."""
        ...

    async def over(self, key: str, now: datetime) -> None:
        """A letter was taken, or given up: it is never due again."""
        ...

    async def failed(self, key: str, next_try: datetime) -> None:
        """A try failed; the letter is due again at `next_try`."""
        ...

    async def forget(self, before: datetime) -> None:
        """Drop the letters that were over before `before`."""
        ...


def wait_after(tries: int) -> timedelta:
    """How long to wait after the try number `tries`, counted from one."""
    doublings = min(max(tries, 1) - 1, 16)  # 2 ** 16 is far above the longest wait already
    return min(FIRST_WAIT * (1 << doublings), LONGEST_WAIT)


def is_hopeless(letter: Letter, now: datetime) -> bool:
    """Whether a letter that was just tried in vain has been tried for long enough."""
    return now - letter.posted >= GIVE_UP_AFTER
