"""Which revisions become labels: as many as anybody deploys, and no more."""

from datetime import timedelta

import pytest

from prober.publish.revisions import MOST, Revisions
from tests import builders as b


@pytest.fixture
def revisions():
    """Nobody has told any."""
    return Revisions()


def test_a_service_is_called_by_what_it_told_last(revisions):
    """Each by its own."""
    for revision in ("r1", "r2"):
        revisions.told("auth", revision, b.NOON)
    revisions.told("backend", "r1", b.NOON)

    assert {"auth": "r2", "backend": "r1"} == revisions.labels


def test_what_is_new_each_time_is_other(revisions):
    """A service that tells each request's number makes a hundred series a day, not one a run."""
    seen = set()
    for number in range(3 * MOST):
        revisions.told("auth", f"r{number}", b.NOON + timedelta(seconds=number))
        seen.add(revisions.labels["auth"])
    revisions.told("auth", "r7", b.NOON + timedelta(seconds=3 * MOST))

    assert {f"r{number}" for number in range(MOST)} | {"other"} == seen
    assert "r7" == revisions.labels["auth"]  # it has its series


def test_a_day_later_there_is_room_again(revisions):
    """For what is told then; what is told still keeps its name."""
    for number in range(MOST):
        revisions.told("auth", f"r{number}", b.NOON)
    revisions.told("auth", "r0", b.NOON + timedelta(hours=23))
    revisions.told("auth", "new", b.NOON + timedelta(hours=24))

    assert "new" == revisions.labels["auth"]
    assert {"r0", "new"} == revisions._named["auth"].keys()


def test_nonsense_is_one_name(revisions):
    """However many kinds of it there are."""
    for number in range(2 * MOST):
        revisions.told("auth", f"no revision {number}", b.NOON)
    revisions.told("auth", "r1", b.NOON)

    assert "r1" == revisions.labels["auth"]


def test_what_is_gone_is_forgotten_and_a_copy_stands_still(revisions):
    """As all of a board does."""
    revisions.told("auth", "r1", b.NOON)
    revisions.told("backend", "r1", b.NOON)
    still = revisions.copy()
    revisions.adopt({"auth"})

    assert ({"auth": "r1", "backend": "r1"}, {"auth": "r1"}) == (still.labels, revisions.labels)
