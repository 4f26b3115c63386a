"""The checker of recorded histories: a sound one passes, and each way to be wrong is found."""

from dataclasses import replace

import pytest

from prober.judge.ledger import phase
from tests.instances.history import RULES, Gap, Grid, History, Run, Slot, Span, complaints, longest_blind

PHASE = phase("api", 1.0)
GRID = Grid(id=1, chain="api", location="here", interval_seconds=1.0, first=10, accounted=20, skipped=2)


def slot(sequence, **more):
    """A slot that was recorded."""
    given = {"state": "recorded", "instance": "a", "expires": sequence + 5.0, "run": f"r{sequence}", **more}
    return Slot(grid=1, sequence=sequence, due=sequence + PHASE, **given)


def run(name, **more):
    """A run of a schedule."""
    return Run(id=name, **{"chain": "api", "location": "here", "trigger": "schedule", **more})


#: Slots 10 and 11 recorded, 12 missed, 13 under way, a gap of 14 to 18; two were skipped while nobody kept the chain.
SOUND = History(
    grids=[GRID],
    slots=[
        slot(10),
        slot(11),
        slot(12, state="missed", reason="shutdown", run=None),
        slot(13, state="taken", run=None),
    ],
    gaps=[Gap(grid=1, first=14, last=18, reason="process_down")],
    runs=[run("r10"), run("r11"), run("asked", trigger="manual")],
    now=15.0,
    looks={"api": [10.1, 11.1, 14.1]},
    alive=[Span(10.0, 12.0), Span(14.0, 15.0)],
    patience_seconds=1.05,
    books={"a": {"expected": 3, "recorded": 2, "missed": 1}},
)

WRONG = {
    "is in the books 2 times": {"slots": [*SOUND.slots, slot(11)]},
    "slot 14 of grid 1 is in the books 2 times": {"slots": [*SOUND.slots, slot(14, run=None, state="taken")]},
    "slot 16 of grid 1 is in the books 2 times": {"gaps": [*SOUND.gaps, Gap(grid=1, first=16, last=16, reason="x")]},
    "1 slots of api at here are unexplained": {"gaps": [replace(SOUND.gaps[0], last=17)]},
    "-1 slots of api at here are unexplained": {"gaps": [replace(SOUND.gaps[0], last=19)]},
    "slots [21] of api at here were never due": {"slots": [*SOUND.slots, slot(21)]},
    "is recorded with run None": {"slots": [slot(10, run=None), *SOUND.slots[1:]]},
    "is missed with run r12": {"slots": [*SOUND.slots[:2], slot(12, state="missed", reason="x"), SOUND.slots[3]]},
    "is missed with reason None": {"slots": [*SOUND.slots[:2], slot(12, state="missed", run=None), SOUND.slots[3]]},
    "was taken by a, whose time is over": {"now": 19.0},
    "and its grid says": {"slots": [replace(SOUND.slots[0], due=10.0), *SOUND.slots[1:]]},
    "before it was due": {"now": 11.0},
    "run r99 has 0 slots": {"runs": [*SOUND.runs, run("r99")]},
    "run r10 has 2 slots": {"slots": [SOUND.slots[0], slot(11, run="r10"), *SOUND.slots[2:]]},
    "has a run that is not there": {"runs": SOUND.runs[1:]},
    "has a run of api at there": {"runs": [run("r10", location="there"), *SOUND.runs[1:]]},
    "nobody looked at api for 1.90 s": {"looks": {"api": [10.1, 14.1]}},
    "the counters of a do not balance": {"books": {"a": {"expected": 3, "recorded": 2, "missed": 2}}},
}


def test_a_sound_history_passes():
    """Recorded, missed, under way, in a gap, asked for by hand: all of that is in order."""
    assert [] == complaints(SOUND)


@pytest.mark.parametrize(("said", "change"), WRONG.items(), ids=WRONG)
def test_each_way_to_be_wrong_is_found(said, change):
    """And named."""
    found = complaints(replace(SOUND, **change))

    assert any(said in each for each in found), found


def test_each_rule_is_broken_by_one_of_them():
    """A rule that nothing breaks would hold nothing."""
    broken = {rule for change in WRONG.values() for rule in RULES if list(rule(replace(SOUND, **change)))}

    assert set(RULES) == broken


def test_nobody_need_look_while_nobody_is_there():
    """The time without any instance is no blindness of theirs; the edges of the time with one are."""
    assert {"api": pytest.approx(1.0)} == longest_blind(SOUND)
