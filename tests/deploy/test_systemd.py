"""deploy/systemd/prober.service: systemd's own opinion of it, and what the program makes of its words."""

import os
import re
import shlex
import shutil
import subprocess
import sys

import pytest
from typer.main import get_command

from prober.app import _patience_seconds
from prober.cli import app
from prober.config import load as loader
from tests.deploy.test_compose import ROOT
from tests.test_cli import LAB_CONFIG, environment, lab

UNIT = (ROOT / "deploy" / "systemd" / "prober.service").read_text()
DOC = (ROOT / "docs" / "systemd.md").read_text()

#: What only root's SQLite calls; the unit has another user.
AS_ROOT = {"fchown"}


def set_to(name):
    """What a setting is set to, each time."""
    return re.findall(rf"^{name}=(.*)$", UNIT, re.MULTILINE)


def analysed(tmp_path, *words):
    """What systemd-analyze says of the unit; the program is one that is there."""
    if not shutil.which("systemd-analyze"):
        missing = "not installed: systemd-analyze (package systemd)"
        (pytest.fail if os.environ.get("PROBER_REQUIRE_SYSTEMD") == "1" else pytest.skip)(missing)
    unit = tmp_path / "prober.service"
    unit.write_text(UNIT.replace("/opt/prober/bin/prober", "/bin/true"))
    command = ["systemd-analyze", "--no-pager", *words, str(unit)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


# ── what systemd says ────────────────────────────────────────────────────────────────────────────────────────────────


def test_systemd_understands_every_line(tmp_path):
    """A setting that it does not know it ignores, and so would its protection be."""
    done = analysed(tmp_path, "verify")

    assert (0, "", "") == (done.returncode, done.stdout, done.stderr)


def test_it_is_as_little_exposed_as_is_told(tmp_path):
    """By systemd's own reckoning, of 10 at most; the document says the same."""
    done = analysed(tmp_path, "security", "--offline=true", "--threshold=15")
    (told,) = re.findall(r"Overall exposure level for prober.service: (\d\.\d)", done.stdout)
    (documented,) = re.findall(r"exposure level (\d\.\d)", DOC)

    assert 0 == done.returncode, done.stdout
    assert float(told) <= float(documented) <= 1.5


# ── what the program says ────────────────────────────────────────────────────────────────────────────────────────────


def test_its_words_are_ours():
    """A service that ends with 2 stays down."""
    commands = get_command(app).commands
    for line in set_to("ExecStart") + set_to("ExecReload")[:1]:
        program, name, *more = shlex.split(line)

        assert "/opt/prober/bin/prober" == program
        assert commands[name].make_context(name, more)


def test_each_credential_is_a_secret_of_the_config(tmp_path):
    """By the sed of the document, which turns the shipped config to them; they are read where systemd lays them."""
    names = {each.partition(":")[0] for each in set_to("LoadCredential")}
    path, laid = tmp_path / "probes.yaml", tmp_path / "credentials"
    shutil.copy(ROOT / "probes.yaml", path)
    laid.mkdir()
    (line,) = re.findall(r"^(sed .*)$", DOC, re.MULTILINE)
    subprocess.run(["/bin/sh", "-c", line.replace("/etc/prober", str(tmp_path))], check=True, timeout=10)
    plan = loader.load(path, {"CREDENTIALS_DIRECTORY": str(laid)})

    assert names == {"jwt", "service", "bypass"}
    assert {f"file:{laid}/{name}" for name in (*names, "trigger")} == set(plan.references.values())


def test_a_stop_waits_for_what_is_under_way():
    """As long as the longest run of the shipped config may take."""
    assert int(set_to("TimeoutStopSec")[0]) > _patience_seconds(loader.load(ROOT / "probes.yaml", {}))


@pytest.mark.long
@pytest.mark.timeout(120)
def test_it_calls_nothing_that_the_filter_refuses(tmp_path):
    """Each call of a prober that serves, looks and writes down is of the groups that the unit allows."""
    calls = tmp_path / "calls"
    serve = [sys.executable, "-m", "prober", "serve", "--config", LAB_CONFIG, "--listen", "127.0.0.1:0"]
    with lab() as (_, told):
        command = ["timeout", "--signal", "INT", "30", "strace", "-f", "-qq", "-c", "-o", calls, *serve]
        env = environment(**told, PROBER_DEBUGGABLE="1", PYTHONPATH=str(ROOT))
        subprocess.run(command, env=env, cwd=tmp_path, capture_output=True, timeout=60, check=False)
    rows = [line.split() for line in calls.read_text().splitlines()]
    called = {row[-1] for row in rows if len(row) > 3 and row[0][0].isdigit()} - {"total"} - AS_ROOT

    assert {"connect", "listen", "fdatasync"} <= called
    assert set() == called - (members("@system-service") - members("@privileged"))


def members(group):
    """The calls of a group, of those in it too."""
    command = [shutil.which("systemd-analyze"), "syscall-filter", group]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    names = {line.strip() for line in done.stdout.splitlines()[1:] if line.strip() and "#" not in line}
    return {name for name in names if name[0] != "@"}.union(*(members(name) for name in names if name[0] == "@"))
