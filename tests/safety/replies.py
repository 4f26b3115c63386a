"""Replies that nobody should send: made up by a seed, sent over real sockets, and each classified once, in time.

python -m tests.safety.replies --count 50000 --seed 1
"""

import argparse
import asyncio
import json
import resource
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from prober.gather.clock import PhaseWatch
from prober.gather.kit import Kit
from prober.gather.look import look
from prober.judge.verdict import judge
from prober.model.chain import HttpStep, MintStep, Request, RouteIssuer, Step, StreamStep, ValidateStep, WebSocketStep
from prober.model.trouble import Trouble, TroubleKind
from prober.model.verdict import Verdict
from prober.publish.document import step_document
from tests.gather.peers import LOCAL, USER, kit, service
from tests.safety.hostile import hostile

#: What a look may take, and by how much it may miss that on a busy machine (promise R4).
DEADLINE_SECONDS, LATE_SECONDS = 0.6, 0.25

#: What all replies together may take of memory beyond what looking takes anyway (promise R5).
MOST_MEBIBYTES = 32

_LANES = 6
_WARM_UP = 400


@dataclass(slots=True)
class Findings:
    """What became of all looks."""

    looks: int = 0
    classes: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)  # each with the seed that brings it again
    slowest_seconds: float = 0.0
    mebibytes: float = 0.0  # more than before


_KINDS = 5


def _step(port: int, number: int, seed: int) -> Step:
    """The kinds by turns, each asking for the reply of `seed`."""
    target = service(port)
    request = Request(service=target, method="GET", path=f"/{seed}")
    route = RouteIssuer(name="route", identity=USER, request=request)
    given = {"service": target, "deadline_seconds": DEADLINE_SECONDS}
    return (
        HttpStep(name="http", request=request, token=LOCAL, **given),
        StreamStep(name="stream", request=request, token=LOCAL, **given),
        ValidateStep(name="validate", request=request, token=LOCAL, **given),
        MintStep(name="mint", token=route, **given),
        WebSocketStep(name="websocket", path=f"/ws/{seed}", token=LOCAL, welcome=_WELCOME, **given),
    )[number % _KINDS]


_WELCOME = {"type": "connection_established"}


class Lag:
    """How late the loop has been in all: on a machine that is not ours alone, that much is not the look's."""

    seconds = 0.0

    async def watch(self) -> None:
        """For ever."""
        while True:
            began = time.monotonic()
            await asyncio.sleep(_TICK_SECONDS)
            self.seconds += max(0.0, time.monotonic() - began - 2 * _TICK_SECONDS)


_TICK_SECONDS = 0.01


async def examine(count: int, seed: int) -> Findings:
    """Have so many replies looked at, several at a time."""
    findings = Findings()
    asyncio.get_running_loop().set_exception_handler(lambda _loop, told: findings.wrong.append(f"unhandled: {told}"))
    lag = Lag()
    watching = asyncio.create_task(lag.watch())
    async with hostile() as port, kit() as tools:
        bench = Bench(port, tools, lag)
        await bench.take(range(_WARM_UP if count > _WARM_UP else 0), seed - 1, Findings())
        before = _resident()
        await bench.take(range(count), seed, findings)
        findings.mebibytes = _resident() - before
    watching.cancel()
    return findings


@dataclass(frozen=True, slots=True)
class Bench:
    """Whom to look at, with tools that all looks share, as those of a prober do."""

    port: int
    tools: Kit
    lag: Lag

    async def take(self, numbers: Sequence[int], seed: int, findings: Findings) -> None:
        """A look for each number, several at a time."""
        left = iter(numbers)
        async with asyncio.TaskGroup() as group:
            for _ in range(_LANES):
                group.create_task(self._lane(left, seed, findings))

    async def _lane(self, numbers: Iterator[int], seed: int, findings: Findings) -> None:
        for number in numbers:
            reply = seed * 1_000_003 + number
            await self._one(_step(self.port, number, reply), reply, findings)

    async def _one(self, step: Step, seed: int, findings: Findings) -> None:
        began, late = time.monotonic(), self.lag.seconds
        observation = await look(step, replace(self.tools, watch=PhaseWatch(self.tools.clock)))
        took = time.monotonic() - began - (self.lag.seconds - late)
        result = judge(step, observation)
        json.dumps(step_document(result)).encode()
        findings.looks += 1
        findings.slowest_seconds = max(findings.slowest_seconds, took)
        findings.classes[f"{step.kind} {result.verdict} {result.reason}"] += 1
        if isinstance(observation.seen, Trouble) and observation.seen.kind is TroubleKind.OWN_FAULT:
            findings.wrong.append(f"{step.kind}, seed {seed}: {observation.seen.detail}")
        if result.verdict is Verdict.BLIND:
            findings.wrong.append(f"{step.kind}, seed {seed}: booked on us: {result.detail}")
        if took > DEADLINE_SECONDS + LATE_SECONDS:
            findings.wrong.append(f"{step.kind}, seed {seed}: {took:.2f} s")


def _resident() -> float:
    """Memory in MiB, as it is now."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * resource.getpagesize() / 2**20


def report(findings: Findings) -> Mapping[str, object]:
    """What is printed."""
    return {
        "replies": findings.looks,
        "classes": len(findings.classes),
        "slowest look": f"{findings.slowest_seconds:.2f} s of {DEADLINE_SECONDS} s",
        "memory": f"{findings.mebibytes:+.1f} MiB of {MOST_MEBIBYTES}",
        "wrong": len(findings.wrong),
    }


async def _main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description="Have replies looked at that nobody should send.")
    parser.add_argument("--count", type=int, default=50_000)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args(arguments)
    findings = await examine(given.count, given.seed)
    lines = [f"{name:<16}{value}" for name, value in report(findings).items()]
    lines += [f"{count:>9} {name}" for name, count in findings.classes.most_common()]
    sys.stdout.write("\n".join([*lines, *findings.wrong[:20], ""]))
    return 1 if findings.wrong or findings.mebibytes > MOST_MEBIBYTES else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(_main(sys.argv[1:])))
