"""Random faults on three instances and their database: `python -m tests.instances.chaos --minutes 10 --seed 1`.

Three real `prober serve` look at three chains every second. Faults of faults.py befall them in random order, each
followed by a look at what is recorded; at the end everybody stops, and the whole history is checked once more. Prints
each fault, the longest time nobody looked at a chain though somebody could have, and every complaint; ends with 1 if
there is one.
"""

import argparse
import asyncio
import random
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from tests import postgres
from tests.instances.crew import Crew, crew
from tests.instances.faults import FAULTS, SERVER_FAULTS, Fault
from tests.instances.history import complaints, longest_blind

_BREATH_SECONDS = 3.0
_ALL: Mapping[str, Fault] = {**FAULTS, **SERVER_FAULTS}


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


async def one(here: Crew, name: str, fault: Fault) -> list[str]:
    """One fault, and what is wrong after it, with turns under way."""
    began = time.time()
    await fault(here)
    await asyncio.sleep(_BREATH_SECONDS)
    told = await here.history()
    blind = max(longest_blind(told).values(), default=0.0)
    _say(f"{name:<26} {time.time() - began:5.1f} s   longest blind so far {blind:.2f} s   {len(told.slots)} slots")
    return complaints(told)


async def chaos(seconds: float, seed: int, faults: Mapping[str, Fault]) -> list[str]:
    """Faults for so long; all that is wrong in the end."""
    chance = random.Random(seed)
    with postgres.server() as server, tempfile.TemporaryDirectory() as folder:
        async with crew(server, Path(folder)) as here:
            await here.start()
            found, until = [], time.monotonic() + seconds
            while time.monotonic() < until:
                for name in chance.sample(sorted(faults), len(faults)):
                    if time.monotonic() < until:
                        found += await one(here, name, faults[name])
            told = await here.at_rest()
            deadlocks = here.sql("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
    _say(f"{len(told.slots)} slots, {len(told.runs)} runs, {deadlocks} deadlocks")
    for chain, blind in longest_blind(told).items():
        _say(f"{chain:<14} looked at {len((told.looks or {})[chain])} times, longest blind {blind:.2f} s")
    return list(dict.fromkeys(found + complaints(told)))


def main() -> int:
    """What became of it, as an exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--fault", choices=sorted(_ALL), action="append", help="only this one, or these")
    asked = parser.parse_args()
    faults = {name: _ALL[name] for name in asked.fault or _ALL}
    found = asyncio.run(chaos(asked.minutes * 60, asked.seed, faults))
    _say("\n".join(found or ["nothing is wrong"]))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
