"""Tests of README.md: what it shows is what happens."""

import re
import subprocess
import sys
from pathlib import Path

from typer.main import get_command

from prober.cli import app

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()


def block_after(marker):
    """The lines of the code block that follows an HTML comment."""
    return re.search(rf"<!-- {marker} -->\n```\n(.*?)\n```", README, re.DOTALL)[1].splitlines()


def test_the_run_it_shows_is_what_the_command_prints():
    """The report in the README is the real one, down to the section in which times differ."""
    command, *shown = block_after("shown")
    words = command.removeprefix("$ .venv/bin/prober ").split()
    ended = subprocess.run([sys.executable, "-m", "prober", *words], capture_output=True, text=True, check=False)
    until_steps = ended.stdout.split("\nSteps\n")[0].rstrip().splitlines()

    assert (shown, 1) == (until_steps, ended.returncode)


def test_its_table_has_every_command_and_no_other():
    """A command that is not in the README does not exist for a newcomer."""
    listed = set(re.findall(r"^\| `prober (\w+)", README, re.MULTILINE))

    assert set(get_command(app).commands) == listed


def test_ci_runs_its_test_command():
    """`.ci/run` takes the command from under the marker, so that there is exactly one, on one line."""
    (command,) = block_after("tests")
    (how,) = re.findall(r"^tests=\$\((.*)\)$", (ROOT / ".ci" / "run").read_text(), re.MULTILINE)
    taken = subprocess.run(["/bin/bash", "-c", how], cwd=ROOT, capture_output=True, text=True, check=False)

    assert command == taken.stdout.strip()


def test_every_file_it_links_to_exists():
    """No dead ends."""
    linked = re.findall(r"\]\((?!https?:)([^)#]+)\)", README)

    assert [] == [name for name in linked if not (ROOT / name).exists()]
