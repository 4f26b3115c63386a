import logging.config

import pytest

from prober.gather.wire.websocket_call import MUTE, Call
from prober.model.errors import ProberError


@pytest.mark.parametrize(
    "more",
    [
        {"headers": {"Authorization": "Bearer a.b-c_d", "X-Empty": ""}},
        {"subprotocols": ("jwt-auth", "jwt.eyJ0eXAi")},
        {},
    ],
)
def test_what_headers_may_hold_passes(more):
    """RFC 9110 §5: names are words, values are printed."""
    Call(url="ws://b.test/", **more).check()


@pytest.mark.parametrize(
    ("more", "named"),
    [
        ({"headers": {"X-Run": "a\r\nX-Evil: secret"}}, "X-Run"),
        ({"headers": {"X Run": "a"}}, "X Run"),
        ({"subprotocols": ("jwt.a\nsecret",)}, "subprotocol"),
        ({"subprotocols": ("jwt, secret",)}, "subprotocol"),
    ],
)
def test_what_they_may_not_is_our_fault_and_not_quoted(more, named):
    """A value may be a token."""
    with pytest.raises(ProberError, match=named) as refused:
        Call(url="ws://b.test/", **more).check()

    assert "secret" not in str(refused.value)


def test_the_library_is_mute():
    """Whatever level somebody sets, and however others arrange their logs."""
    logging.config.dictConfig({"version": 1, "disable_existing_loggers": False, "incremental": False})
    logging.getLogger(MUTE.name).setLevel(logging.DEBUG)

    assert not MUTE.isEnabledFor(logging.CRITICAL)
