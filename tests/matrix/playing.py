"""Playing faults: each to a prober of its own, some side by side, in worlds that they share one after another."""

import asyncio
import os
import random
import shutil
import time
import traceback
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from prober.lab.world import World
from tests import faketime, postgres
from tests.matrix.house import PATIENT_SECONDS, fronts
from tests.matrix.row import Fault
from tests.matrix.scene import Findings, Scene

#: No fault takes longer than so many seconds, beyond what it says itself.
_PATIENCE_SECONDS = 240.0

#: What a machine must have for some faults.
NEEDS: Mapping[str, Callable[[], bool]] = {
    "root": lambda: os.geteuid() == 0,
    "strace": lambda: shutil.which("strace") is not None,
    "faketime": lambda: faketime._LIBRARY is not None,
    "postgres": lambda: postgres.bindir() is not None,
}

Told = Callable[[Fault, Findings], None]


@dataclass(slots=True)
class Worlds:
    """One lab of each dialect, for one fault after the other."""

    stack: AsyncExitStack
    running: dict[str, World]

    async def of(self, dialect: str) -> World:
        """A well one."""
        if dialect not in self.running:
            self.running[dialect] = await self.stack.enter_async_context(World(dialect=dialect))
        return self.running[dialect]


@asynccontextmanager
async def worlds() -> AsyncIterator[Worlds]:
    """None yet; all gone afterwards."""
    async with AsyncExitStack() as stack:
        yield Worlds(stack, {})


async def play(fault: Fault, worlds: Worlds, folder: Path, seed: int, seconds: float = 0.0) -> Findings:
    """Play one fault; whatever breaks is told in what was found."""
    if missing := [need for need in fault.needs if not NEEDS[need]()]:
        return Findings(not_done=f"this machine has no {' and no '.join(missing)}")
    world, found, began = await worlds.of(fault.dialect), Findings(), time.monotonic()
    try:
        async with asyncio.timeout(_PATIENCE_SECONDS + seconds), fronts(world) as (auth, backend):
            chance = random.Random(1000 * seed + fault.number)
            scene = Scene(folder / f"{fault.number}", world, auth, backend, chance, is_ours=fault.is_ours, found=found)
            scene.settings |= {"step_seconds": PATIENT_SECONDS} if fault.is_patient else {}
            await fault.play(scene)
    except pytest.skip.Exception as skipped:
        found.not_done = str(skipped)
    except Exception as error:  # noqa: BLE001 - one fault that cannot be played says so, and the others are
        found.wrong.append("".join(traceback.format_exception_only(error)).strip())
        found.wrong += traceback.format_tb(error.__traceback__)[-2:]
    finally:
        await world.change()
        found.seconds = time.monotonic() - began
    return found


async def lane(faults: Iterable[Fault], folder: Path, seed: int, told: Told, seconds: float = 0.0) -> None:
    """One fault after the other, as long as there are some."""
    async with worlds() as ours:
        for fault in faults:
            told(fault, await play(fault, ours, folder, seed, seconds))
