"""What a document shows a command print is what it prints: docs/tutorial.md, run.

Where a line of the shown output is «…», anything may stand; durations and ports are not compared.
"""

import asyncio
import os
import re
import sys
from pathlib import Path

import pytest

from tests.docs.reading import ROOT, blocks
from tests.test_readme import block_after

TUTORIAL = [block for block in blocks(ROOT / "docs" / "tutorial.md") if block.text.startswith("$ ")]
DEMOS = [block for block in TUTORIAL if block.text.startswith("$ prober demo --once")]
GATES = [block for block in TUTORIAL if block.marker.startswith("lab: ")]

#: The one that is run each time; the others take a while.
EACH_TIME = "jwt_secret_drift"


def differences(shown, printed):
    """The shown pieces that are not printed, in their order, as whole lines."""
    place, missing = 0, []
    for piece in re.split(r"^…\n", shown, flags=re.MULTILINE):
        found = f"\n{printed}\n".find(f"\n{piece.strip(chr(10))}\n", place)
        if found < 0:
            missing.append(piece)
        place = max(place, found)
    return missing


async def printed_by(*words, cwd=ROOT, environment=None):
    """Standard output and exit code of a command of ours."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "prober", *words),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        cwd=cwd,
        env={**os.environ, **(environment or {})},
    )
    out, _ = await process.communicate()
    return out.decode(), process.returncode


async def demonstrated(block):
    """What the page shows of a demo and what the demo says."""
    command, _, shown = block.text.partition("\n")
    printed, code = await printed_by(*command.split()[2:])
    return differences(shown, printed), code


@pytest.mark.parametrize("block", [each for each in DEMOS if EACH_TIME in each.text], ids=[EACH_TIME])
async def test_a_demo_prints_what_the_tutorial_shows(block):
    """One of them, each time."""
    assert ([], 1) == await demonstrated(block)


@pytest.mark.long
@pytest.mark.parametrize("block", [each for each in DEMOS if EACH_TIME not in each.text], ids=lambda block: block.place)
async def test_the_other_demos_do_too(block):
    """`.venv/bin/pytest -m long tests/docs`."""
    assert ([], "--fault" in block.text) == await demonstrated(block)


def test_the_tutorial_shows_what_the_readme_shows():
    """Of the first fault both show the same run, and tests/test_readme.py runs that."""
    (block,) = [each for each in DEMOS if "service_credentials_missing" in each.text]
    _command, *shown = block_after("shown")

    assert [] == differences(block.text.partition("\n")[2], "\n".join(shown))


@pytest.mark.long
@pytest.mark.parametrize("block", GATES, ids=lambda block: block.place)
async def test_a_gate_says_what_the_tutorial_shows(block, tmp_path):
    """Against a lab that was broken as the page breaks it; with a store of its own."""
    words = ["prober", "lab", "--fault", block.marker.removeprefix("lab: ")]
    lab = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", *words), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
    )
    try:
        environment = {"PROBER_HISTORY": str(tmp_path / "prober.db")}
        while not {"LAB_BACKEND_SECRET_PATH", "BACKEND_REVISION"} <= environment.keys():
            name, _, value = (await lab.stdout.readline()).decode().strip().partition("=")
            environment[name] = value
        command, _, shown = block.text.partition("\n")
        printed, code = await printed_by(*command.split()[2:], environment=environment)
    finally:
        lab.terminate()
        await lab.wait()

    assert ([], 1) == (differences(shown, printed), code)


def test_a_difference_is_found():
    """A line that is not printed, one that comes too early, and half a line."""
    printed = "one\ntwo\nthree\n"

    assert [] == differences("one\n…\nthree\n", printed)
    assert ["one\n"] == differences("three\n…\none\n", printed)
    assert ["tw\n"] == differences("tw\n", printed)
    assert Path(ROOT / "docs/tutorial.md").is_file()
