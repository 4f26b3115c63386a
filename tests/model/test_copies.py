"""What may be told of our copies."""

import pytest

from prober.model.copies import Copy


@pytest.mark.parametrize(
    ("version", "latest", "behind"), [("5", "7", True), ("7", "7", False), ("7", "", False), ("", "", False)]
)
def test_a_pinned_version_is_behind_one_that_is_newer(version, latest, behind):
    """Where the newest is not known, nothing is said."""
    assert behind is Copy(name="jwt", version=version, latest=latest).is_behind
