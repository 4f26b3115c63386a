"""`python -m tests.safety.loud COMMAND …`: prober as it is, with every logger at DEBUG, its libraries' too."""

import logging
from collections.abc import Callable

from prober.publish import log

_configure = log.configure


def _aloud(redact: Callable[[str], str], *, human: bool = False, level: str = "INFO") -> None:
    _configure(redact, human=human, level="DEBUG" if level else level)
    for name in (*log._QUIET, "httpcore", "aiosqlite"):
        logging.getLogger(name).setLevel(logging.DEBUG)


def speak_up() -> None:
    """From now on, whoever configures the log gets all of it."""
    log.configure = _aloud


if __name__ == "__main__":
    speak_up()

    from prober.cli import main

    main()
