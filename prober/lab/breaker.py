"""A circuit breaker: after some failures in a row, do not even try for a while."""

import time


class Breaker:
    """Closed, open, or half open again when the recovery time has passed."""

    def __init__(self, failures: int, recovery_seconds: float, *, is_open: bool = False) -> None:
        """Open after so many failures in a row, for so long."""
        self._most = failures
        self._recovery_seconds = recovery_seconds
        self._failures = failures if is_open else 0
        self._until = time.monotonic() + recovery_seconds if is_open else 0.0

    @property
    def is_open(self) -> bool:
        """Whether a call would be refused without being made."""
        return time.monotonic() < self._until

    def succeeded(self) -> None:
        """A call got an answer."""
        self._failures = 0

    def failed(self) -> None:
        """A call got none."""
        self._failures += 1
        if self._failures >= self._most:
            self._until = time.monotonic() + self._recovery_seconds

    def state(self) -> dict[str, str | int | float]:
        """What the status route tells."""
        tripped = self._failures >= self._most
        left = max(0.0, self._until - time.monotonic())
        return {
            "state": "open" if left else "half_open" if tripped else "closed",
            "failure_count": self._failures,
            "retry_after_seconds": round(left, 3),
        }
