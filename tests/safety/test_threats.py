"""What SECURITY.md says of threats: each has a control, each test that is named is there, and what it ships is so."""

import ast
import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]

_ROW = re.compile(r"^\| ([STRIDE][1-9]) (.+?) \| (.+?) \| (.+?) \|$", re.MULTILINE)
_NAMED = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")

ROWS = {found[1]: found for found in _ROW.finditer((ROOT / "SECURITY.md").read_text(encoding="utf-8"))}
THREATS = [
    f"{kind}{number}" for kind, most in zip("STRIDE", (3, 2, 1, 5, 5, 5), strict=True) for number in range(1, most + 1)
]


def names_in(path):
    """The tests that a file holds; a hidden or misspelt one is none."""
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    return {each.name for each in tree.body if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef)}


def test_every_threat_has_its_row():
    """None is forgotten, and none is there twice."""
    assert THREATS == list(ROWS)


@pytest.mark.parametrize("threat", THREATS)
def test_the_tests_that_are_named_are_there(threat):
    """A control without a test is a hope."""
    named = _NAMED.findall(ROWS[threat][4])

    assert named
    assert [] == [(path, name) for path, name in named if name not in names_in(path)]


def test_the_container_may_do_little():
    """It is nobody, changes nothing but its own data, and gains nothing."""
    image = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    compose = yaml.safe_load((ROOT / "deploy" / "compose.yaml").read_text(encoding="utf-8"))
    ours = {name: each for name, each in compose["services"].items() if each.get("image") == "prober:local"}

    assert ["10001:10001"] == re.findall(r"^USER (\S+)$", image, re.MULTILINE)
    assert {"lab", "key", "prober"} == set(ours)
    for each in ours.values():
        assert (True, ["ALL"], ["no-new-privileges:true"]) == (
            each["read_only"],
            each["cap_drop"],
            each["security_opt"],
        )


def test_what_is_installed_is_what_was_locked():
    """Nothing is installed into the image whose hash is not known, and each that is locked has one."""
    installed = re.findall(r"pip install ([^\n&]*)", (ROOT / "Dockerfile").read_text(encoding="utf-8"))
    locked = (ROOT / "constraints.txt").read_text(encoding="utf-8")
    pinned = re.split(r"\n(?=\S)", locked.strip())

    assert installed
    assert [] == [each for each in installed if "--require-hashes" not in each and "--no-deps" not in each]
    assert [] == [each for each in pinned if not each.startswith("#") and "--hash=sha256:" not in each]
