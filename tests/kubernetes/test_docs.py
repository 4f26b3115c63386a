"""docs/kubernetes.md: its values are those of the chart, its files are there; its commands of ours: tests/docs."""

import json
import re
import shlex

import pytest
from jsonschema import Draft7Validator

from deploy.kubernetes.manifests import CHART, ROOT, objects

DOC = (ROOT / "docs" / "kubernetes.md").read_text()
SCHEMA = json.loads((CHART / "values.schema.json").read_text())


def blocks(kind=""):
    """Its code blocks of a kind."""
    found = re.findall(r"^```(\w*)\n(.*?)^```$", DOC, re.MULTILINE | re.DOTALL)
    return [text for its_kind, text in found if its_kind == kind]


LINES = [shlex.split(line) for block in blocks() for line in block.splitlines()]


def lines(program):
    """The command lines of a program."""
    return [line for line in LINES if line[0] == program]


def after(option, line):
    """What follows each such option."""
    return [line[place + 1] for place, word in enumerate(line) if word == option]


def test_each_line_is_of_a_program_that_is_looked_at_here():
    """None slips through."""
    assert {"helm", "kubectl", "prober"} == {line[0] for line in LINES}


@pytest.mark.parametrize("line", lines("helm") + lines("kubectl"), ids=lambda it: " ".join(it[:3]))
def test_the_files_of_each_command_are_there(line):
    """As seen from the top of the project; those that the reader brings are named as in the text."""
    named = {*after("-f", line), *after("--values", line), *(word for word in line if word.startswith("deploy/"))}

    assert [] == [name for name in named if not (ROOT / name).exists()]
    assert {word.partition("=")[2] for word in after("--set-file", line)} <= {"probes.yaml", "rules.yml"}


@pytest.mark.parametrize("line", lines("helm"), ids=lambda it: " ".join(it[:3]))
def test_each_value_that_is_set_is_one(line):
    """By the schema of the chart."""
    for each in after("--set", line) + after("--set-file", line):
        form = SCHEMA
        for name in each.partition("=")[0].split("."):
            form = form["properties"][name] if "properties" in form else form["additionalProperties"]


@pytest.mark.parametrize("block", blocks("yaml"))
def test_the_values_it_shows_are_taken(block):
    """By the schema of the chart."""
    whole = {"image": {"repository": "prober"}, "replicas": 1, **objects(block)[0]}

    assert [] == [error.message for error in Draft7Validator(SCHEMA).iter_errors(whole)]


def test_the_namespace_wants_what_the_pods_are():
    """Restricted."""
    (namespace,) = objects((ROOT / "deploy/kubernetes/namespace.yaml").read_text())

    assert "prober" == namespace["metadata"]["name"]
    assert "restricted" == namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"]
