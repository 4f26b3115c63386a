from datetime import timedelta

import pytest

from prober.model.alarm import Maintenance
from tests.builders import NOON

HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("after", "covered"), [(-timedelta(seconds=1), False), (timedelta(0), True), (HOUR / 2, True), (HOUR, False)]
)
def test_a_maintenance_covers_from_its_beginning_to_its_end(after, covered):
    """The moment it ends is no part of it."""
    time = Maintenance(begins=NOON, ends=NOON + HOUR)

    assert covered == time.covers("validation", NOON + after)


def test_a_maintenance_is_of_the_chains_it_names():
    """Without a name, of all."""
    of_one = Maintenance(begins=NOON, ends=NOON + HOUR, chains=("controls",))

    assert [True, False] == [of_one.covers("controls", NOON), of_one.covers("validation", NOON)]
