"""All goals in one run, each beside its peer: `python -m tests.benchmarks [--short] [--write]`.

Subjects take turns on the same machine over loopback, each in a process of its own, and what is compared is CPU time: a
figure alone says something of the machine, a ratio of the program. `--write` puts what was found into
docs/performance.md. It takes twenty minutes; `--short` ten, with fewer turns and no more than 1,000 chains.
"""

import argparse
import asyncio
import inspect
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, is_dataclass
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any

from tests.benchmarks import page

_ROUNDS = 3


@dataclass(frozen=True, slots=True)
class Size:
    """How much is measured."""

    turns: int
    probes: int
    chains: tuple[int, ...]  # that exist
    served: tuple[int, ...]  # by the clock, every minute
    looks: int
    seconds: float


LONG = Size(turns=1500, probes=3000, chains=(100, 1000, 10_000), served=(100, 1000, 3000), looks=500, seconds=60.0)
SHORT = Size(turns=300, probes=1000, chains=(100, 1000), served=(100, 300), looks=100, seconds=30.0)

#: Who is compared: a benchmark, what it is told, and what the environment says.
SUBJECTS: Mapping[str, tuple[str, str, Mapping[str, str]]] = {
    "blackbox": ("blackbox", "probes", {}),
    "k6": ("k6", "turns", {}),
    "raw": ("raw", "turns", {}),
    "lean": ("turns", "turns", {"PROBER_TRANSPORT": "lean"}),
    "stock": ("turns", "turns", {"PROBER_TRANSPORT": "stock"}),
}

_AT_ONCE = 20

Found = Mapping[str, Any]


# ── in a process of its own ──────────────────────────────────────────────────────────────────────────────────────────


def asked(module: str, *given: object, environment: Mapping[str, str] | None = None) -> Any:
    """What `measure` of a benchmark finds; None where what it needs is not installed."""
    sys.stderr.write(f"{datetime.now(UTC):%H:%M:%S}  {module} {' '.join(map(str, given))} {environment or ''}\n")
    with tempfile.TemporaryDirectory() as folder:
        told = Path(folder) / "told"
        words = (
            sys.executable,
            "-c",
            f"from tests.benchmarks import __main__ as b; b.tell({module!r}, {str(told)!r}, *{given!r})",
        )
        subprocess.run(words, check=True, stdout=sys.stderr, env={**os.environ, **(environment or {})})
        return json.loads(told.read_text(encoding="utf-8"))


def tell(module: str, into: str, *given: object) -> None:
    """Measure, and write down what was found."""
    benchmark = import_module(f"tests.benchmarks.{module}")
    if hasattr(benchmark, "is_installed") and not benchmark.is_installed():
        sys.stderr.write(f"{module} is not installed: it is not compared\n")
        found = None
    else:
        found = benchmark.measure(*given)
        found = asyncio.run(found) if inspect.iscoroutine(found) else found
    Path(into).write_text(json.dumps(found, default=_plain), encoding="utf-8")


def _plain(value: object) -> object:
    """A frozen value with what it can reckon of itself."""
    if not is_dataclass(value) or isinstance(value, type):
        message = f"{value!r} is no figure"
        raise TypeError(message)
    reckoned = [name for name, each in inspect.getmembers(type(value)) if isinstance(each, property)]
    return asdict(value) | {name: getattr(value, name) for name in reckoned}


# ── everything ───────────────────────────────────────────────────────────────────────────────────────────────────────


def costs(size: Size) -> dict[str, float | None]:
    """Microseconds of CPU for a turn, or a probe, of each subject; the median of rounds in which all take turns."""
    found: dict[str, list[float | None]] = {name: [] for name in SUBJECTS}
    for _ in range(_ROUNDS):
        for name, (module, what, environment) in SUBJECTS.items():
            told = asked(module, getattr(size, what), _AT_ONCE, environment=environment)
            found[name].append(told and told["microseconds"])
    return {name: None if None in told else statistics.median(filter(None, told)) for name, told in found.items()}


def everything(size: Size, kept: Found) -> Found:
    """All figures, by the name of the benchmark that found them; those that are kept stay as they are."""
    few, many, most = size.chains[0], size.chains[1], size.chains[-1]
    parts: Mapping[str, Callable[[], object]] = {
        "costs": lambda: costs(size),
        "growth": lambda: {str(n): asked("turns", max(size.turns, n), _AT_ONCE, n) for n in size.chains},
        "latency": lambda: {name: _latency(size, name) for name in ("lean", "stock")},
        "live": lambda: {str(n): asked("live", n, 60, size.seconds) for n in size.served},
        "ticks": lambda: {str(n): asked("ticks", n, size.seconds / 2) for n in (few, most)},
        "scrape": lambda: {str(n): asked("scrape", n) for n in (few, many)},
        "history": lambda: asked("history", size.turns),
        "memory": lambda: {str(n): asked("memory", n) for n in (few, most)},
        "start": lambda: asked("start", _ROUNDS),
        "machine": machine,
    }
    return {name: kept[name] if name in kept else part() for name, part in parts.items()} | {"short": size is SHORT}


def _latency(size: Size, transport: str) -> object:
    return asked("latency", size.looks, environment={"PROBER_TRANSPORT": transport})


def machine() -> Mapping[str, str]:
    """Where it was measured."""
    cpu = next((line.partition(": ")[2] for line in _cpu_lines() if line.startswith("model name")), platform.machine())
    return {
        "cpu": f"{os.cpu_count()} x {cpu.strip()}",
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "load": f"{os.getloadavg()[0]:.1f}",
    }


def _cpu_lines() -> Sequence[str]:
    return Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()


def main(words: Sequence[str] | None = None) -> int:
    """Measure all, print the table of goals; 1 where one is missed."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("--short", action="store_true")
    parser.add_argument("--write", action="store_true", help="put it into docs/performance.md")
    parser.add_argument(
        "--figures", type=Path, help="where all figures are kept; those that are there are not measured"
    )
    wanted = parser.parse_args(words)
    began = time.monotonic()
    found = everything(SHORT if wanted.short else LONG, _kept(wanted.figures))
    if wanted.figures:
        wanted.figures.write_text(json.dumps(found, indent=1), encoding="utf-8")
    goals = [*page.goals(found)]
    sys.stdout.writelines(f"{goal}\n" for goal in goals)
    sys.stderr.write(f"{(time.monotonic() - began) / 60:.0f} min\n")
    if wanted.write:
        page.write(found, goals)
    return int(any(goal.met is False for goal in goals))


def _kept(file: Path | None) -> Found:
    return json.loads(file.read_text(encoding="utf-8")) if file and file.exists() else {}


if __name__ == "__main__":
    sys.exit(main())
