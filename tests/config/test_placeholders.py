"""What stands in a text until it is sent."""

import pytest

from prober.config.placeholders import introduced, placeholders, sends_token
from prober.model.chain import Identity

TESTER = Identity(name="tester", subject="tester-1", email="tester-1@example.com")


@pytest.mark.parametrize(
    ("text", "known"),
    [
        ("{token}", True),
        ("{token:base64url}", True),
        ("{secret:jwt}", True),
        ("{subject}", True),
        ("{token:hex}", False),
        ("{secret}", False),
        ("{secret:}", False),
        ("{user}", False),
    ],
)
def test_few_placeholders_are_known(text, known):
    """Anything else in braces is a mistake."""
    assert [known] == [found.is_known for found in placeholders(text)]


def test_json_in_a_text_is_no_placeholder():
    """A WebSocket's ping is JSON."""
    assert [] == list(placeholders('{"type":"ping"}'))


def test_placeholders_are_found_with_their_place():
    """In mappings and in lists, but not in keys."""
    found = placeholders({"a": ["x", "{email}"], "{b}": 1})

    assert [("a", 1)] == [each.at for each in found]


def test_a_token_is_sent_where_its_placeholder_stands():
    """Anywhere in a request."""
    assert (True, False) == (sends_token({"a": ["Bearer {token}"]}), sends_token(["{subject}", None]))


def test_who_the_user_is_can_be_filled_in_before_anything_is_sent():
    """The rest waits for the sending."""
    value = introduced({"a": ["{subject} {email} {token}", 1]}, TESTER)

    assert {"a": ["tester-1 tester-1@example.com {token}", 1]} == value


def test_without_a_user_nothing_is_filled_in():
    """The text stays as it is."""
    assert "{subject}" == introduced("{subject}", None)
