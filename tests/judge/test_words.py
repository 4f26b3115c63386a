"""Statuses, close codes and refusals in words that people understand."""

import pytest

from prober.judge.words import close_text, describe_http, describe_websocket, said, status_text
from prober.model.observation import CUT, Initiator
from tests import builders as b


@pytest.mark.parametrize(
    ("status", "expected"),
    [(403, "403 Forbidden"), (200, "200 OK"), (418, "418 I'm a Teapot"), (599, "599"), (0, "0")],
)
def test_a_status_with_its_name(status, expected):
    """A bare number where nobody registered a name."""
    assert expected == status_text(status)


@pytest.mark.parametrize(
    ("code", "expected"),
    [(1008, "1008 policy violation"), (1006, "1006 cut without a close frame"), (4401, "4401"), (0, "0")],
)
def test_a_close_code_with_its_name(code, expected):
    """A bare number where nobody registered a name."""
    assert expected == close_text(code)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"error": "AUTH_FAILED", "message": "no"}, "AUTH_FAILED"),
        ({"detail": "Not authenticated"}, "Not authenticated"),
        ({"error": {"nested": 1}, "reason": "why"}, "why"),
        ({"error": "", "message": "m"}, "m"),
        ({"error": 7}, None),
        ({}, None),
        (["error"], None),
        ("error", None),
        (None, None),
    ],
)
def test_the_word_a_service_gives(body, expected):
    """The most telling text that a JSON answer holds; none where it holds none."""
    assert expected == said(body)


def test_an_answer_is_described_by_status_and_word():
    """The word is left out where there is none."""
    assert "403 Forbidden: AUTH_FAILED" == describe_http(b.http(403, {"error": "AUTH_FAILED"}))
    assert "502 Bad Gateway" == describe_http(b.http(502, body="<html>"))


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        (b.refused_early(403), "handshake refused with 403 Forbidden"),
        (b.refused_late(1008, error_message="expired"), "accepted, then closed with 1008 policy violation: expired"),
        (b.refused_late(1008, error_code="NO_TOKEN"), "accepted, then closed with 1008 policy violation: NO_TOKEN"),
        (b.refused_late(1011, close_reason="not ready"), "accepted, then closed with 1011 internal error: not ready"),
        (b.refused_late(1008), "accepted, then closed with 1008 policy violation"),
        (b.welcomed(), "welcomed, ping answered"),
        (b.welcomed(ponged=False), "welcomed"),
        (
            b.welcomed(close_code=CUT, initiator=Initiator.NONE),
            "welcomed, then closed with 1006 cut without a close frame",
        ),
    ],
)
def test_what_became_of_a_socket(seen, expected):
    """How far it got, how it ended, and the word the server gave."""
    assert expected == describe_websocket(seen)
