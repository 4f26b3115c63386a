"""Cases given to several processes at once; one that dies or hangs costs its case a word and nothing else."""

import asyncio
import json
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from tests.evaluation.cases import Case, variation
from tests.evaluation.records import Record

Told = Callable[[Record], None]

_ROOT = Path(__file__).parents[2]

_RETIRE_SECONDS = 15.0
_LONGEST_LINE_BYTES = 2**20

#: Six rounds of five seconds and the start of a world, on a busy machine; a slow world has a minute a round.
_PATIENCE_SECONDS = 90.0
_MORE_PATIENCE_SECONDS = 420.0


def patience_seconds(case: Case) -> float:
    """How long a case may take before it counts as hung."""
    return _MORE_PATIENCE_SECONDS if variation(case).is_slow else _PATIENCE_SECONDS


async def look_at_all(cases: Sequence[Case], workers: int, told: Told) -> None:
    """Look at every case; `told` hears of each record as it comes."""
    waiting = list(reversed(cases))
    async with asyncio.TaskGroup() as group:
        for _ in range(min(workers, len(cases))):
            group.create_task(_work(waiting, told))


async def _work(waiting: list[Case], told: Told) -> None:
    worker = Worker()
    try:
        while waiting:
            told(await worker.look(waiting.pop()))
    finally:
        await worker.retire()


@dataclass(slots=True)
class Worker:
    """One process, started when it is first needed and again after it was lost."""

    command: Sequence[str] = (sys.executable, "-m", "tests.evaluation.worker")
    patience: Callable[[Case], float] = patience_seconds
    _process: Process | None = field(default=None, init=False)

    async def look(self, case: Case) -> Record:
        """The record of one case, or what kept us from it."""
        process = self._process = self._process or await self._started()
        try:
            async with asyncio.timeout(self.patience(case)):
                line = await self._asked(process, case)
            record = Record.from_line(line) if line else None
        except TimeoutError:
            return await self._lost(case, f"took longer than {self.patience(case):.0f} s")
        except OSError as error:
            return await self._lost(case, str(error))
        except ValueError:
            return await self._lost(case, "its process answered with something else")
        return record or await self._lost(case, "its process died")

    async def retire(self) -> None:
        """Let the process end by itself, which ends the world it may still have; then make sure."""
        process, self._process = self._process, None
        if process is None:
            return
        if process.stdin:
            process.stdin.close()
        try:
            async with asyncio.timeout(_RETIRE_SECONDS):
                await process.wait()
        except (TimeoutError, asyncio.CancelledError):
            await _killed(process)

    async def _started(self) -> Process:
        # A session of its own: an interrupt at the terminal reaches us alone, and we end the others in order.
        return await asyncio.create_subprocess_exec(
            *self.command,
            stdin=PIPE, stdout=PIPE, stderr=DEVNULL, start_new_session=True, limit=_LONGEST_LINE_BYTES, cwd=_ROOT,
        )  # fmt: skip

    async def _asked(self, process: Process, case: Case) -> str:
        if process.stdin is None or process.stdout is None:
            return ""
        process.stdin.write(json.dumps(asdict(case)).encode() + b"\n")
        await process.stdin.drain()
        return (await process.stdout.readline()).decode()

    async def _lost(self, case: Case, why: str) -> Record:
        process, self._process = self._process, None
        if process is not None:
            await _killed(process)
        return Record(case=case, trouble=why)


async def _killed(process: Process) -> None:
    """The lab's services end with whoever started them: they notice that their stdin closed."""
    if process.returncode is None:
        process.kill()
    await process.wait()
