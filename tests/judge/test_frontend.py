"""Tests of prober/judge/frontend.py: the platform's own answers are known, and nobody else's are taken for them."""

import pytest

from prober.judge.frontend import Refusal, refusal
from prober.model.observation import Stage, WebSocketSeen
from tests import builders as b

FRONT = {"server": "Google Frontend", "content-type": "text/html; charset=UTF-8"}


def page(status, words):
    """A page of the front end."""
    return f"\n<html><head><title>{status}</title></head><body><h1>Error</h1><h2>{words}</h2></body></html>\n"


FORBIDDEN = page("403 Forbidden", "Your client does not have permission to get URL <code>/api</code> from this server.")
UNAUTHORIZED = page("401 Unauthorized", "Your client does not have permission to the requested URL <code>/</code>.")
NOT_FOUND = page("404 Page not found", "The requested URL was not found on this server.")


@pytest.mark.parametrize(
    ("status", "body", "why"),
    [
        (403, FORBIDDEN, Refusal.NO_RIGHT),
        (401, UNAUTHORIZED, Refusal.DISTRUSTED),
        (404, NOT_FOUND, Refusal.HIDDEN),
    ],
)
def test_cloud_runs_own_pages_are_known(status, body, why):
    """By status, server and words, over HTTP and where a handshake is refused."""
    handshake = WebSocketSeen(stage=Stage.HANDSHAKE, status=status, body=body, headers=FRONT)

    assert (why, why) == (refusal(b.http(status, body=body, headers=FRONT)), refusal(handshake))


@pytest.mark.parametrize(
    "seen",
    [
        b.http(403, {"detail": "Forbidden"}, body='{"detail": "Forbidden"}', headers=FRONT),
        b.http(403, body='{"detail": "your client does not have permission to get url /"}', headers=FRONT),
        b.http(403, body=page("403", "This path is blocked."), headers=FRONT),
        b.http(403, body=FORBIDDEN, headers={"server": "nginx"}),
        b.http(200, body=FORBIDDEN, headers=FRONT),
        b.http(503, body="Service Unavailable", headers=FRONT),
        b.refused_late(),
        b.trouble(),
        None,
    ],
    ids=[
        "service",
        "service-quoting",
        "firewall",
        "another-server",
        "well",
        "no-instance",
        "socket",
        "trouble",
        "none",
    ],
)
def test_nobody_elses_answers_are_taken_for_them(seen):
    """What passes the front end bears its name too: its words and its page must be there as well."""
    assert refusal(seen) is None
