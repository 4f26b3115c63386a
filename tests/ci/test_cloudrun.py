"""The manifests under deploy/cloudrun: their form, and that all they name is there, in the program and elsewhere."""

import copy
import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator
from ruamel.yaml import YAML
from typer.main import get_command

from prober.cli import app
from prober.config.load import load
from prober.publish.web.routes.health import router

ROOT = Path(__file__).parents[2]
CLOUDRUN = ROOT / "deploy" / "cloudrun"
SCHEMA = Draft202012Validator(json.loads((CLOUDRUN / "schema.json").read_text()))


def read(path):
    """A manifest."""
    return YAML(typ="safe").load(path.read_text())


SERVICE, JOB = (read(CLOUDRUN / f"{kind}.yaml") for kind in ("service", "job"))
BUILD = read(ROOT / "deploy" / "ci" / "cloudbuild.yaml")
SPECS = {"service": SERVICE["spec"]["template"]["spec"], "job": JOB["spec"]["template"]["spec"]["template"]["spec"]}
CONTAINERS = {name: spec["containers"][0] for name, spec in SPECS.items()}
each = pytest.mark.parametrize("name", SPECS)


def plain(container):
    """Its variables with their values."""
    return {entry["name"]: entry["value"] for entry in container["env"] if "value" in entry}


def secret(container):
    """Its variables with the secrets that they come from."""
    found = ((entry["name"], entry["valueFrom"]["secretKeyRef"]) for entry in container["env"] if "valueFrom" in entry)
    return {name: (ref["name"], ref["key"]) for name, ref in found}


def changed(path, value):
    """The service with something else at a path."""
    made = copy.deepcopy(SERVICE)
    *way, last = path
    inner = made
    for key in way:
        inner = inner[key]
    inner[last] = value
    return made


# ── their form ───────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("manifest", [SERVICE, JOB], ids=["service", "job"])
def test_a_manifest_has_the_form(manifest):
    """What Cloud Run does not know it refuses, or worse, ignores."""
    assert [] == [error.message for error in SCHEMA.iter_errors(manifest)]


_SCALING = ("spec", "template", "metadata", "annotations")
_FIRST = ("spec", "template", "spec", "containers", 0)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ((*_SCALING, "autoscaling.knative.dev/minScale"), "0"),
        ((*_SCALING, "run.googleapis.com/cpu-throttling"), "true"),
        (("metadata", "annotations", "run.googleapis.com/ingress"), "all"),
        ((*_FIRST, "image"), "prober:latest"),
        ((*_FIRST, "env", -1, "valueFrom", "secretKeyRef", "key"), "latest"),
        ((*_FIRST, "readynessProbe"), {}),
        (("spec", "template", "spec", "serviceAccountName"), "default"),
    ],
)
def test_what_would_do_harm_is_no_form(path, value):
    """To scale to zero, to sleep between requests, to be public, or to run whatever is newest."""
    assert not SCHEMA.is_valid(changed(path, value))


# ── what they name ───────────────────────────────────────────────────────────────────────────────────────────────────


@each
def test_the_program_takes_its_arguments(name):
    """By the program's own reader of arguments: a command that is not there ends with 2, again and again."""
    command, *words = CONTAINERS[name]["args"]

    context = get_command(app).commands[command].make_context(command, words)

    assert {"service": "0.0.0.0:9464", "job": ["validation"]}[name] in context.params.values()


@each
def test_its_chains_and_variables_are_those_of_the_config(name):
    """The shipped probes.yaml is complete with them, and reads each one; nothing is handed over that nobody reads."""
    container = CONTAINERS[name]
    environ = plain(container) | dict.fromkeys(secret(container), "s" * 40)
    plan, text = load(ROOT / "probes.yaml", environ), (ROOT / "probes.yaml").read_text()

    assert "validation" in plan.chains
    assert [] == [variable for variable in environ if not re.search(rf"\b{variable}\b", text + "PROBER_CONFIG")]
    assert (environ["AUTH_URL"], environ["BACKEND_URL"]) == tuple(plan.services[s].url for s in ("auth", "backend"))


@each
def test_the_config_lies_where_it_is_looked_for(name):
    """The mounted file is the one that the variable names."""
    (volume,), (mount,) = SPECS[name]["volumes"], CONTAINERS[name]["volumeMounts"]
    (item,) = volume["secret"]["items"]

    assert volume["name"] == mount["name"]
    assert f"{mount['mountPath']}/{item['path']}" == plain(CONTAINERS[name])["PROBER_CONFIG"]


def test_its_probes_ask_what_answers():
    """At the port that it listens on, at routes that are there: alive is not the same as ready."""
    container, routes = CONTAINERS["service"], {route.path for route in router.routes}
    asked = [container[probe]["httpGet"] for probe in ("startupProbe", "livenessProbe")]
    (port,) = container["ports"]

    assert ["/-/ready", "/-/healthy"] == [probe["path"] for probe in asked]
    assert {probe["path"] for probe in asked} <= routes
    assert {port["containerPort"]} == {probe["port"] for probe in asked}
    assert f":{port['containerPort']}" in container["args"][-1]


def test_its_history_fits_its_memory():
    """Cloud Run's files are in memory: what is kept must leave room for the prober itself."""
    container = CONTAINERS["service"]
    environ = plain(container) | dict.fromkeys(secret(container), "s" * 40)

    assert "1Gi" == container["resources"]["limits"]["memory"]
    assert load(ROOT / "probes.yaml", environ).history.mebibytes <= 256


def test_service_job_and_build_agree():
    """One secret has one name and one version, one service one address, whoever asks."""
    service, job = secret(CONTAINERS["service"]), secret(CONTAINERS["job"])
    versions = BUILD["availableSecrets"]["secretManager"]
    build = {entry["env"]: entry["versionName"].split("/")[3] for entry in versions}

    assert job.items() <= service.items()
    assert {variable: name for variable, (name, _) in job.items()} == build
    assert set(plain(CONTAINERS["job"]).items()) <= set(plain(CONTAINERS["service"]).items())
    assert SPECS["job"]["serviceAccountName"] == SPECS["service"]["serviceAccountName"]


# ── who may what ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_each_secret_that_is_read_may_be_read():
    """And no other: a secret that nobody names any more is not left open."""
    mounted = {volume["secret"]["secretName"] for volume in SPECS["service"]["volumes"]}
    named = {name for name, _ in secret(CONTAINERS["service"]).values()} | mounted
    granted = re.search(r"for secret in ([^;]+);", (CLOUDRUN / "iam.sh").read_text())[1].split()

    assert sorted(named) == sorted(granted)


def test_grants_are_no_wider_than_their_reason(tmp_path):
    """What the script really calls: nothing on the project, nothing for everybody, each with a reason before it."""
    calls = tmp_path / "calls"
    stub = tmp_path / "gcloud"
    stub.write_text(f'#!/bin/sh\necho "$@" >> {calls}\n')
    stub.chmod(0o700)
    told = {"PROJECT": "p", "REGION": "r", "DEPLOYER": "serviceAccount:d", "READERS": "group:g", "BACKEND": "b@p"}
    environ = {**told, "PATH": f"{tmp_path}:/usr/bin:/bin"}
    bash = shutil.which("bash")
    for when in ("before", "after"):
        subprocess.run([bash, CLOUDRUN / "iam.sh", when], env=environ, check=True, timeout=10)
    lines = calls.read_text().splitlines()
    roles = {re.search(r"--role=(\S+)", line)[1] for line in lines if "--role" in line}

    assert 13 == len(lines)
    assert not any(line.startswith("projects ") or "allUsers" in line for line in lines)
    assert roles == {
        *("roles/secretmanager.secretAccessor", "roles/run.invoker", "roles/run.developer"),
        *("roles/iam.serviceAccountUser", "roles/run.jobsExecutorWithOverrides"),
    }
