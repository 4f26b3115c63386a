"""Signals and readings as people read them."""

import pytest

from prober.model.signal import Reading, Signal


@pytest.mark.parametrize(
    ("signal", "expected"),
    [
        (Signal("credentials"), "credentials"),
        (Signal("health", ("auth",)), "health(auth)"),
        (Signal("accepts", ("local", "backend")), "accepts(local, backend)"),
    ],
)
def test_a_signal_reads_like_a_call(signal, expected):
    """Its name, and whom it is about."""
    assert expected == str(signal)


def test_a_reading_reads_like_an_equation():
    """The signal and its value; the steps that show it are told beside it."""
    assert "health(auth) = ok" == str(Reading(Signal("health", ("auth",)), "ok", ("auth-health",), normal=True))


def test_a_signal_is_found_in_a_table_without_a_line_of_python():
    """A run looks for one two hundred times."""
    assert (tuple.__hash__, tuple.__eq__) == (Signal.__hash__, Signal.__eq__)


def test_signals_are_values():
    """Two signals about the same are the same, and they sort, so that a report reads the same every time."""
    assert Signal("health", ("auth",)) == Signal("health", ("auth",))
    assert ["accepts", "health(auth)", "health(backend)"] == [
        str(s) for s in sorted([Signal("health", ("backend",)), Signal("accepts"), Signal("health", ("auth",))])
    ]
