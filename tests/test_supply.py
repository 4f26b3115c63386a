"""What scripts/supply says of what we ship."""

import json
import subprocess
from pathlib import Path

import pytest

from scripts.weaknesses import told

ROOT = Path(__file__).parents[1]


def report(*dependencies):
    """What pip-audit writes."""
    return json.dumps({"dependencies": [{"name": "httpx", "version": "1", **each} for each in dependencies]})


WEAK = {"vulns": [{"id": "PYSEC-1", "fix_versions": ["2"]}]}
WELL = {"vulns": []}
SKIPPED = {"skip_reason": "not found"}


@pytest.mark.parametrize(
    ("found", "code", "words"),
    [
        (report(WELL, WELL), 0, "known weaknesses: none in 2 packages"),
        (report(WELL, SKIPPED), 0, "known weaknesses: none in 1 packages; 1 could NOT be checked"),
        (report(SKIPPED), 0, "known weaknesses: NOT CHECKED, the database of advisories cannot be reached from here"),
        ("", 0, "known weaknesses: NOT CHECKED, the database of advisories cannot be reached from here"),
        (report(WELL, WEAK), 1, "known weaknesses:\n  httpx 1: PYSEC-1; mended in 2"),
    ],
)
def test_what_was_not_asked_is_not_well(found, code, words):
    """A weakness fails the check; where nobody could be asked, that is said."""
    assert (code, words) == told(found)


def test_a_licence_that_is_not_allowed_is_found():
    """Shown with a list that allows none of ours; with the true one nothing is found."""
    listed = [line.partition("==")[0] for line in (ROOT / "constraints.txt").read_text().splitlines() if "==" in line]
    ask = [ROOT / ".venv/bin/pip-licenses", "--partial-match", "--packages", *listed, "--allow-only"]
    if not ask[0].exists():
        pytest.skip("pip-licenses comes with the dev extra; scripts/check runs it")
    done = [subprocess.run([*ask, allowed], capture_output=True, check=False) for allowed in ("GPL", _allowed())]

    assert [1, 0] == [each.returncode for each in done]


def _allowed():
    lines = (ROOT / "pyproject.toml").read_text().partition("licences = [")[2].partition("]")[0]
    return ";".join(each.strip().strip('"') for each in lines.split(",") if each.strip())
