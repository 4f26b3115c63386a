"""Kills a real `prober serve` right after it said 202, and looks whether what it promised comes to an end.

`python -m tests.reliability.promises --times 300` is the documented form. Each round asks a prober for runs (of another
revision each, so that none is served by another), kills it with SIGKILL within `--within` seconds of the last 202, and
starts another in the same folder. That one must know every run that was ever promised: done, with a report under that
id, or aborted with a reason.
"""

import argparse
import asyncio
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from tests.reliability.peer import peer
from tests.reliability.rig import Home, Life
from tests.reliability.targets import Document, Quick

TOKEN = "token-of-a-pipeline-that-is-killed-upon"

#: Asked for in one life: two run, the others wait.
_ASKED = 3

_OVER_SECONDS = 60.0


@dataclass(slots=True)
class Tally:
    """What was seen so far."""

    kills: int = 0
    promised: list[str] = field(default_factory=list)
    ends: Counter[str] = field(default_factory=Counter)
    complaints: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        rows = [("killed after a 202", self.kills), ("runs promised", len(self.promised))]
        rows += [(f"of them {end}", count) for end, count in sorted(self.ends.items())]
        return "\n".join([*(f"{name:<28}{value}" for name, value in rows), *self.complaints])


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be done."""

    times: int = 300
    seed: int = 1
    within: float = 0.05


class Taking(Quick):
    """The peer, by a prober that takes orders, as many as it is given."""

    @property
    def environment(self) -> Mapping[str, str]:
        """The token besides."""
        return {**Quick.environment.fget(self), "TRIGGER": TOKEN}

    def config(self) -> Document:
        """With a caller."""
        config = Quick.config(self)
        config["secrets"]["trigger"] = "env:TRIGGER"
        config["trigger"] = {"secret": "trigger", "per_minute": 1000, "burst": 1000}
        return config


def client(life: Life) -> httpx.AsyncClient:
    """A pipeline's."""
    bearer = {"Authorization": f"Bearer {TOKEN}"}
    return httpx.AsyncClient(base_url=life.url, headers=bearer, trust_env=False, timeout=20)


async def promise(life: Life, name: str) -> str:
    """A run that it says it will take."""
    async with client(life) as pipeline:
        answer = await pipeline.post("/api/v1/chains/steady/runs", json={"revision": name})
    if answer.status_code != httpx.codes.ACCEPTED:
        message = f"{answer.status_code}: {answer.text}"
        raise AssertionError(message)
    promised: str = answer.json()["id"]
    return promised


async def end_of(pipeline: httpx.AsyncClient, run_id: str) -> str:
    """What has become of a run, once it is over; `unknown` where nobody knows it, `open` where it goes on and on."""
    until = time.monotonic() + _OVER_SECONDS
    while time.monotonic() < until:
        answer = await pipeline.get(f"/api/v1/runs/{run_id}")
        if answer.status_code == httpx.codes.NOT_FOUND:
            return "unknown"
        told = answer.json()
        if answer.status_code == httpx.codes.OK:
            return f"aborted: {told['why']}" if told.get("state") == "aborted" else _reported(told, run_id)
        await asyncio.sleep(0.05)
    return "open"


def _reported(told: dict[str, dict[str, str]], run_id: str) -> str:
    return f"done: {told['run']['verdict']}" if told["run"]["id"] == run_id else "another's report"


async def promises(asked: Asked) -> Tally:
    """So many kills, and then the reckoning."""
    tally, chance = Tally(), random.Random(asked.seed)
    with tempfile.TemporaryDirectory(prefix="prober-promises-") as folder:
        async with peer() as target:
            home = Home(Path(folder), Taking(target))
            for number in range(asked.times):
                life = await home.live(log="log-killed")
                await life.listens()
                tally.promised += [await promise(life, f"r{number}-{each}") for each in range(_ASKED)]
                await asyncio.sleep(chance.uniform(0, asked.within))
                await life.kill()
                tally.kills += 1
            await _reckon(home, tally)
    return tally


async def _reckon(home: Home, tally: Tally) -> None:
    life = await home.live(log="log-last")
    try:
        await life.listens()
        async with client(life) as pipeline:
            ends = {run_id: await end_of(pipeline, run_id) for run_id in tally.promised}
    finally:
        await life.kill()
    tally.ends.update(ends.values())
    well = {"done: pass", "aborted: died_mid_run"}
    tally.complaints += [f"{run_id} is {end}" for run_id, end in ends.items() if end not in well]


def main(words: Sequence[str] | None = None) -> int:
    """Kill, and print what came of it; 1 when there is anything to complain of."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, default=300, help="kills (300)")
    parser.add_argument("--seed", type=int, default=1, help="of the random moments (1)")
    parser.add_argument("--within", type=float, default=0.05, help="seconds from the last 202 to the kill, at most")
    asked = Asked(**vars(parser.parse_args(words)))
    began = time.monotonic()
    tally = asyncio.run(promises(asked))
    print(f"{tally}\nseed {asked.seed}, {time.monotonic() - began:.0f} s")  # noqa: T201 - a command of ours
    return 1 if tally.complaints else 0


if __name__ == "__main__":
    sys.exit(main())
