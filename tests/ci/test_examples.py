"""The examples under deploy/ci, as far as they can be run here: their form, and their own shell against the lab."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from junit2htmlreport.parser import Junit
from ruamel.yaml import YAML

from prober.cli import app
from tests.test_cli import LAB_CONFIG, environment, lab

EXAMPLES = Path(__file__).parent.parent.parent / "deploy" / "ci"
FAULT = "reported_jwt_secret_drift"


def read(name):
    """Every document of an example."""
    return list(YAML(typ="safe").load_all((EXAMPLES / name).read_text()))


# ── their form ───────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("name", "schema"),
    [("github.yml", "github-workflows"), ("gitlab.yml", "gitlab-ci"), ("cloudbuild.yaml", "cloudbuild")],
)
def test_an_example_has_the_form_that_its_reader_wants(name, schema):
    """By the schemas that those readers publish."""
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", f"vendor.{schema}", EXAMPLES / name]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    assert 0 == done.returncode, done.stdout


def test_every_option_that_an_example_writes_is_one():
    """A job that ends with 2 deploys nothing."""
    known = {word for command in _commands() for option in command.params for word in option.opts}
    written = {word for path in EXAMPLES.glob("*.y*ml") for word in _options(path.read_text())}

    assert {"--revision", "--baseline", "--save-baseline", "--junit", "--markdown"} <= written
    assert set() == written - known


def _commands():
    from typer.main import get_command  # noqa: PLC0415 - of this one test

    return get_command(app).commands.values()


def _options(text):
    lines = [line for line in text.splitlines() if "prober" in line and "gate" in line and "options:" not in line]
    words = {word.strip("[],").partition("=")[0] for line in lines for word in line.split() if word.startswith("--")}
    return words - {"--"}  # what follows it is no option


@pytest.mark.parametrize("name", ["github.yml", "gitlab.yml", "cloudbuild.yaml", "argo-rollouts.yaml", "flagger.yaml"])
def test_no_example_holds_a_secret_as_an_argument(name):
    """Everybody on the machine reads those."""
    assert "--token " not in (EXAMPLES / name).read_text()


# ── their shell ──────────────────────────────────────────────────────────────────────────────────────────────────────


def github():
    """The commands of each step of its job, by name."""
    steps = read("github.yml")[0]["jobs"]["deploy"]["steps"]
    return {step["name"]: step["run"] for step in steps if "run" in step}


def gitlab():
    """The commands of each of its jobs."""
    jobs = {name: job for name, job in read("gitlab.yml")[0].items() if isinstance(job, dict) and "script" in job}
    return {name: "\n".join(job["script"]) for name, job in jobs.items()}


def cloudbuild():
    """The script of each of its steps, as it is when Cloud Build has filled it in."""
    steps = read("cloudbuild.yaml")[0]["steps"]
    return {step["id"]: _filled(step["args"][1]) for step in steps if step["args"][0] == "-c"}


def _filled(script):
    return script.replace("$$", "\0").replace("$COMMIT_SHA", "").replace("\0", "$")


#: With which shell, and how strict, each runs them.
SHELLS = {github: ["sh", "-e", "-c"], gitlab: ["sh", "-e", "-c"], cloudbuild: ["sh", "-c"]}


def ran(example, step, folder, **more):
    """A step of an example, run in `folder` as its runner does it."""
    command = [*SHELLS[example], example()[step]]
    return subprocess.run(command, cwd=folder, env=more, capture_output=True, text=True, timeout=90, check=False)


def environment_in(folder):
    """That of a job: `prober` is on the path."""
    shim = folder / "bin" / "prober"
    shim.parent.mkdir()
    shim.write_text(f'#!/bin/sh\nexec {sys.executable} -m prober "$@"\n')
    shim.chmod(0o755)
    env = environment(PROBER_CONFIG=str(LAB_CONFIG), PYTHONPATH=str(Path(__file__).parent.parent.parent))
    return {**env, "PATH": f"{shim.parent}:{os.environ['PATH']}"}


@pytest.fixture
def job(tmp_path):
    """A folder, and the environment of its jobs."""
    return tmp_path, environment_in(tmp_path)


@pytest.fixture(scope="module")
def all_well(tmp_path_factory):
    """What an example kept of a staging that was well: twenty rounds, so for all of them once."""
    folder = tmp_path_factory.mktemp("well")
    with lab() as (_, told):
        done = ran(github, "what holds now", folder, **environment_in(folder), **told)
    assert 0 == done.returncode, done.stderr
    return folder / "before.json"


@pytest.fixture(scope="module")
def broken():
    """One that a deploy broke."""
    with lab(words=("--fault", FAULT)) as (_, told):
        yield told


LONG = pytest.mark.long  # GitHub's stands for all of them in the short form


@pytest.mark.timeout(150)
@pytest.mark.parametrize("example", [github, pytest.param(gitlab, marks=LONG), pytest.param(cloudbuild, marks=LONG)])
def test_a_broken_deploy_ends_the_pipeline(example, job, all_well, broken):
    """With 1; the files it hands on are there, and blame the deploy: before it all was well."""
    folder, env = job
    shutil.copy(all_well, folder)
    gate = ran(example, "gate", folder, **env, **broken)
    report = Junit(str(folder / "gate.xml"))

    assert 1 == gate.returncode, gate.stderr
    assert "REGRESSION" in gate.stdout
    assert "## ✗ `validation`: NO GO" in (folder / "gate.md").read_text()
    assert [True] == [case.failed() for suite in report.suites for case in suite.all() if case.name == "gate"]


@pytest.mark.parametrize(
    ("example", "code"), [(github, 0), pytest.param(gitlab, 1, marks=LONG), pytest.param(cloudbuild, 0, marks=LONG)]
)
def test_a_staging_that_is_broken_already_keeps_no_mending_out(example, code, job, broken):
    """It is written down, and the deploy goes on; in GitLab the job may fail for that."""
    folder, env = job
    before = ran(example, "what holds now", folder, **env, **broken)

    assert code == before.returncode, before.stderr
    assert True is json.loads((folder / "before.json").read_text())["baselines"]["validation"]["failing"]
    assert True is read("gitlab.yml")[0]["what holds now"]["allow_failure"]


def test_what_held_before_is_no_verdict_of_the_job(job, broken):
    """Its summary and annotations are those of the gate alone."""
    folder, env = job
    here = {"GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": str(folder / "summary.md")}
    before = ran(github, "what holds now", folder, **env, **broken, **here)

    assert "::error" not in before.stderr
    assert not (folder / "summary.md").exists()
