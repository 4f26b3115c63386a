"""The short form of `python -m tests.reliability.leaks`: nothing of a run stays, whatever its end."""

import asyncio
import re
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests.reliability.leaks import MOST_BYTES_A_RUN, Findings

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("runs", "warm_up"),
    [
        pytest.param(100, 60, id="short"),
        pytest.param(3000, 2000, id="long", marks=[pytest.mark.long, pytest.mark.timeout(1200)]),
    ],
)
async def test_nothing_of_a_run_stays(runs, warm_up):
    """Files, sockets, threads and tasks; of enough runs also series and memory."""
    words = ["-m", "tests.reliability.leaks", "--runs", str(runs), "--warm-up", str(warm_up)]
    piped = {"stdout": asyncio.subprocess.PIPE, "stderr": asyncio.subprocess.STDOUT}
    process = await asyncio.create_subprocess_exec(sys.executable, *words, **piped, cwd=ROOT)
    said = (await process.communicate())[0].decode()

    assert 0 == process.returncode, said
    assert re.search(rf"^runs +{runs} in", said)
    assert {"pass", "fail", "cancelled", "broken"} <= set(re.findall(r"^  \w+ (\w+) ", said, re.MULTILINE)), said


def found(memory=0.0, met=(), **held):
    """What is found where each run leaves so many bytes, and so much more is held than before."""
    before = {"files": 10, "tasks": 5}
    after = {name: count + held.get(name, 0) for name, count in before.items()}
    points = [(run, 1e8 + run * memory) for run in range(0, 20_000, 200)]
    return Findings(runs=Counter(well=20_000), memory=points, before=before, after=after, met=frozenset(met))


@pytest.mark.parametrize(
    ("leak", "what"),
    [
        ({"memory": MOST_BYTES_A_RUN * 1.1}, "memory"),
        ({"files": 3}, "files"),
        ({"tasks": 3}, "tasks"),
        ({"met": ['prober_chain_up{chain="other"}']}, "series"),
        ({"met": ['prober_step_failures_total{chain="a",reason="Bearer 1"}']}, "series"),
    ],
)
def test_a_leak_is_told(leak, what):
    """A look that finds nothing whatever stays proves nothing."""
    (told,) = found(**leak).wrong()

    assert told.startswith(f"{what}: ")


def test_what_is_chance_is_no_leak():
    """Two files more, a few bytes a run, a reason that was not met before."""
    met = ['prober_step_failures_total{chain="a",reason="timeout"}']

    assert [] == found(memory=MOST_BYTES_A_RUN / 2, met=met, files=2, tasks=-1).wrong()
