"""The short form of `python -m tests.reliability.kills`: whenever a prober is ended, nothing is lost."""

import pytest

from tests.reliability.kills import Asked, kills


@pytest.mark.timeout(240)
async def test_whenever_it_is_killed_nothing_is_lost():
    """While it starts, makes its tables, looks or writes: each slot is recorded or missed, with a reason."""
    tally = await kills(Asked(times=6, seed=7, lanes=2, within=1.0))

    assert ([], 6) == (tally.complaints, tally.rounds)
    assert tally.expected == tally.recorded + tally.missed.total() > 12
    assert tally.missed["process_down"] > 0


@pytest.mark.timeout(180)
async def test_whenever_it_is_told_to_end_it_ends_well():
    """With exit code 0 from the moment on that it is heard, no traceback in its log, and nothing lost."""
    tally = await kills(Asked(times=4, seed=5, lanes=2, within=1.0, politely=True))

    assert ([], 4) == (tally.complaints, tally.rounds)
    assert tally.expected == tally.recorded + tally.missed.total() > 7
    assert tally.in_time > 1  # all of them, on a machine that is ours alone
