"""What this process keeps to itself: its memory, and whatever it would say of itself past the log."""

import ctypes
import logging
import os
import resource
import signal
import sys
import threading
from collections.abc import Mapping
from types import FrameType

import structlog

_log = structlog.get_logger("prober.process")

#: prctl(2): whether a core file may be made of this process, and whether others of its user may look into it.
_PR_SET_DUMPABLE = 4

#: Who sets it wants to look into the process with a debugger; who can set it could read the secrets anyway.
DEBUGGABLE = "PROBER_DEBUGGABLE"

#: The first process of a container, to which the kernel passes only signals that it has asked for.
_FIRST = 1

_SIGNALLED = 128  # and the signal's number: as a shell says it


def keep_memory(environ: Mapping[str, str]) -> None:
    """No core file, and nobody of the same user reads our memory or environment: both hold secrets."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux" and not environ.get(DEBUGGABLE):
        refused = ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
        if refused:
            _log.warning("process.memory_not_kept", why=os.strerror(ctypes.get_errno()))


def hear_endings(pid: int) -> None:
    """Let SIGTERM end us from the start where `pid`, ours, is 1: else it is lost until a command asks for it."""
    if pid == _FIRST:
        signal.signal(signal.SIGTERM, _end)


def _end(number: int, _where: FrameType | None) -> None:
    sys.exit(_SIGNALLED + number)


def log_what_nobody_caught() -> None:
    """Warnings, and what breaks in a thread or a finalizer, go the way of the log: bare, they may quote a secret."""
    logging.captureWarnings(capture=True)
    threading.excepthook = _in_a_thread
    sys.unraisablehook = _in_a_finalizer


def _in_a_thread(what: threading.ExceptHookArgs) -> None:
    if what.exc_value is not None and what.exc_type is not SystemExit:
        _log.error("process.thread_broke", exc_info=what.exc_value)


def _in_a_finalizer(what: "sys.UnraisableHookArgs") -> None:
    if what.exc_value is not None:
        _log.error("process.finalizer_broke", exc_info=what.exc_value)
