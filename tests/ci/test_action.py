"""action.yml, step by step, in a real bash with the real prober against the lab; the GitLab template beside it."""

import re
import subprocess
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from tests.ci.runner import Job
from tests.ci.test_examples import EXAMPLES, FAULT, environment_in
from tests.test_cli import lab

ROOT = EXAMPLES.parents[1]
ACTION = YAML(typ="safe").load((ROOT / "action.yml").read_text())
TEMPLATE = YAML(typ="safe").load((EXAMPLES / "gitlab-template.yml").read_text())

#: What an input may hold when somebody else chose it, such as the name of a branch.
EVIL = "$(touch touched) `touch touched` ';touch touched;' \"; touch touched #\n--help\ntouch touched\n${{ 1 }}"


@pytest.fixture
def job(tmp_path):
    """One on whose path prober is."""
    return Job(tmp_path, environment_in(tmp_path))


@pytest.mark.long  # twenty rounds
@pytest.mark.timeout(150)
def test_a_good_deploy_goes_on(job):
    """With outputs to build on, files, and the verdict in the job's summary."""
    with lab() as (_, told):
        job.environment |= told
        job.uses(ROOT, version="installed", chain="validation", revision="", baseline="there-is-none.json")
    said = job.outputs

    assert 0 == job.code, job.log
    assert ("pass", "true", "1.0", "") == (said["verdict"], said["ok"], said["success-ratio"], said["causes"])
    assert "✓" in job.summary
    assert Path(said["junit"]).read_text().startswith("<?xml")
    assert "GO" in Path(said["markdown"]).read_text()


def test_a_broken_deploy_ends_the_job(job):
    """With the cause in an annotation and in the outputs."""
    with lab(words=("--fault", FAULT)) as (_, told):
        job.environment |= told
        job.uses(ROOT, version="installed", chain="validation", revision="")
    said = job.outputs

    assert 1 == job.code, job.log
    assert ("fail", "false") == (said["verdict"], said["ok"])
    assert "jwt_secret_drift" in said["causes"].split(",")
    assert "::error title=validation%3A NO GO" in job.log
    assert "NO GO" in job.summary


@pytest.mark.parametrize(("strict", "code"), [("true", 4), ("false", 0)])
def test_what_is_not_enough_evidence_ends_it_or_warns(job, strict, code):
    """As the input says; it is never told as a go."""
    shim = job.folder / "bin" / "prober"
    shim.write_text("#!/bin/sh\n[ $1 = gate ] || exit 0\necho PROBER_VERDICT=inconclusive >>$GITHUB_OUTPUT\nexit 4\n")
    job.uses(ROOT, version="installed", fail_on_inconclusive=strict)

    assert (code, "inconclusive", "") == (job.code, job.outputs["verdict"], job.outputs["ok"])


@pytest.mark.long
def test_what_held_before_never_ends_it(job):
    """Nor annotates."""
    with lab(words=("--fault", FAULT)) as (_, told):
        job.environment |= told
        job.uses(ROOT, version="installed", chain="validation", save_baseline="before.json")

    assert 0 == job.code, job.log
    assert (job.folder / "before.json").exists()
    assert "::error" not in job.log


@pytest.mark.parametrize("name", sorted(ACTION["inputs"]))
def test_no_input_is_run(job, name):
    """Whatever it holds: it reaches prober as one word or not at all, and is no option of its own."""
    seen = job.folder / "seen"
    shim = job.folder / "bin" / "prober"
    shim.write_text(f'#!/bin/sh\n[ $1 = gate ] || exit 0\nprintf "%s\\0" "$@" >>{seen}\nexit 4\n')
    job.uses(ROOT, **{"version": "installed", name.replace("-", "_"): EVIL})
    words = seen.read_text().split("\0") if seen.exists() else []

    assert not (job.folder / "touched").exists()
    assert job.code != 0 or name == "save-baseline"
    if name == "chain":
        assert EVIL.splitlines() == words[words.index("--") + 1 : -1]
    elif name in ("config", "revision", "server", "save-baseline"):
        assert [f"--{name}={EVIL}"] == [word for word in words if "touch" in word]
    else:
        assert [] == [word for word in words if "touch" in word]


def test_no_expression_stands_in_a_script():
    """A shell would read what it stands for: they are in `env:` alone, and scripts take variables in quotes."""
    steps = ACTION["runs"]["steps"]

    assert [] == [step["run"] for step in steps if "${{" in step["run"]]
    assert set(ACTION["inputs"]) == {
        name for step in steps for value in step["env"].values() for name in re.findall(r"inputs\.([\w-]+)", value)
    }


@pytest.mark.parametrize("script", ["install", "gate"])
def test_what_its_scripts_read_they_are_given(script):
    """Every variable of theirs is in the step's `env:`, or the runner's."""
    (step,) = [each for each in ACTION["runs"]["steps"] if each["run"].endswith(f'/{script}"')]
    read = set(re.findall(r"\$\{?([A-Z_]+)", (EXAMPLES / "action" / script).read_text()))

    assert read - {"RUNNER_TEMP", "GITHUB_OUTPUT", "GITHUB_PATH"} <= set(step["env"])


def test_the_token_is_no_argument():
    """Everybody on the machine reads those: it goes by the variable that prober looks for."""
    (gate,) = [step for step in ACTION["runs"]["steps"] if step.get("id") == "gate"]

    assert "${{ inputs.token }}" == gate["env"]["PROBER_TOKEN"]
    assert "TOKEN" not in (EXAMPLES / "action" / "gate").read_text()


@pytest.mark.long
@pytest.mark.timeout(240)
def test_it_brings_its_own_prober(job):
    """That of its own commit, with what is locked, into a place of the runner's."""
    job.environment["PATH"] = job.environment["PATH"].partition(":")[2]  # without ours
    job.uses(ROOT, save_baseline="before.json", config="there-is-none.yaml")

    assert re.search(r"^prober \d+\.\d+\.\d+$", job.log, re.MULTILINE), job.log
    assert 0 == job.code


# ── GitLab ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def gitlab(name, folder, environment, **variables):
    """The script of a job of the template, run as GitLab does, with the variables that it sets and is given."""
    given = {**TEMPLATE[".prober"]["variables"], "PROBER_REVISION": "", **variables}
    env = {**environment, **{n: v for n, v in given.items() if n != "PROBER_CONFIG"}}
    script = "\n".join(TEMPLATE[name]["script"])
    return subprocess.run(
        ["/bin/sh", "-e", "-c", script], cwd=folder, env=env, capture_output=True, text=True, timeout=90, check=False
    )


@pytest.mark.long
def test_gitlab_has_the_verdict_for_later_jobs(tmp_path):
    """As variables, and in the test report; the job ends as the gate did."""
    with lab(words=("--fault", FAULT)) as (_, told):
        done = gitlab(".prober-gate", tmp_path, environment_in(tmp_path) | told)
    reports = TEMPLATE[".prober-gate"]["artifacts"]["reports"]
    said = dict(line.split("=", 1) for line in (tmp_path / reports["dotenv"]).read_text().splitlines())

    assert 1 == done.returncode, done.stderr
    assert ("fail", "false") == (said["PROBER_VERDICT"], said["PROBER_OK"])
    assert (tmp_path / reports["junit"]).read_text().startswith("<?xml")


def test_nothing_that_gitlab_is_given_is_run(tmp_path):
    """Names of branches come from whoever pushes."""
    for name in ("PROBER_CHAIN", "PROBER_REVISION", "PROBER_BASELINE", "PROBER_SERVER"):
        folder = tmp_path / name
        folder.mkdir()
        env = environment_in(folder)
        (folder / "bin" / "prober").write_text("#!/bin/sh\nexit 4\n")
        done = gitlab(".prober-gate", folder, env, **{name: EVIL})

        assert 4 == done.returncode
        assert not (folder / "touched").exists()
