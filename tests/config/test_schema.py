"""The shape of the file, for us and for editors."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from prober.config.problems import SENTENCES
from prober.config.schema import Form, _forms, dumped, json_schema, known_keys, read
from prober.config.tree import grow

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
SHIPPED = [ROOT / "probes.yaml", ROOT / "prober" / "lab" / "probes.yaml", HERE / "good.yaml"]

#: Files in `bad/` of a wrong shape that JSON Schema sees too, without knowing what names lead to.
OF_WRONG_SHAPE = [
    *(
        "bad_environment",
        "bad_name",
        "bad_version",
        "duration_without_unit",
        "duration_word",
        "empty_chains",
        "expect_word",
    ),
    *("header_name", "identity_header", "identity_source"),
    *("missing_key", "missing_probe", "missing_section", "no_method", "no_steps", "not_a_mapping"),
    *(
        "path_relative",
        "ratio_over_one",
        "secret_in_file",
        "status_word",
        "two_methods",
        "unknown_key",
        "unknown_probe",
    ),
    *("url_scheme", "url_userinfo", "wrong_role", "algorithm_none"),
]


def flaws(path):
    """What a validator of JSON Schema says of a file as it is written."""
    return list(Draft202012Validator(json_schema()).iter_errors(grow(path.read_text(), "f").value))


def test_the_json_schema_is_one():
    """By the rules of the draft it names, and as JSON."""
    Draft202012Validator.check_schema(json.loads(json.dumps(json_schema())))

    assert "https://json-schema.org/draft/2020-12/schema" == json_schema()["$schema"]


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.parent.name)
def test_the_json_schema_takes_good_files_with_their_variables(path):
    """An editor sees `${VARIABLE}` where we see what it becomes."""
    assert [] == flaws(path)


@pytest.mark.parametrize("name", OF_WRONG_SHAPE)
def test_the_json_schema_refuses_bad_files(name):
    """An editor underlines what we would refuse."""
    assert flaws(HERE / "bad" / f"{name}.yaml")


def test_the_json_schema_explains_itself():
    """Every form, and the keys that need it, carry a description for the editor."""
    assert not [name for name, form in json_schema()["$defs"].items() if not form.get("description")]


@pytest.mark.parametrize(
    ("location", "key"),
    [
        ((), "chains"),
        (("issuers", "a", "route"), "token_at"),
        (("chains", "a", "steps", 0, "websocket"), "welcome"),
        (("chains", "a", "steps", 0, "stream", "expect"), "first_event"),
        (("chains", "a", "steps", 0, "secret_match", "parties", "b"), "ask"),
    ],
)
def test_the_known_keys_of_every_place_can_be_told(location, key):
    """So that a misspelt one is answered with the closest."""
    assert key in known_keys(location)


def test_a_document_survives_being_written(good):
    """Also null, and empty mappings, inside JSON."""
    value = grow(good(('json: {email: "{email}"}', "json: {a: null, b: {}, c: []}")), "f").value
    document, _, __ = read(value, value)

    assert document == read(dumped(document), {})[0]


def test_what_pydantic_may_find_has_a_sentence_of_ours(good):
    """Its own words appear nowhere."""
    text = good(
        ('"https://api.example"', "5"),
        ("env:JWT_SECRET", "[]"),
        ("version: 1", "version: []"),
        ("shows: health", "shows: []"),
    )
    value = grow(text, "f").value
    _, findings, __ = read(value, value)

    assert not [found for found in findings if found.wrong == "does not fit here"]
    assert all(len(sentence) == len(("wrong", "wanted")) for sentence in SENTENCES.values())


def test_to_import_the_shape_makes_no_reader_and_reads_no_source():
    """Both were half of its import, at every start; the whole document's reader is made when there is one to read."""
    asked = """
import linecache
from prober.config import schema
made = [form.__name__ for form in schema._forms(schema.Form) if form.__pydantic_complete__]
read = [name for name in linecache.cache if name.endswith("schema.py")]
print(made, read)
"""
    told = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True).stdout

    assert told == "[] []\n"


def test_a_form_of_which_nothing_is_written_is_as_if_it_were_read():
    """It is made without its reader."""
    usual = [field.default for form in _forms(Form) for field in form.model_fields.values()]

    forms = [each for each in usual if isinstance(each, Form)]

    assert len(forms) > 10
    assert [type(each).model_validate({}) for each in forms] == forms
