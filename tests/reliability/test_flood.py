"""The short form of `python -m tests.reliability.flood`: a flood of calls is no flood for the target."""

import pytest

from tests.reliability.flood import flood


@pytest.mark.parametrize("unpaced", [False, True])
@pytest.mark.timeout(120)
async def test_a_flood_of_calls_is_no_flood_for_the_target(unpaced):
    """It gets what its budget allows; turns on schedule are taken, and who is refused is told when to come again."""
    seen = await flood(calls=600, seconds=4.0, unpaced=unpaced)

    assert {202, 429} == set(seen.answers)
    assert 600 == seen.answers.total()
    assert 0 < seen.at_target <= seen.allowed
    assert 0 == seen.without_again
    assert set(seen.turns_missed) <= {
        "overrun",
        "stalled",
    }  # the machine's doing: it has two cores, and not for us alone
    assert seen.turns == seen.turns_on_time > 0
