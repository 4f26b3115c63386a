"""A token in our hand."""

from prober.gather.token import Token
from prober.model.secret import Secret
from tests.builders import traits


def test_a_token_cannot_print_itself():
    """Neither `repr` nor `str` nor a format shows the value."""
    token = Token(Secret("token", "opaque-value-of-a-token"), traits())

    assert "opaque-value-of-a-token" not in f"{token} {token!r} {token!s}"
