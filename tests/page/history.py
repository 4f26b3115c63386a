"""Thirty days of many chains, written in bulk, and a prober that goes on from there."""

import random
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from prober.publish.history.engine import in_file
from prober.publish.history.record import Record
from prober.publish.history.store import SqlStore
from tests.benchmarks import past

#: A run every half hour: as many tallies as of a chain that turns more often, and fewer runs.
_EVERY_SECONDS = 1800.0
_RUNS = 30 * 48

#: As the runs in the store have them.
STEPS = tuple(row.step for row in Record.of(past.report(broken=False)).steps)

_HEAD = """
version: 1
environment: staging
history: {{file: {file}}}
budget: {{requests_per_second: 1000, burst: 1000}}
services:
  backend: {{role: backend, url: "{url}"}}
chains:
"""
_CHAIN = """
  {name}:
    interval: {interval}
    deadline: 5s
    steps:
"""
_STEP = "      - {{name: {name}, probe: http, service: backend, get: /health, shows: health}}\n"


def names(chains: int) -> Sequence[str]:
    """So many."""
    return [f"chain-{number:02}" for number in range(1, chains + 1)]


async def fill(file: Path, chains: int, now: datetime) -> None:
    """Write their past, which ends now."""
    store, chance = SqlStore(in_file(file), "main"), random.Random(5)
    await store.open()
    rows = past._Rows(chance)
    for name in names(chains):
        for turn in past._chain(name, _EVERY_SECONDS, _RUNS, now, chance):
            rows.add(turn)
    rows.finish()
    await past._write(store, rows, set(past._COLUMNS))
    await store.aclose()


def config(folder: Path, chains: int, interval: str, url: str) -> Path:
    """Of a prober that has this past and looks at `url`, each chain with as many steps as in its past."""
    head = _HEAD.format(file=folder / "prober.db", url=url)
    steps = "".join(_STEP.format(name=name) for name in STEPS)
    told = "".join(_CHAIN.format(name=name, interval=interval) + steps for name in names(chains))
    path = folder / "probes.yaml"
    path.write_text(head + told, encoding="utf-8")
    return path
