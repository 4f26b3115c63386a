"""The platform: its tokens are real, and it lets through nobody else."""

import time

import jwt
import pytest

from prober.lab.platform import CALLER, Platform
from prober.lab.settings import SideSettings

AUDIENCE = "https://backend.example"
PATH = "/computeMetadata/v1/instance/service-accounts/default/identity"
OPEN = SideSettings()
GUARDED = SideSettings(platform_audience=AUDIENCE, platform_invokers=(CALLER,))
PLATFORM = Platform()


def token(audience=AUDIENCE):
    """One of its metadata server's."""
    return PLATFORM.metadata(PATH, f"audience={audience}&format=full", "Google").body


def altered(**claims):
    """One that says something else, signed by the platform all the same."""
    said = jwt.decode(token(), options={"verify_signature": False})
    return jwt.encode({**said, **claims}, PLATFORM._key, algorithm="RS256", headers={"kid": "lab-1"})


def status(shown, settings=GUARDED):
    """What whoever shows this is told; None: they are let through."""
    answer = PLATFORM.refusal(shown, "/api", settings)
    return answer and answer.status


def test_who_may_call_and_says_so_is_let_through():
    """By a token for this service; where everybody may call, none is looked at."""
    assert (None, None, None) == (status(f"Bearer {token()}"), status("", OPEN), status("Bearer junk", OPEN))


@pytest.mark.parametrize(
    ("shown", "told"),
    [
        ("", 403),
        ("Bearer junk", 401),
        (f"Bearer {token('https://other.example')}", 401),
        (f"Bearer {altered(exp=int(time.time()) - 1)}", 401),
        (f"Bearer {altered(iss='https://elsewhere.example')}", 401),
        (f"Bearer {altered(email='somebody@else.example')}", 403),
        (f"Bearer {Platform().metadata(PATH, f'audience={AUDIENCE}', 'Google').body}", 401),
        (f"Bearer {jwt.encode({'aud': AUDIENCE, 'email': CALLER}, 'k' * 32, headers={'kid': 'lab-1'})}", 401),
    ],
    ids=["nothing", "junk", "audience", "end", "issuer", "no-right", "another-key", "own-hs256"],
)
def test_nobody_else_is(shown, told):
    """Who is known and may not call is told 403, as is who shows nothing; a token that does not hold, 401."""
    assert told == status(shown)


def test_its_pages_are_its_own():
    """They name the path, in HTML; an invalid token is named as such (RFC 6750 §3.1)."""
    forbidden, unauthorized = PLATFORM.refusal("", "/api", GUARDED), PLATFORM.refusal("Bearer x", "/api", GUARDED)

    assert "permission to get URL <code>/api</code> from this server." in forbidden.body
    assert 'Bearer error="invalid_token"' in unauthorized.headers["WWW-Authenticate"]
    assert {"text/html; charset=UTF-8"} == {forbidden.content_type, unauthorized.content_type}


@pytest.mark.parametrize(
    ("path", "query", "flavor", "told"),
    [
        (PATH, "audience=a", "", 403),
        (PATH, "", "Google", 404),
        ("/computeMetadata/v1/else", "audience=a", "Google", 404),
    ],
)
def test_its_metadata_server_minds_its_manners(path, query, flavor, told):
    """Nobody is led there by a link: its header must be there."""
    assert told == PLATFORM.metadata(path, query, flavor).status
