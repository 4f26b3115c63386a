"""Versions of one secret."""

from prober.gather.versions import Version, Versions
from prober.model.secret import Secret


def version(value, label=""):
    """One of a secret called `jwt`."""
    return Version(Secret("jwt", value), label)


def rotated(*values, overlap=10.0, every=1.0):
    """One after the other, each so many seconds after the one before."""
    versions = Versions(version(values[0], values[0]))
    for turn, value in enumerate(values[1:], start=1):
        versions = versions.renewed(version(value, value), turn * every, overlap)
    return versions


def labels(versions, now):
    """Those that count."""
    return [each.label for each in versions.held(now)]


def test_each_counts_until_its_own_time_is_over():
    """The newest for ever."""
    versions = rotated("one", "two", "three")

    assert [["three", "two", "one"], ["three", "two"], ["three"]] == [labels(versions, now) for now in (10.9, 11.5, 12)]


def test_no_more_than_three_count():
    """Whoever rotates more often leaves the oldest behind."""
    assert ["five", "four", "three"] == labels(rotated("one", "two", "three", "four", "five"), 5)


def test_who_goes_back_has_both():
    """The value of before is the newest again, once."""
    assert ["one", "two"] == labels(rotated("one", "two", "one"), 3)


def test_the_same_value_keeps_its_version():
    """It is the very same, unless the source calls it something else."""
    first = Versions(version("one", "1"))

    assert first.renewed(version("one", "1"), 5, 10).newest is first.newest
    assert ["2"] == labels(first.renewed(version("one", "2"), 5, 10), 5)


def test_one_that_has_run_out_tells_who_was_left_behind():
    """Not while it counts."""
    versions = rotated("one", "two")

    assert (None, "one") == (versions.outdated(5), versions.outdated(11).label)


def test_old_values_stay_known():
    """A service may quote them; but not without end."""
    values = [f"value {number}" for number in range(12)]

    assert [f"value {number}" for number in range(11, 2, -1)] == [each.reveal() for each in rotated(*values).secrets]
