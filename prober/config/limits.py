"""How much a config may hold: what is read and judged within a second, unless the environment allows for more.

A file cannot vouch for itself, so it is whoever starts the program that allows for more: so many times the steps, and
as many times the bytes and the values.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from prober.config.problems import Problem
from prober.model.errors import ConfigError

VARIABLE = "PROBER_MOST_STEPS"

#: Of all chains together.
MOST_STEPS = 2000

LARGEST_BYTES = 1024 * 1024

#: Keys and values of one document: what 6,000 chains need, and as many as are read and judged within a second (R22: of
#: 20,000 made-up documents 17 took up to 1.5 s while it was 50,000).
MOST_VALUES = 40_000

#: What would do for a file that is beyond one of them.
WANTED = f"write less, or several files, or allow for more by {VARIABLE}"

#: What a process has room for, and is at pains to load.
_MOST_EVER = 1_000_000


@dataclass(frozen=True, slots=True)
class Limits:
    """What is refused beyond."""

    steps: int = MOST_STEPS
    size_bytes: int = LARGEST_BYTES
    values: int = MOST_VALUES


USUAL = Limits()


def limits(environ: Mapping[str, str]) -> Limits:
    """What holds here; raises ConfigError where the variable is no number of steps."""
    written = environ.get(VARIABLE, "")
    if not written:
        return USUAL
    steps = int(written) if written.isascii() and written.isdigit() and len(written) <= len(str(_MOST_EVER)) else 0
    if not MOST_STEPS <= steps <= _MOST_EVER:
        wanted = f"write {MOST_STEPS} to {_MOST_EVER}"
        raise ConfigError([Problem(file=VARIABLE, wrong=f"{written!r} is no number of steps", wanted=wanted)])
    times = Fraction(steps, MOST_STEPS)
    return Limits(steps, int(LARGEST_BYTES * times), int(MOST_VALUES * times))
