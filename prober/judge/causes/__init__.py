"""One file per root cause, named for what is wrong; its docstring is its manual page, its CAUSE the prediction."""

from importlib import import_module
from pkgutil import iter_modules

from prober.model.diagnosis import Cause


def catalogue() -> tuple[Cause, ...]:
    """Every cause this program knows, by name; a new one is one new file here."""
    return tuple(import_module(f"{__name__}.{name}").CAUSE for name in sorted(m.name for m in iter_modules(__path__)))
