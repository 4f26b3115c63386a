"""The table of controls is whole."""

import pytest

from prober.model.controls import CONTROLS, HEADERS, SPOOFED, TAMPERED, Made, Safety


def test_every_control_is_made_in_one_way():
    """By an issuer of its own, by one of two tables, or by a wrong secret in a step."""
    secrets = {name for name, kind in CONTROLS.items() if kind.made is Made.SECRET}
    ways = [*TAMPERED, *SPOOFED, *secrets, "none", "forged", "expired"]

    assert sorted(CONTROLS) == sorted(ways)


def test_every_control_of_headers_has_headers():
    """The config need not write them."""
    assert set(SPOOFED) == set(HEADERS)


@pytest.mark.parametrize("name", ["exp-huge", "exp-missing", "exp-decade"])
def test_what_would_last_is_not_tried_without_leave(name):
    """Should it be accepted, whoever reads it in a log has a credential."""
    assert CONTROLS[name].safety is Safety.OPT_IN


@pytest.mark.parametrize("kind", CONTROLS.values(), ids=CONTROLS)
def test_every_control_says_what_it_is(kind):
    """In a few words, with a source."""
    assert kind.about
    assert kind.reference
