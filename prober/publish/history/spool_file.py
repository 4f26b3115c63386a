"""SpoolFile: a file for what waits that is ours alone, in a folder where several instances may live, and may have died.

Who lives holds a lock beside its file, and the kernel lets go of it when he does not. The files are numbered, and a
start takes the first that nobody holds: so one that is restarted finds its own again.
"""

import fcntl
import re
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import TextIO

import structlog

_log = structlog.get_logger("prober.history")


@dataclass(frozen=True, slots=True)
class SpoolFile:
    """One of the files; nobody else has it until it is closed."""

    path: Path
    lock: TextIO | None  # None: there are no locks in that folder

    def close(self) -> None:
        """Let go of it."""
        if self.lock is not None:
            self.lock.close()


def claimed(base: Path) -> SpoolFile:
    """The first of `base`, `base.2`, `base.3`, … that nobody holds."""
    for number in count(1):
        path = base if number == 1 else base.with_name(f"{base.name}.{number}")
        try:
            return SpoolFile(path, _locked(path))
        except BlockingIOError:
            continue
        except OSError as error:
            _log.warning("history.spool_not_locked", why=error.strerror)
            break
    return SpoolFile(base, None)


@contextmanager
def abandoned(base: Path) -> Iterator[Sequence[Path]]:
    """The files that are there and that nobody holds, as whoever wrote them is dead; held meanwhile."""
    name = re.compile(rf"{re.escape(base.name)}(\.\d+)?")
    with ExitStack() as held:
        yield [path for path in _files_in(base.parent) if name.fullmatch(path.name) and _is_free(path, held)]


def _is_free(path: Path, held: ExitStack) -> bool:
    try:
        held.enter_context(_locked(path))
    except OSError:
        return False
    return True


def _files_in(folder: Path) -> Sequence[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError:
        return ()


def _locked(path: Path) -> TextIO:
    """Raises BlockingIOError where somebody holds it, another OSError where nobody can."""
    lock = path.with_name(f"{path.name}.lock").open("a")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.close()
        raise
    return lock
