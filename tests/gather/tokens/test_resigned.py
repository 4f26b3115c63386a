"""Tokens with the claims of a route, signed by us."""

import time

import jwt
import pytest

from prober.model.chain import ResignedIssuer, RouteIssuer
from prober.model.trouble import TroubleKind
from tests.gather.peers import LOCAL, SECRET, SUBJECT, USER, asgi_peer, json_app, kit, request

THEIRS = {"sub": SUBJECT, "iat": 1000, "exp": 1900, "jti": "theirs", "iss": "another-issuer"}


async def _minted(token, status=200):
    async with asgi_peer(json_app(mint=(status, {"access_token": token}))) as port, kit() as tools:
        route = RouteIssuer(name="auth", identity=USER, request=request(port, "/mint"))
        issuer = ResignedIssuer(name="resigned", identity=USER, like=LOCAL, route=route)
        return await tools.mints.mint(issuer, tools.watch, "run-1")


async def test_the_claims_are_theirs_and_the_signature_is_ours():
    """All but `jti`, so that nobody answers from a memory of the token they minted."""
    minted = await _minted(jwt.encode(THEIRS, "another key that is quite long enough for HS256"))
    options = {"verify_exp": False, "verify_iat": False}
    claims = jwt.decode(minted.token.secret.reveal(), SECRET, ["HS256"], options=options)

    assert {**THEIRS, "jti": claims["jti"]} == claims
    assert claims["jti"] != THEIRS["jti"]


@pytest.mark.parametrize(
    "more",
    [{"sub": "admin"}, {"permissions": ["*"]}, {"role": "admin"}, {"exp": None}, {"exp": "soon"}],
    ids=["another-subject", "permissions", "role", "no-end", "no-number"],
)
async def test_a_stranger_has_nothing_signed_that_we_would_not_sign(more):
    """Whoever answers the route could else make us sign a token for anybody, for anything, for ever."""
    minted = await _minted(jwt.encode({**THEIRS, **more}, "another key that is quite long enough for HS256"))

    assert (None, TroubleKind.NO_TOKEN) == (minted.token, minted.missing.kind)


async def test_a_long_life_is_cut_to_ours():
    """No token of ours lives longer than the config lets it."""
    minted = await _minted(
        jwt.encode({**THEIRS, "exp": 9_999_999_999}, "another key that is quite long enough for HS256")
    )
    claims = jwt.decode(minted.token.secret.reveal(), SECRET, ["HS256"], options={"verify_iat": False})

    assert claims["exp"] <= time.time() + LOCAL.lifetime_seconds


async def test_an_opaque_token_has_no_claims_to_take():
    """Then there is no token to send, and the reason is told."""
    minted = await _minted("opaque-token-0123456789")

    assert (None, TroubleKind.NO_TOKEN) == (minted.token, minted.missing.kind)


async def test_what_keeps_the_route_from_minting_keeps_this_from_being_made():
    """Its refusal is an answer without a token."""
    minted = await _minted("x", status=503)

    assert (None, 503) == (minted.token, minted.answer.status)
