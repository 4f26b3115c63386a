"""Entries survive being a line of a file."""

from dataclasses import replace

import pytest

from prober.model.slot import Missed
from prober.publish.history.entries import (
    Claimed,
    Closed,
    Dropped,
    Kept,
    Noted,
    Swept,
    from_line,
    to_line,
    weight,
    without_overtaken,
    without_run,
)
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
    Noted(location="main", name="alarms", text='{"ü": 1}', at=1.5),
    Claimed(location="main", name="first look:validation", instance="a", at=1.5, lasts_seconds=20.0),
    Dropped(),
]


TOLD = (("old", 1.0), ("newer", 2.0), ("last", 2.0))


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: type(entry).__name__)
def test_a_line_is_the_entry_again(entry):
    """Equal to the one that was written, and one line."""
    line = to_line(entry)

    assert entry == from_line(line)
    assert "\n" not in line


def test_a_note_weighs_what_it_says():
    """Some say fifteen thousand bytes."""
    short, long = (Noted(location="main", name="alarms", text="x" * size) for size in (0, 15_000))

    assert 15_000 == weight(long) - weight(short)


def test_of_notes_of_one_name_the_newest_is_left():
    """By its time, or else by its place; in one place nobody's note is another's."""
    old, newer, last = (Noted(location="main", name="alarms", text=text, at=at) for text, at in TOLD)
    elsewhere = replace(old, location="elsewhere")

    assert [elsewhere, due(), last] == without_overtaken([old, elsewhere, due(), newer, last])
    assert [due(), newer] == without_overtaken([due(), newer, old])


def test_without_its_run_a_slot_is_still_in_the_books():
    """And takes next to nothing."""
    less = without_run(ended())

    assert (Missed.STORE_UNAVAILABLE, None, ended().slot) == (less.missed, less.record, less.slot)
    assert weight(less) < weight(ended()) / 3
    assert due() is without_run(due()) or due() == without_run(due())
