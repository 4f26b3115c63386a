"""`python -m tests.matrix.hindered serve …`: prober as it is, but that the matrix may hinder it from within.

All of `tests.reliability.hasty`; and names are answered as the file NAMES says, while the file BREAK names what of ours
is to break: `probe` (the probe for HTTP) or `scheduler` (the wake-up of APScheduler, once).
"""

import json
import os
import signal
import socket
import time
from pathlib import Path
from typing import Any

from tests.reliability.hasty import STALL_SECONDS


def _hurry() -> None:
    from prober.config import checks  # noqa: PLC0415 - only the process that is hindered has a prober

    checks.SHORTEST_INTERVAL_SECONDS = 0
    signal.signal(signal.SIGUSR1, lambda *_: time.sleep(STALL_SECONDS))


def _answer_for_names(file: Path) -> None:
    """In place of the C library's resolver, for names that the file knows; all above it is as it is."""
    ask = socket.getaddrinfo

    def answer(host: Any, port: Any, *more: Any, **named: Any) -> Any:
        told = json.loads(file.read_text(encoding="utf-8")).get(host)
        if told is None:
            return ask(host, port, *more, **named)
        time.sleep(told.get("seconds", 0))
        if error := told.get("error"):
            raise socket.gaierror(getattr(socket, error), "Name or service not known")
        return [found for address in told["addresses"] for found in ask(address, port, *more, **named)]

    socket.getaddrinfo = answer


def _break(file: Path) -> None:
    from apscheduler.schedulers.base import BaseScheduler  # noqa: PLC0415 - as above

    from prober.gather import look  # noqa: PLC0415 - as above
    from prober.model.chain import HttpStep  # noqa: PLC0415 - as above

    sound, process = look.PROBES[HttpStep], BaseScheduler._process_jobs

    def is_to_break(what: str) -> bool:
        return file.exists() and file.read_text(encoding="utf-8") == what

    async def probe(step: Any, kit: Any) -> Any:
        if is_to_break("probe"):
            message = "a bug in a probe"
            raise ZeroDivisionError(message)
        return await sound(step, kit)

    def process_jobs(self: Any) -> Any:
        if is_to_break("scheduler"):
            file.unlink()
            message = "a bug in the scheduler"
            raise ZeroDivisionError(message)
        return process(self)

    look.PROBES[HttpStep] = probe  # type: ignore[index]
    BaseScheduler._process_jobs = process_jobs


if __name__ == "__main__":
    _hurry()
    _answer_for_names(Path(os.environ["NAMES"]))
    _break(Path(os.environ["BREAK"]))

    from prober.cli import main

    main()
