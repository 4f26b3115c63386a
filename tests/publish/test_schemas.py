"""Tests of prober/publish/schemas.py."""

import json
from dataclasses import replace

import pytest
from jsonschema import Draft202012Validator

from prober.model.alarm import Alarm, AlarmState, Alert, Evidence, Severity
from prober.model.gate import Because, Standing
from prober.publish.document import document
from prober.publish.schemas import SCHEMAS
from tests import builders as b
from tests.publish import builders as p
from tests.publish.gates import BEFORE, build_gate, told


def closed(schema):
    """The same schema, in which a key that it does not name is a complaint: nothing goes out undescribed."""
    if isinstance(schema, list):
        return [closed(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    found = {name: closed(each) for name, each in schema.items()}
    return {**found, "additionalProperties": False} if "properties" in found and "required" in found else found


def complaints(name, value):
    """What the schema has against a document."""
    found = Draft202012Validator(closed(SCHEMAS[name])).iter_errors(json.loads(json.dumps(value)))
    return [f"{each.json_path}: {each.message}" for each in found]


ALARM = Alarm(
    chain="validation",
    alert=Alert.PAGE,
    severity=Severity.PAGE,
    state=AlarmState.GOOD,
    since=b.NOON,
    episode="",
    evidence=Evidence(),
)

REPORTS = [
    p.build_report(),
    p.broken_report(),
    p.build_report(alarms=(ALARM,)),
    p.build_report(windows=()),
    replace(p.broken_report(), run=replace(p.broken_report().run, second_looks=p.broken_results()[2:4])),
]


@pytest.mark.parametrize("report", REPORTS)
def test_a_report_is_as_its_schema_says(report):
    """And says nothing that its schema does not."""
    assert complaints("report", document(report)) == []


@pytest.mark.parametrize("because", Because)
def test_a_gate_is_as_its_schema_says(because):
    """Whatever it came to."""
    letters = {Because.BLIND: "bbb", Because.MOOT: "ppp"}.get(because, "+-x")
    gate = build_gate(letters, because, standing=Standing.REGRESSION, before=BEFORE, remarks=("A.",))

    assert complaints("gate", told(gate)) == []


@pytest.mark.parametrize(
    ("name", "wrong"),
    [("verdict", "go"), ("schema", 2), ("ok", "yes"), ("lowerBound", 2), ("rounds", {}), ("id", None)],
)
def test_what_is_no_gate_is_complained_of(name, wrong):
    """A schema that takes everything says nothing."""
    assert complaints("gate", {**told(build_gate()), name: wrong}) != []


def test_what_is_missing_is_complained_of():
    """Every key is relied on by somebody."""
    whole = told(build_gate())

    assert [] == [name for name in whole if not complaints("gate", {key: whole[key] for key in whole if key != name})]


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_schema_is_one(name):
    """As Draft 2020-12 wants it."""
    Draft202012Validator.check_schema(SCHEMAS[name])

    assert SCHEMAS[name]["required"]
