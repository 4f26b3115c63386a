"""What becomes of `${NAME}`."""

import pytest

from prober.config.variables import escaped, fill, lacking


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("${A}", "one"),
        ("x-${A}-${B:-two}", "x-one-two"),
        ("${A:-other}", "one"),
        ("${EMPTY:-other}", "other"),
        ("${EMPTY}", ""),
        ("${NOT:-}", ""),
        ("$${A}", "${A}"),
        ("$A ${", "$A ${"),
        ("${NESTED}", "${A}"),
        ("${NOT}", "${NOT}"),
    ],
)
def test_a_variable_becomes_text_once(text, expected):
    """A default stands in for unset and for empty; what was filled in is not filled in again."""
    assert expected == fill(text, {"A": "one", "EMPTY": "", "NESTED": "${A}"})


def test_only_values_are_filled_in():
    """Keys are the form of the file; they are never made from the environment."""
    assert {"${A}": ["one", 1, None]} == fill({"${A}": ["${A}", 1, None]}, {"A": "one"})


def test_every_missing_variable_is_told_with_its_place():
    """Also the second in a text, and those in lists."""
    found = lacking({"a": ["${X}-${Y}", "${Z:-z}"], "b": "${", "c": 1}, {})

    assert [(("a", 0), "${X}"), (("a", 0), "${Y}"), (("b",), "${")] == [(each.at, each.wrote) for each in found]


def test_an_escaped_text_comes_back_as_it_was():
    """`effective` prints texts that are filled in again when they are read."""
    assert "a ${B} c" == fill(escaped("a ${B} c"), {"B": "no"})
