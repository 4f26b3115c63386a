"""Entries survive being a line of a file."""

import pytest

from prober.model.slot import Missed
from prober.publish.history.entries import Closed, Dropped, Kept, Noted, Swept, from_line, to_line, weight, without_run
from prober.publish.history.record import Record
from tests.publish import builders as p
from tests.publish.history.conftest import GRID, due, ended, opened

ENTRIES = [
    opened(),
    Closed(grid=GRID, sequence=7, why=Missed.RELOAD),
    due(),
    due(missed=Missed.OVERRUN),
    ended(),
    ended(late=True),
    ended(missed=Missed.SHUTDOWN),
    Swept(location="main", instance="a", before=1e18),
    Kept(location="main", record=Record.of(p.broken_report())),
    Noted(location="main", name="alarms", text='{"ü": 1}'),
    Dropped(),
]


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: type(entry).__name__)
def test_a_line_is_the_entry_again(entry):
    """Equal to the one that was written, and one line."""
    line = to_line(entry)

    assert entry == from_line(line)
    assert "\n" not in line


def test_without_its_run_a_slot_is_still_in_the_books():
    """And takes next to nothing."""
    less = without_run(ended())

    assert (Missed.STORE_UNAVAILABLE, None, ended().slot) == (less.missed, less.record, less.slot)
    assert weight(less) < weight(ended()) / 3
    assert due() is without_run(due()) or due() == without_run(due())
