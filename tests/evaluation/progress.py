"""How far a long run is: a line a case on stderr, or one line that changes where somebody watches."""

import time
from typing import TextIO

from tests.evaluation.records import Record


class Progress:
    """Counts cases and guesses how long the rest will take."""

    def __init__(self, total: int, out: TextIO) -> None:
        """`total` cases are to come."""
        self._total, self._out = total, out
        self._done, self._troubled, self._began = 0, 0, time.monotonic()

    def step(self, record: Record) -> None:
        """One more."""
        self._done += 1
        self._troubled += bool(record.trouble)
        passed = time.monotonic() - self._began
        left = passed / self._done * (self._total - self._done)
        line = f"{self._done}/{self._total}  {left / 60:.0f} min left  {record.seconds:5.1f} s  {record.case.id}"
        line += f"  {record.trouble or ', '.join(record.causes) or record.state}"
        self._out.write(f"\r\x1b[K{line[:118]}" if self._out.isatty() else f"{line}\n")
        self._out.flush()

    def end(self) -> None:
        """Leave the line, and say what went wrong."""
        passed = time.monotonic() - self._began
        end = "\n" if self._out.isatty() else ""
        self._out.write(f"{end}{self._done} cases in {passed:.0f} s, {self._troubled} in trouble\n")
