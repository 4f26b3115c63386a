"""How a complaint reads, and what it never shows."""

import pytest

from prober.config.problems import Finding, NothingFound, Problem, Sheet, looks_secret, place_of, printed, quoted


@pytest.mark.parametrize(
    ("problem", "text"),
    [
        (
            Problem(file="f", line=4, path="a.b[2]", wrote='"x"', wrong="is no y", wanted="write z"),
            'f:4: a.b[2]: "x" is no y; write z',
        ),
        (Problem(file="f", wrong="is empty", wanted="fill it"), "f: is empty; fill it"),
        (Problem(file="f", line=1, wrong="is w", wanted="there are: a, b", hint='"a"'), 'f:1: is w; did you mean "a"?'),
        (
            NothingFound(("./x",)),
            "no config found (looked at ./x); write a probes.yaml, name one, or try `prober demo`: it needs none",
        ),
    ],
)
def test_a_complaint_is_one_line(problem, text):
    """File, line, place: what was written, what is wrong with it; what would do, or the closest name that would."""
    assert text == str(problem)


@pytest.mark.parametrize(
    ("place", "text"), [((), ""), (("a", 0, "b-c"), "a[0].b-c"), (("a", "x.y"), 'a["x.y"]'), (("a", "é"), 'a["é"]')]
)
def test_a_place_reads_as_people_write_it(place, text):
    """Keys that are no plain words stand in quotes."""
    assert text == printed(place)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "an empty value"),
        ({}, "a mapping"),
        ([1], "a list"),
        (True, "true"),
        (1.5, "1.5"),
        ("a\nb", '"a\\nb"'),
        ("x" * 80, f'"{"x" * 60}…"'),
        ("${KEY:-hunter2}", '"${KEY}"'),
        ("https://me:pw@host", "this value"),
    ],
)
def test_a_value_is_quoted_in_short_and_in_one_line(value, text):
    """And not at all when it may be a secret."""
    assert text == quoted(value)


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("kR8vTq2LmXw9ZpYb4NsHd7Gc", True),
        ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhIn0.c2ln", True),
        ("9f86d081884c7d659a2feaa0c55ad015", True),
        ("staging-e2e-user-001", False),
        ("E2E_OAUTH_SIMULATION_KEY", False),
        ("/api/v2/Some/longer/Path/1", False),
        ("https://auth.staging.example", False),
    ],
)
def test_a_secret_is_known_by_its_looks(text, is_one):
    """Names, paths and addresses are not taken for one."""
    assert is_one == looks_secret(text)


def test_a_location_loses_what_is_not_in_the_document():
    """Tags of unions, lists made of one value and the mark of a key are pydantic's own."""
    raw = {"steps": [{"probe": "http", "close": "x"}]}

    assert [("steps", 0, "close"), ("steps", 0, "name")] == [
        place_of(("steps", 0, "http", "close", 0), raw),
        place_of(("steps", 0, "http", "name"), raw, with_missing=True),
    ]


def test_a_missing_place_has_the_line_of_what_is_around_it():
    """There is no better one."""
    sheet = Sheet("f", {"a": {}}, {(): 1, ("a",): 3})

    assert "f:3: a.b: is missing; add it" == str(
        sheet.problem(Finding(at=("a", "b"), wrong="is missing", wanted="add it"))
    )
