"""Sweeps: the same fault at the first place, the second, and so on, until there is no place left.

    python -m tests.matrix.sweeps kill       # SIGKILL after the i-th call to the store of a real `prober serve`
    python -m tests.matrix.sweeps cancel     # a run of a chain is cancelled at the i-th time that it goes on
    python -m tests.matrix.sweeps kill --places 3,9

The others are tests: `pytest -m long tests/reliability/test_sweep.py` fails the i-th call to the store,
`tests/reliability/test_faults.py -k each_write` the i-th write to its file, `tests/safety/test_breaking.py` raises at
the i-th await.
"""

import argparse
import asyncio
import gc
import os
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

from prober.app import Prober
from prober.model.chain import Trigger
from tests.reliability.faults import EXCUSED
from tests.reliability.rig import CHAINS, Home, blame, missed
from tests.reliability.targets import Quick, quick
from tests.safety.breaking import Fuse
from tests.safety.home import CHAIN, FEW_STEPS, HANDED, home, made_up
from tests.safety.parrot import parrots

#: Who lives so long, once it listens, was not killed: a few turns of each chain.
_LIVES_SECONDS = 4.0


@dataclass(slots=True)
class Swept:
    """What came of a sweep so far."""

    places: int = 0
    wrong: list[str] = field(default_factory=list)

    def note(self, place: int, complaints: Iterable[str]) -> None:
        """One place more."""
        self.places += 1
        self.wrong += [f"at {place}: {complaint}" for complaint in complaints]


# ── killed after the i-th call to the store ──────────────────────────────────────────────────────────────────────────


async def killed(folder: Path, target: Quick, place: int) -> list[str] | None:
    """A prober dies after that call, another begins in its place: what is wrong then; None if it never came to it."""
    house = Home(folder, target)
    life = await house.live(log="log-killed", KILL_AFTER=str(place))
    with suppress(TimeoutError, RuntimeError):  # it ended before it listened
        await life.listens()
        async with asyncio.timeout(_LIVES_SECONDS):
            await life.process.wait()
    is_alive = life.process.returncode is None
    await life.kill()
    return None if is_alive else await _next_life(house)


async def _next_life(house: Home) -> list[str]:
    life = await house.live(log="log-next")
    try:
        await life.listens()
        page = await life.at_rest(CHAINS, 40)
        accounts = await house.accounts()
        lost = set(missed(accounts)) - EXCUSED - {"died_mid_run"}
        wrong = [f"{a}" for a in accounts if not a.balances or a.doubled or a.unexplained]
        wrong += [*blame(page), *([f"missed for {lost}"] if lost else [])]
        wrong += ["failures in the store"] if house.failures() else []
        wrong += ["a recorded slot without its run"] if house.runs_not_there() else []
        return wrong + ([] if house.is_whole() else ["the file is damaged"])
    finally:
        await life.kill()


async def sweep_kills(places: Iterable[int], told: Callable[[str], None]) -> Swept:
    """Until one lives on."""
    swept = Swept()
    with tempfile.TemporaryDirectory(prefix="prober-sweep-") as folder:
        async with quick() as target:
            for place in places:
                wrong = await killed(Path(folder) / f"{place}", target, place)
                if wrong is None:
                    break
                swept.note(place, wrong)
                told(f"killed after call {place}: {'; '.join(wrong) or 'whole'}")
    return swept


# ── cancelled at the i-th await ──────────────────────────────────────────────────────────────────────────────────────


class Cancelling(Fuse):
    """Cancels a run the `at`-th time that any coroutine of ours goes on."""

    run: asyncio.Task[Any] | None = None

    def burns_out(self) -> bool:
        """Never: who is cancelled hears of it at its next await, as at every shutdown."""
        self.count += 1
        if self.count == self.at and self.run:
            self.run.cancel()
        return False


async def cancelled(prober: Prober, place: int) -> tuple[bool, list[str]]:
    """One run that is cancelled there: whether it came to that, and what is left of it, which must be nothing."""
    fuse, loop = Cancelling(place, ""), asyncio.get_running_loop()
    heard: list[str] = []
    loop.set_exception_handler(lambda _loop, told: heard.append(str(told.get("message"))))
    before, tasks = _open(), len(asyncio.all_tasks())
    loop.set_task_factory(fuse.factory)  # type: ignore[arg-type]
    try:
        fuse.run = prober._begin(prober._errand(prober.plan.chains[CHAIN], Trigger.MANUAL))
        await asyncio.gather(fuse.run, return_exceptions=True)
    finally:
        loop.set_task_factory(None)
    left = await _left(before, tasks)
    return fuse.count >= place, [*heard, *left]


async def _left(before: int, tasks: int) -> list[str]:
    """Sockets and tasks that stay when a moment is over."""
    until = time.monotonic() + 2
    while time.monotonic() < until and (_open() > before or len(asyncio.all_tasks()) > tasks):
        gc.collect()
        await asyncio.sleep(0.02)
    names = sorted(task.get_name() for task in asyncio.all_tasks())
    wrong = [f"{_open() - before} descriptors left"] if _open() > before else []
    return wrong + ([f"tasks left: {names}"] if len(names) > tasks else [])


def _open() -> int:
    """Our own ends of what is open: the parrots live here too, and close theirs a moment later."""
    return len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - the folder is about us


async def cancelling() -> AsyncIterator[Callable[[int], Awaitable[tuple[bool, list[str]]]]]:
    """A prober before services that answer, for one place after the other."""
    handed = {name: made_up() for name in HANDED}
    with tempfile.TemporaryDirectory(prefix="prober-sweep-") as folder:
        async with parrots(made_up()) as (_, _, _, told), home(Path(folder) / "home") as here:
            here.chains = FEW_STEPS
            here.furnish(handed)
            prober = Prober(here.config, here.environment(told))
            await cancelled(prober, 0)  # whatever is made once is made
            yield lambda place: cancelled(prober, place)
            await prober.aclose()


async def sweep_cancels(places: Iterable[int], told: Callable[[str], None]) -> Swept:
    """Until a run is over before that."""
    swept = Swept()
    async for cancelled_at in cancelling():
        for place in places:
            came_to_it, wrong = await cancelled_at(place)
            if not came_to_it:
                break
            swept.note(place, wrong)
            if wrong:
                told(f"cancelled at {place}: {'; '.join(wrong)}")
    return swept


SWEEPS: Mapping[str, Callable[[Iterable[int], Callable[[str], None]], Awaitable[Swept]]] = {
    "kill": sweep_kills,
    "cancel": sweep_cancels,
}


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sweep", choices=SWEEPS)
    parser.add_argument("--places", default="", help="numbers, by commas; all of them")
    given = parser.parse_args()
    places = [int(place) for place in given.places.split(",") if place] or count(1)
    began = time.monotonic()
    result = asyncio.run(SWEEPS[given.sweep](places, _say))
    for complaint in result.wrong:
        _say(complaint)
    _say(f"{given.sweep}: {result.places} places, {len(result.wrong)} wrong, {time.monotonic() - began:.0f} s")
    sys.exit(1 if result.wrong or not result.places else 0)
