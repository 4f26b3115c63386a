"""Tests of prober/judge/expected.py."""

import pytest

from prober.gather.look import PROBES
from prober.judge.expected import _EXPECTED, expected
from prober.model.chain import Expectation, TcpStep, TlsStep, Want
from tests import builders as b


@pytest.mark.parametrize(
    ("step", "said"),
    [
        (b.health_step(), ["2xx"]),
        (b.http_step(), ["the token accepted: 2xx"]),
        (b.http_step(expect=Expectation(statuses=(200, 204))), ["the token accepted: 200 or 204"]),
        (b.validate_step(), ["the token accepted: 2xx", "valid is true", f'user_id is "{b.SUBJECT}"']),
        (b.stream_step(expect=Expectation(first_event="hi")), ["the token accepted: 2xx", "a first event with 'hi'"]),
        (b.http_step(expect=b.REFUSED, token=b.FORGED), ["refused: 401 or 403"]),
        (
            b.http_step(expect=Expectation(want=Want.REFUSED, statuses=(200,), json={"valid": False}), token=b.FORGED),
            ["refused: 200", "valid is false"],
        ),
        (
            b.websocket_step(expect=Expectation(want=Want.REFUSED, close_codes=(1008, 4401)), token=b.FORGED),
            ["refused: 401 or 403, or a close with 1008 policy violation or 4401"],
        ),
        (b.websocket_step(), ["accepted and welcomed", f"as {b.SUBJECT}, or without a name", "the ping answered"]),
        (b.websocket_step(token=None, ping=""), ["accepted and welcomed"]),
        (b.mint_step(), ["a token"]),
        (b.secret_match_step(), ["prober, auth and backend hold the same jwt"]),
        (TcpStep(name="tcp", service=b.AUTH), ["a connection"]),
        (TlsStep(name="tls", service=b.AUTH), ["a certificate that lasts 14 days or more"]),
    ],
)
def test_what_has_to_hold_is_said_beforehand(step, said):
    """What is judged by, in the words of a person, before anything was seen."""
    assert list(expected(step)) == said


def test_every_kind_of_step_has_its_words():
    """A step that can be looked at can be told of."""
    assert _EXPECTED.keys() == PROBES.keys()
