"""Looking something up in a stranger's JSON."""

import pytest

from prober.judge.dig import dig


@pytest.mark.parametrize(
    ("path", "document", "expected"),
    [
        ("user.id", {"user": {"id": "u1"}}, "u1"),
        ("user.id", {"user": None}, None),
        ("user.id", ["a", "list"], None),
        ("length(user)", {"user": None}, None),
        ("user", None, None),
    ],
)
def test_what_is_not_there_is_none(path, document, expected):
    """Whatever shape the document has, looking into it never raises."""
    assert dig(path, document) == expected
