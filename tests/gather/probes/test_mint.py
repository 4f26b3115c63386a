"""The mint probe."""

import jwt
import pytest

from prober.gather.kit import Glance
from prober.gather.probes.mint import look_mint
from prober.model.chain import ForgedIssuer, MintStep, NoToken, RouteIssuer
from prober.model.errors import SecretUnavailable
from prober.model.observation import HttpSeen, TokenSeen
from prober.model.trouble import Trouble, TroubleKind, Whose
from tests.gather.peers import (
    LOCAL,
    SECRET,
    SUBJECT,
    USER,
    answers,
    asgi_peer,
    json_app,
    kit,
    raw_peer,
    request,
    service,
)

TOKEN = jwt.encode({"sub": SUBJECT, "iat": 1000, "exp": 1900}, SECRET)


async def _glance(issuer):
    async with kit() as tools:
        return await look_mint(MintStep(name="mint", service=service(1, "auth"), token=issuer), tools)


async def _glance_at(port):
    return await _glance(RouteIssuer(name="bypass", identity=USER, request=request(port, "/mint")))


@pytest.mark.parametrize("issuer", [LOCAL, ForgedIssuer(name="forged", identity=USER, like=LOCAL)])
async def test_a_token_we_minted_is_seen_by_its_shape(issuer):
    """There was no exchange, so there is no answer."""
    found = await _glance(issuer)

    assert (type(found.seen), found.seen.answer, found.seen.traits, found.token.issuer) == (
        TokenSeen,
        None,
        found.token,
        issuer.name,
    )


async def test_a_token_a_route_minted_is_seen_with_the_exchange():
    """Traits and status are told, the token itself nowhere."""
    async with asgi_peer(json_app(mint=(200, {"access_token": TOKEN, "refresh_token": "opaque-refresh"}))) as port:
        found = await _glance_at(port)

    told = [word in str(found) for word in (TOKEN, TOKEN.split(".")[2], "opaque-refresh")]
    assert (found.seen.traits.length, found.seen.answer.status, told) == (len(TOKEN), 200, [False] * 3)


async def test_a_refused_mint_is_the_answer_itself():
    """What a route answers instead of a token is a fact to be judged."""
    async with asgi_peer(json_app(mint=(503, {"detail": "E2E authentication not configured"}))) as port:
        found = await _glance_at(port)

    assert (type(found.seen), found.seen.status, found.seen.json, found.token) == (
        HttpSeen,
        503,
        {"detail": "E2E authentication not configured"},
        None,
    )


async def test_a_success_without_a_token_is_the_answer_itself():
    """A 200 is no token."""
    async with raw_peer(answers(200, b"{}")) as port:
        found = await _glance_at(port)

    assert (type(found.seen), found.seen.status) == (HttpSeen, 200)


async def test_a_route_that_cannot_be_reached_is_the_trouble_itself(unused_tcp_port):
    """Here it is the finding, not a missing token."""
    found = await _glance_at(unused_tcp_port)

    assert (found.seen.kind, found.seen.whose) == (TroubleKind.CONNECTION_REFUSED, Whose.TARGET)


async def test_a_missing_secret_of_ours_goes_up():
    """`look` makes OWN_SECRET of it."""
    issuer = RouteIssuer(
        name="bypass", identity=USER, request=request(1, "/mint", headers={"X-Key": "{secret:nowhere}"})
    )

    with pytest.raises(SecretUnavailable):
        await _glance(issuer)


@pytest.mark.parametrize("issuer", [None, NoToken(name="none", identity=USER)])
async def test_a_step_that_mints_nothing_is_our_own_mistake(issuer):
    """No target can be blamed for it."""
    expected = Trouble(TroubleKind.NO_TOKEN, Whose.PROBER, "the step names no issuer that makes a token")

    assert await _glance(issuer) == Glance(expected)
