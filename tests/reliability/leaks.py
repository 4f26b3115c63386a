"""Runs of every kind of end, one after the other in one process: does anything of them stay?

`python -m tests.reliability.leaks --runs 20000` is the documented form. A prober that serves takes turns at a peer that
is well, fails, refuses, hangs, shuts its sockets and answers with what is no HTTP; turns are cancelled and break in the
middle; gates are held, the config is changed and taken up, pages and metrics are read. Two thousand runs first fill
what is bounded by count. After that memory rises by at most 1 KiB in 100 runs, by the upper end of what the line
through it may be (95 %); files, sockets, threads and tasks are back to where they were, by two. No series of
metrics is added but of a reason, a code, a ratio and the like, which is met for the first time, each of a closed set.
"""

import argparse
import asyncio
import gc
import json
import os
import random
import re
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, redirect_stderr, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

from prober.app import Prober
from prober.gather.runner import Errand
from prober.judge.causes import catalogue
from prober.model.aims import Aims
from prober.model.alarm import Alert
from prober.model.chain import Trigger
from prober.model.secret import Redactor
from prober.model.trouble import Phase
from prober.model.verdict import StepResult
from prober.publish import labels
from prober.publish.log import configure
from prober.publish.metrics import render
from tests.benchmarks.vitals import slope
from tests.reliability.moods import KEY

HOST = "127.0.0.1"

#: Bytes of memory that a run may leave behind: 1 KiB in 100.
MOST_BYTES_A_RUN = 10.24

#: So many files, sockets, threads or tasks more than before are chance.
CHANCE = 2

#: Runs that fill what is bounded by count: reports of each chain, rounds of gates, pages of the store that were read.
WARM_UP = 2000

#: After how many runs each of what goes on beside them comes: while all that fills, and then. A config that stays for
#: longer knows more tokens (512 at most): so the most that is ever held, which the allocator keeps, is held at first.
_WARMING = {"gates": 12, "reloads": 350, "pages": 4}
_STEADY = {"gates": 250, "reloads": 100, "pages": 50}

#: Of fewer runs memory and series are shown and not judged.
FEWEST = 2000

#: Looks at the memory, and how many runs lie between two at least: each costs as much as two runs.
_POINTS, _APART = 150, 20

#: Turns that go on at once.
_LANES = 6

_ENVIRONMENT = {"JWT": KEY, "TRIGGER": "Vt7-q2Lm_9Xc4Rw8Kd1Zs6Hn3Bf5Yj0Pg"}

# ── whom it looks at ─────────────────────────────────────────────────────────────────────────────────────────────────

#: What each kind of target is like; a chain bears the name of its target.
_KINDS = ("well", "failing", "gone", "silent", "hostile")


def document(ports: Mapping[str, int], deadline: str) -> Mapping[str, Any]:
    """A config with a chain for each target; a changed deadline makes it another one."""
    return {
        "version": 1,
        "environment": "staging",
        "secrets": {"jwt": "env:JWT", "trigger": "env:TRIGGER"},
        "trigger": {"secret": "trigger"},
        "budget": {"requests_per_second": 1000, "burst": 1000},
        "services": {
            kind: {"role": "backend", "url": f"http://{HOST}:{port}", "tells": {"version": ["header:x-version"]}}
            for kind, port in ports.items()
        },
        "identities": {"tester": {"subject": "staging-e2e-user-001", "email": "tester@staging.example"}},
        "issuers": {"local": {"mint": "local", "secret": "jwt"}, "forged": {"mint": "forged", "like": "local"}},
        "chains": {kind: {"interval": "30s", "deadline": deadline, "steps": _steps(kind)} for kind in ports},
    }


def _steps(kind: str) -> Sequence[Mapping[str, Any]]:
    step = {"service": kind, "timeout": "100ms"} if kind == "silent" else {"service": kind, "timeout": "1s"}
    bearing = {**step, "get": "/messages", "headers": {"Authorization": "Bearer {token}"}}
    return (
        {**bearing, "name": "messages", "probe": "http", "token": "local"},
        {**bearing, "name": "refuses", "probe": "http", "token": "forged", "expect": "refused"},
        {**step, "name": "socket", "probe": "websocket", "path": "/ws", "token": "local"},
    )


@dataclass(frozen=True, slots=True)
class Ends:
    """What becomes of a turn that is not left to itself."""

    cancelled: float = 0.05
    broken: float = 0.02


class _Broken(Exception):
    """What nobody expects in the middle of a turn."""


def _break(_result: StepResult) -> None:
    raise _Broken


# ── the life of a prober ─────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(slots=True)
class Findings:
    """What was there, and what is there now."""

    runs: Counter[str] = field(default_factory=Counter)  # by chain and end
    others: Counter[str] = field(default_factory=Counter)  # gates, reloads, pages
    memory: list[tuple[float, float]] = field(default_factory=list)  # (run, bytes)
    before: Mapping[str, int] = field(default_factory=dict)
    after: Mapping[str, int] = field(default_factory=dict)
    grown: Mapping[str, int] = field(default_factory=dict)  # objects by type
    met: frozenset[str] = frozenset()  # series that were not there before
    seconds: float = 0.0

    def wrong(self) -> Sequence[str]:
        """Whatever stayed; after few runs memory still settles, and series are seen for the first time."""
        found = [
            f"{what}: {self.before[what]} before, {now} now"
            for what, now in self.after.items()
            if now > self.before[what] + CHANCE
        ]
        found += [f"series: {name} is of no closed set" for name in sorted(self.met) if not _may_be_met(name)]
        if self.is_long and self.upper > MOST_BYTES_A_RUN:
            found.append(f"memory: up to {self.upper:.1f} bytes a run; more of {dict(self.grown)}")
        return found

    @property
    def is_long(self) -> bool:
        """Whether there were enough of them to judge what settles."""
        return self.runs.total() >= FEWEST

    @property
    def upper(self) -> float:
        """The most that a run may leave behind, with 95 % confidence, in bytes."""
        return slope(self.memory).upper_per_second

    def __str__(self) -> str:
        line = slope(self.memory)
        first, last = self.memory[0][1], self.memory[-1][1]
        rows = [
            ("runs", f"{self.runs.total()} in {self.seconds:.0f} s"),
            *((f"  {end}", count) for end, count in sorted(self.runs.items())),
            *sorted(self.others.items()),
            *((what, f"{self.before[what]}, then {now}") for what, now in self.after.items()),
            ("memory", f"{first / 2**20:.1f} MiB, then {last / 2**20:.1f} MiB"),
            ("  a hundred runs", f"{line.per_second * 100:+.0f} bytes, at most {line.upper_per_second * 100:+.0f}"),
            ("series", f"{len(self.met)} met for the first time"),
            *(("", name) for name in sorted(self.met)),
            ("more objects", ", ".join(f"{count} {name}" for name, count in self.grown.items()) or "none"),
            ("wrong", len(self.wrong())),
        ]
        return "\n".join([*(f"{name:<24}{value}" for name, value in rows), *self.wrong()])


async def examine(runs: int, seed: int, warm_up: int = WARM_UP) -> Findings:
    """Take so many runs after so many others."""
    findings = Findings()
    with _folder() as name, (Path(name) / "log").open("w", encoding="utf-8") as log, redirect_stderr(log):
        configure(Redactor())
        async with _targets() as ports, _serving(Path(name), ports) as life:
            await life.take(warm_up, random.Random(seed), Findings(), _WARMING)
            await life.rest()
            findings.before, objects, series = life.held(), _objects(), life.series()
            await life.take(runs, random.Random(seed + 1), findings, _STEADY)
            await life.rest()
            findings.after, now, findings.met = life.held(), _objects(), life.series() - series
            findings.grown = {name: count for name, count in (now - objects).most_common(8) if count > runs / 100}
    return findings


def _folder() -> "tempfile.TemporaryDirectory[str]":
    """In memory, where there is such a place: a busy disk is not what is looked at."""
    shared = Path("/dev/shm")  # noqa: S108 - a folder of our own is made there
    return tempfile.TemporaryDirectory(prefix="prober-leaks-", dir=shared if os.access(shared, os.W_OK) else None)


def _objects() -> Counter[str]:
    gc.collect()
    return Counter(type(each).__name__ for each in gc.get_objects())


@dataclass(slots=True)
class Life:
    """A prober that serves in this process."""

    prober: Prober
    config: Path
    ports: Mapping[str, int]
    url: str

    async def take(self, runs: int, rng: random.Random, findings: Findings, beside: Mapping[str, int]) -> None:
        """So many runs, several at a time, and what goes on beside them, each after so many runs."""
        began, numbers = time.monotonic(), iter(range(runs))
        async with asyncio.TaskGroup() as group:
            for _ in range(_LANES):
                group.create_task(self._lane(numbers, rng, runs, findings, beside))
        findings.seconds = time.monotonic() - began

    async def _lane(
        self, numbers: Iterator[int], rng: random.Random, runs: int, findings: Findings, beside: Mapping[str, int]
    ) -> None:
        for number in numbers:
            await self._one(rng, findings)
            for what, often in beside.items():
                if number % often == often - 1:
                    await _BESIDE[what](self, rng)
                    findings.others[what] += 1
            if number % max(_APART, runs // _POINTS) == 0:
                gc.collect()
                findings.memory.append((float(number), _resident()))

    async def _one(self, rng: random.Random, findings: Findings) -> None:
        """One turn, left to itself or not; beside those of the schedule, twice a minute."""
        kind = rng.choices(_KINDS, (6, 3, 3, 1, 3))[0]
        fate, ends = rng.random(), Ends()
        errand = Errand(
            run_id=uuid4().hex,
            chain=self.prober.plan.chains[kind],
            trigger=Trigger.MANUAL,
            told=_break if fate < ends.broken else lambda _result: None,
        )
        turn = asyncio.create_task(self.prober.turn(errand))
        if ends.broken <= fate < ends.broken + ends.cancelled:
            await asyncio.sleep(rng.random() * 0.03)
            turn.cancel()
        findings.runs[f"{kind} {await _end(turn)}"] += 1

    async def gate(self, rng: random.Random) -> None:
        """A few rounds of some chain."""
        with suppress(Exception):  # a reload may change its chain
            await self.prober.gate(rng.choice(("well", "failing")), Aims(most_rounds=3, warm_up_seconds=0.0))

    async def reload(self, rng: random.Random) -> None:
        """Another config."""
        self.config.write_text(json.dumps(document(self.ports, rng.choice(("2s", "3s")))), encoding="utf-8")
        await self.prober.reload()

    async def read(self, rng: random.Random) -> None:
        """A page or metrics, by a caller that may go away."""
        reader, writer = await asyncio.open_connection(HOST, int(self.url.rpartition(":")[2]))
        path = rng.choice(("/metrics", "/", "/api/v1/runs?limit=5", "/nothing"))
        writer.write(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        if rng.randrange(4):
            await reader.read()
        writer.transport.abort()

    async def rest(self) -> None:
        """Until what was under way is over, written down and let go."""
        deadline = time.monotonic() + 30
        while self.prober._turns or self.prober._errands:
            if time.monotonic() > deadline:
                break
            await asyncio.sleep(0.1)
        await asyncio.sleep(1.5)

    def held(self) -> Mapping[str, int]:
        """What this process holds on to."""
        gc.collect()
        files = [_leads_to(each) for each in Path("/proc/self/fd").iterdir()]
        return {
            "files": len(files),
            "sockets": sum(each.startswith("socket:") for each in files),
            "threads": threading.active_count(),
            "tasks": len(asyncio.all_tasks()),
        }

    def series(self) -> frozenset[str]:
        """The series of its metrics, by name and labels."""
        page, _ = render(self.prober.board.snapshot(), "")
        lines = page.decode().splitlines()
        return frozenset(line.rpartition(" ")[0] for line in lines if not line.startswith("#"))


#: What goes on beside the runs.
_BESIDE: Mapping[str, Callable[[Life, random.Random], Coroutine[Any, Any, None]]] = {
    "gates": Life.gate,
    "reloads": Life.reload,
    "pages": Life.read,
}


async def _end(turn: "asyncio.Task[Any]") -> str:
    try:
        return str((await turn).run.verdict)
    except asyncio.CancelledError:
        return "cancelled"
    except BaseExceptionGroup:
        return "broken"


#: What a series may be of that is met for the first time: what cannot be known before, each of a closed set.
_MET = {
    "prober_success_ratio": {"chain": frozenset(_KINDS), "window": frozenset(("5m", "15m", "1h", "6h"))},
    "prober_auth_fail_open": {"service": frozenset(_KINDS)},
    "prober_alert_state": {"chain": frozenset(_KINDS), "alert": frozenset(map(str, Alert))},
    "prober_step_failures_total": {"reason": frozenset(map(str, labels.FAILURES))},
    "prober_http_responses_total": {"code": frozenset(labels.HTTP_CODES)},
    "prober_websocket_handshakes_total": {"code": frozenset(labels.HANDSHAKE_CODES)},
    "prober_websocket_closes_total": {"code": frozenset(labels.CLOSE_CODES)},
    "prober_step_phase_duration_seconds": {"phase": frozenset(map(str, Phase))},
    "prober_diagnoses_total": {"cause": frozenset(each.name for each in catalogue())},
}

_LABEL = re.compile(r'(\w+)="([^"]*)"')


def _may_be_met(series: str) -> bool:
    name, _, rest = series.partition("{")
    values = dict(_LABEL.findall(rest))
    closed = _MET.get(name.removesuffix("_created"), {})
    return bool(closed) and all(values[label] in allowed for label, allowed in closed.items())


def _leads_to(file: Path) -> str:
    try:
        return str(file.readlink())
    except OSError:  # it was opened to list them
        return ""


def _resident() -> float:
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")


@asynccontextmanager
async def _serving(folder: Path, ports: Mapping[str, int]) -> AsyncIterator[Life]:
    config, ready = folder / "probes.yaml", asyncio.get_running_loop().create_future()
    history = {"PROBER_HISTORY": str(folder / "prober.db")}
    config.write_text(json.dumps(document(ports, "2s")), encoding="utf-8")
    os.chdir(folder)
    prober = Prober(config, {**_ENVIRONMENT, **history})
    serving = asyncio.create_task(prober.serve(HOST, 0, ready.set_result))
    await asyncio.wait([serving, ready], return_when=asyncio.FIRST_COMPLETED)
    if serving.done():
        await serving
    try:
        yield Life(prober, config, ports, await ready)
    finally:
        serving.cancel()
        await asyncio.wait([serving])


@asynccontextmanager
async def _targets() -> AsyncIterator[Mapping[str, int]]:
    """All of them, in a process of their own."""
    here = str(Path(__file__).parents[2])
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.reliability.moods"), stdout=asyncio.subprocess.PIPE, cwd=here
    )
    try:
        if process.stdout is None:
            raise AssertionError
        async with asyncio.timeout(20):
            ports = json.loads(await process.stdout.readline())
        yield ports
    finally:
        process.kill()
        await process.wait()


def main(words: Sequence[str] | None = None) -> int:
    """Take them, and print what stayed; 1 when anything did."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=20_000, help="how many (20000)")
    parser.add_argument("--warm-up", type=int, default=WARM_UP, help="so many others (2000)")
    parser.add_argument("--seed", type=int, default=1, help="which (1)")
    findings = asyncio.run(examine(**vars(parser.parse_args(words))))
    print(findings)  # noqa: T201 - a command of ours
    return int(bool(findings.wrong()))


if __name__ == "__main__":
    sys.exit(main())
