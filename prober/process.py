"""What holds before all else: our memory is kept to ourselves, we hear when we are to end, garbage can wait."""

import ctypes
import gc
import os
import resource
import signal
import sys
from collections.abc import Mapping
from types import FrameType

#: prctl(2): whether a core file may be made of this process, and whether others of its user may look into it.
_PR_SET_DUMPABLE = 4

#: Who sets it wants to look into the process with a debugger; who can set it could read the secrets anyway.
DEBUGGABLE = "PROBER_DEBUGGABLE"

#: The first process of a container, to which the kernel passes only signals that it has asked for.
_FIRST = 1

_SIGNALLED = 128  # and the signal's number: as a shell says it

#: So many more objects than before are made until the next look for garbage. A turn makes some hundreds that live until
#: it ends; the interpreter's own 700 look through them again and again, which was a twentieth of a turn.
_LOOKED_THROUGH = 10_000


def keep_memory(environ: Mapping[str, str]) -> None:
    """No core file, and nobody of the same user reads our memory or environment: both hold secrets."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux" and not environ.get(DEBUGGABLE):
        refused = ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
        if refused:
            _tell_not_kept(os.strerror(ctypes.get_errno()))


def _tell_not_kept(why: str) -> None:
    import structlog  # noqa: PLC0415 - `prober --help` has nothing to log

    structlog.get_logger("prober.process").warning("process.memory_not_kept", why=why)


def leave_garbage() -> None:
    """Until `sweep`: while modules are imported there is next to none, and looking for it was a sixth of a start."""
    gc.disable()


def sweep() -> None:
    """From now on look for garbage now and then, but not in what was made by now, which stays."""
    gc.freeze()
    gc.set_threshold(_LOOKED_THROUGH, *gc.get_threshold()[1:])
    gc.enable()


def hear_endings(pid: int) -> None:
    """Let SIGTERM end us from the start where `pid`, ours, is 1: else it is lost until a command asks for it."""
    if pid == _FIRST:
        signal.signal(signal.SIGTERM, _end)


def _end(number: int, _where: FrameType | None) -> None:
    sys.exit(_SIGNALLED + number)
