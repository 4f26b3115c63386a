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
        ("[user.id, name]", {"user": {"id": "u1"}}, ["u1", None]),
        ("no path ][", {"user": None}, None),
    ],
)
def test_what_is_not_there_is_none(path, document, expected):
    """Whatever shape the document has, looking into it never raises."""
    assert dig(path, document) == expected


def test_each_document_is_looked_into_by_itself():
    """Nothing of the one before is left in what looks."""
    assert [[0], [1], [2]] == [dig("[user]", {"user": number}) for number in range(3)]
