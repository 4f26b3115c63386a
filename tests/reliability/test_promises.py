"""The short form of `python -m tests.reliability.promises`: what was answered with 202 comes to an end."""

import pytest

from tests.reliability.promises import Asked, promises


@pytest.mark.timeout(240)
async def test_what_was_promised_is_kept_though_we_are_killed():
    """Each run has a report under its id, or a reason why not."""
    tally = await promises(Asked(times=4, seed=3))

    assert [] == tally.complaints
    assert (4, 12) == (tally.kills, tally.ends.total())
    assert tally.ends["done: pass"] > 5
