"""What stands below the fields of a class."""

from dataclasses import dataclass

from prober.config import docstrings
from prober.config.docstrings import of_fields
from prober.config.schema import HttpForm


@dataclass
class Plain:
    """A class of nobody's forms."""

    told: int
    """What it is told."""


def test_a_field_is_told_by_what_stands_below_it():
    """Its lines are made one text; a field with nothing below it has an empty one."""
    texts = of_fields(HttpForm)

    assert texts["shows"].startswith("What this request tells of its service")
    assert "  " not in texts["shows"]
    assert texts["expect"] == ""


def test_a_field_of_a_base_keeps_its_words():
    """Of all classes that a form is made of, the nearest has the last word."""
    texts = of_fields(HttpForm)

    assert texts["needs"]
    assert list(texts).index("needs") < list(texts).index("shows")


def test_who_is_none_of_ours_is_not_read():
    """The source of a library need not be there."""
    assert {} == of_fields(Plain)


def test_a_file_is_read_once():
    """However many of its classes are asked for."""
    of_fields(HttpForm)
    before = docstrings._of_module.cache_info().misses

    of_fields(HttpForm)

    assert before == docstrings._of_module.cache_info().misses
