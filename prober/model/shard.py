"""Shard: one of n instances that share the chains of a config and have no store in common."""

import re
from dataclasses import dataclass
from typing import Self

#: Which shard a chain falls to is reckoned for each of them: 10,000 chains and 100 shards take a second of a start.
MOST = 1000

_WRITTEN = re.compile(r"([0-9]{1,4})/([0-9]{1,4})")


@dataclass(frozen=True, slots=True)
class Shard:
    """Number `number` of `of`, the first of which is 1."""

    number: int
    of: int

    @classmethod
    def read(cls, text: str) -> Self:
        """What is written `2/3`; raises ValueError, which says what would do."""
        found = _WRITTEN.fullmatch(text)
        number, of = map(int, found.groups()) if found else (0, 0)
        if not 1 <= number <= of <= MOST:
            wrong = f"{text!r} is no shard; write I/N with 1 ≤ I ≤ N ≤ {MOST}, e.g. 2/3 for the second of three"
            raise ValueError(wrong)
        return cls(number, of)

    def __str__(self) -> str:
        return f"{self.number}/{self.of}"
