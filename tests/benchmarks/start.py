"""What a start costs: `python -m tests.benchmarks.start --times 5`; ends with 1 where a goal is missed.

Of each command the CPU time, user and system, until it is done, has sent its first probe, or is ready; beside it that
of a bare Python which imports the same modules, and of one which imports only those that are not ours. The least of so
many times counts, since neighbours only ever add to it, and all are taken in turns. Also, of `prober run` and `prober
serve`, how long after `exec` by the clock the first probe arrives, and of the latter its memory once it is ready: the
clock means something on a quiet machine. The store is one that a start before has made.
"""

import argparse
import asyncio
import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from prober.publish.history.engine import in_file
from prober.publish.history.store import SqlStore
from tests.benchmarks.target import KEY_NAME
from tests.benchmarks.turns import KEY, write_config
from tests.benchmarks.vitals import cpu_seconds, rss_bytes

#: Goals: of `--help` in CPU seconds; of CPU in bare imports; to the first probe by the clock; of memory.
HELP_SECONDS, TIMES_THE_IMPORT, FIRST_PROBE_SECONDS, MOST_MIB = 0.15, 1.2, 1.0, 90.0

#: How many chains memory is looked at with; the goal is for the latter.
FEW, MANY = 1, 100

#: Runs the words after it as `prober`, and at its end writes into $TOLD which modules were imported.
_TELLS_MODULES = """
import atexit, json, os, pathlib, sys
atexit.register(lambda: pathlib.Path(os.environ["TOLD"]).write_text(json.dumps(list(sys.modules))))
from prober.cli import main
sys.argv[0] = "prober"
main()
"""

#: Imports the modules that are named on standard input, in their order; some cannot be imported by themselves.
_IMPORTS = """
import sys
for name in sys.stdin.read().split():
    try:
        __import__(name)
    except ImportError:
        pass
"""


@dataclass(frozen=True, slots=True)
class Seen:
    """A process when it had come so far."""

    cpu_seconds: float
    mib: float
    seconds: float  # since it was begun


@dataclass(frozen=True, slots=True)
class Cost:
    """CPU seconds of a command, and of the bare imports beside it."""

    command: str
    cpu_seconds: float
    imports_seconds: float  # of all modules that it has imported
    libraries_seconds: float  # of those that are not ours

    @property
    def ratio(self) -> float:
        """How many times the bare import of what it needs."""
        return self.cpu_seconds / self.imports_seconds

    def __str__(self) -> str:
        return (
            f"{self.command:<10}{self.cpu_seconds:>7.3f} s CPU, {self.ratio:>5.2f} × the import of its modules"
            f" ({self.imports_seconds:.3f} s; of those not ours {self.libraries_seconds:.3f} s)"
        )


@dataclass(frozen=True, slots=True)
class Start:
    """All that was measured."""

    costs: Sequence[Cost]
    first_probe_seconds: Mapping[str, float]  # by command; from exec, by the clock
    ready_mib: Mapping[int, float]  # of `prober serve`, by the number of chains

    def __str__(self) -> str:
        probes = [
            f"{name:<10}{seconds:>7.2f} s to its first probe" for name, seconds in self.first_probe_seconds.items()
        ]
        memory = [f"{'serve':<10}{mib:>7.1f} MiB once ready, {chains} chains" for chains, mib in self.ready_mib.items()]
        return "\n".join([*map(str, self.costs), *probes, *memory])


def measure(times: int = 5) -> Start:
    """Everything, each the least of so many times."""
    with tempfile.TemporaryDirectory() as folder:
        scene = Scene(Path(folder))
        costs = [cost(name, scene, times) for name in COMMANDS]
        probes = {name: min(probed(scene, name).seconds for _ in range(times)) for name in ("run", "serve")}
        memory = {chains: min(ready(scene, chains).mib for _ in range(times)) for chains in (FEW, MANY)}
    return Start(costs, probes, memory)


def complaints(start: Start) -> Sequence[str]:
    """Which goals are missed, and by how much."""
    costs = {each.command: each for each in start.costs}
    found = [
        ("--help, CPU seconds", costs["--help"].cpu_seconds, HELP_SECONDS),
        *((f"{name}, times the bare import", costs[name].ratio, TIMES_THE_IMPORT) for name in ("run", "serve")),
        *(
            (f"{name}, seconds to its first probe", at, FIRST_PROBE_SECONDS)
            for name, at in start.first_probe_seconds.items()
        ),
        (f"serve, MiB with {MANY} chains", start.ready_mib[MANY], MOST_MIB),
    ]
    return [f"missed: {what}: {value:.2f}, the goal is {goal:g}" for what, value, goal in found if value > goal]


def cost(name: str, scene: "Scene", times: int) -> Cost:
    """What one of COMMANDS costs, in turns with the bare imports of what it needs."""
    modules = _modules(name, scene)
    libraries = [module for module in modules if module.partition(".")[0] != "prober"]
    taken = [(COMMANDS[name](scene).cpu_seconds, imported(modules), imported(libraries)) for _ in range(times)]
    return Cost(name, *(min(column) for column in zip(*taken, strict=True)))


# ── what is started ──────────────────────────────────────────────────────────────────────────────────────────────────


class Scene:
    """A folder in which each process finds a place of its own, with a store as a start before has left it."""

    def __init__(self, folder: Path) -> None:
        """Make the store."""
        self._folder, self._places = folder, 0
        self.told: Path | None = None  # where processes are to write down what they have imported
        asyncio.run(_make_store(folder / "made.db"))

    def config(self, chains: int = FEW) -> str:
        """One of so many chains of ten steps, none of which has its turn within the hour; a store lies beside it."""
        self._places += 1
        place = self._folder / str(self._places)
        place.mkdir()
        shutil.copy(self._folder / "made.db", place / "prober.db")
        return str(write_config(place / "probes.yaml", chains, 3600))

    def environ(self, target: str = "http://127.0.0.1:1") -> Mapping[str, str]:
        """What a process needs to look at a target."""
        given = {"PATH": os.environ["PATH"], "TARGET": target, KEY_NAME: KEY}
        return given | ({"TOLD": str(self.told)} if self.told else {})


async def _make_store(path: Path) -> None:
    store = SqlStore(in_file(path), "main")
    await store.open()
    await store.aclose()


@contextlib.contextmanager
def _begun(
    words: Sequence[str], environ: Mapping[str, str]
) -> Iterator[tuple[subprocess.Popen[str], Callable[[], Seen]]]:
    """A process, and what looks at it; interrupted at the end, and waited for."""
    program = ["-c", _TELLS_MODULES] if "TOLD" in environ else ["-m", "prober"]
    command, began = [sys.executable, *program, *words], time.monotonic()
    with subprocess.Popen(
        command, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as process:

        def look() -> Seen:
            seconds = time.monotonic() - began
            return Seen(cpu_seconds(process.pid), rss_bytes(process.pid) / 2**20, seconds)

        try:
            yield process, look
        finally:
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=60)


def done(scene: Scene, *words: str) -> Seen:
    """A command that ends by itself, at its end."""
    with _begun(words, scene.environ()) as (process, look):
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)  # it is there to be looked at until it is reaped
        return look()


def probed(scene: Scene, name: str) -> Seen:
    """A command when its first probe arrives, at a service that does not answer."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(60)
        environ = scene.environ(f"http://127.0.0.1:{listener.getsockname()[1]}")
        with _begun([name, "-c", scene.config(), *_LISTENS.get(name, ())], environ) as (_process, look):
            connection, _address = listener.accept()
            with connection:
                return look()


def ready(scene: Scene, chains: int = FEW) -> Seen:
    """`prober serve` when it says where it listens."""
    with _begun(["serve", "-c", scene.config(chains), *_LISTENS["serve"]], scene.environ()) as (process, look):
        for line in process.stderr or ():
            if line.startswith("listening on "):
                return look()
    message = "it never listened"
    raise RuntimeError(message)


_LISTENS = {"serve": ("--listen", "127.0.0.1:0")}

#: Each command, and how far it has come when it is looked at.
COMMANDS: Mapping[str, Callable[[Scene], Seen]] = {
    "--help": lambda scene: done(scene, "--help"),
    "check": lambda scene: done(scene, "check", "-c", scene.config()),
    "run": lambda scene: probed(scene, "run"),
    "serve": ready,
}


# ── what it is held against ──────────────────────────────────────────────────────────────────────────────────────────


def _modules(name: str, scene: Scene) -> Sequence[str]:
    """What one of COMMANDS has imported by its end, in that order."""
    scene.told = Path(scene.config()).with_name("modules.json")
    try:
        COMMANDS[name](scene)
        modules = json.loads(scene.told.read_text("utf-8"))
    finally:
        scene.told = None
    return [module for module in modules if not module.endswith("__main__")]


def imported(modules: Sequence[str]) -> float:
    """CPU seconds of a bare Python that imports these and ends."""
    before = os.times()
    subprocess.run([sys.executable, "-c", _IMPORTS], input="\n".join(modules), text=True, check=True, env=_BARE)
    after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system


#: As for the commands: compiled modules may be kept, and are there after the first time.
_BARE = {"PATH": os.environ["PATH"]}


def main(words: Sequence[str] | None = None) -> int:
    """Measure and print; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.start", description=__doc__)
    parser.add_argument("--times", type=int, default=5)
    start = measure(parser.parse_args(words).times)
    missed = complaints(start)
    sys.stdout.write("\n".join([str(start), *missed]) + "\n")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
