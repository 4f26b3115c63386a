"""What a service remembers for a while, by token: bounded in time and in number."""

import time
from typing import Generic, TypeVar

T = TypeVar("T")

MOST = 10_000


class Memory(Generic[T]):
    """Values that are forgotten after a fixed time."""

    def __init__(self, seconds: float) -> None:
        """Start empty; remember each value for so many seconds."""
        self._seconds = seconds
        self._kept: dict[str, tuple[float, T]] = {}

    def get(self, key: str) -> T | None:
        """The value put under this key, unless it is too old."""
        until, value = self._kept.get(key, (0.0, None))
        return value if until > time.monotonic() else None

    def put(self, key: str, value: T) -> T:
        """Remember the value and hand it back."""
        if len(self._kept) >= MOST:
            self._kept.pop(next(iter(self._kept)))
        self._kept[key] = (time.monotonic() + self._seconds, value)
        return value

    def clear(self) -> None:
        """Forget everything, as a new process would."""
        self._kept.clear()
