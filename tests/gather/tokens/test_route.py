"""Tokens that a route mints."""

import json

import jwt
import pytest

from prober.model.chain import RouteIssuer
from prober.model.trouble import TroubleKind
from tests.gather.peers import SECRET, SUBJECT, USER, answers, asgi_peer, json_app, kit, raw_peer, request

TOKEN = jwt.encode({"sub": SUBJECT, "iat": 1000, "exp": 1900}, SECRET)


async def _minted(port, **more):
    issuer = RouteIssuer(name="bypass", identity=USER, request=request(port, "/mint"), **more)
    async with kit(bypass="bypass-key-0123456789") as tools:
        return await tools.mints.mint(issuer, tools.watch, "run-1")


async def _minted_from(document, status=200, **more):
    async with asgi_peer(json_app(mint=(status, document))) as port:
        return await _minted(port, **more)


async def test_the_token_is_taken_out_of_the_answer():
    """`access_token` is where it is looked for first."""
    minted = await _minted_from({"access_token": TOKEN, "refresh_token": "opaque"})

    assert (minted.token.secret.reveal(), minted.token.traits.issuer) == (TOKEN, "bypass")


async def test_the_token_may_be_anywhere():
    """`token_at` is a path into the answer."""
    minted = await _minted_from({"data": [{"jwt": TOKEN}]}, token_at="data[0].jwt")

    assert minted.token.secret.reveal() == TOKEN


async def test_an_answer_with_tokens_is_kept_without_its_body():
    """A refresh token of no known shape would be shown otherwise."""
    answer = (await _minted_from({"access_token": TOKEN, "refresh_token": "opaque-refresh"})).answer

    assert (answer.status, answer.body, answer.json) == (200, "", None)


@pytest.mark.parametrize("status", [401, 403, 404, 500, 503])
async def test_a_refusal_is_an_answer_without_a_token(status):
    """Whatever the body holds: who answers so has not minted."""
    minted = await _minted_from({"detail": "no", "access_token": TOKEN}, status)

    assert (minted.token, minted.answer.status, minted.trouble) == (None, status, None)


@pytest.mark.parametrize(
    "document",
    [
        {},
        [],
        "text",
        None,
        {"access_token": None},
        {"access_token": ""},
        {"access_token": 7},
        {"access_token": "a\r\nb: c"},
        {"access_token": "é"},
    ],
)
async def test_a_success_without_a_usable_token_is_an_answer_without_a_token(document):
    """What no header can carry is no token, and cannot write headers of ours."""
    minted = await _minted_from(document)

    assert (minted.token, minted.answer.status) == (None, 200)


@pytest.mark.parametrize("body", [b"", b"<html>", b"[" * 50_000, b"\xff"])
async def test_an_answer_that_is_no_json_is_an_answer_without_a_token(body):
    """A page of HTML from some proxy in between gives no token and no exception."""
    async with raw_peer(answers(200, body)) as port:
        minted = await _minted(port)

    assert (minted.token, minted.answer.status) == (None, 200)


async def test_a_route_that_cannot_be_reached_is_trouble(unused_tcp_port):
    """Nobody listens: that is no refusal."""
    minted = await _minted(unused_tcp_port)

    assert (minted.token, minted.answer, minted.trouble.kind) == (None, None, TroubleKind.CONNECTION_REFUSED)


async def test_the_request_is_filled_in_with_the_test_user_and_the_key():
    """Email, subject and secret go where the config wants them."""
    heard = {}

    def mint(asked, asking):
        heard.update(asked, key=asking.headers["x-e2e-bypass-key"])
        return 200, {"access_token": TOKEN}

    async with asgi_peer(json_app(mint=mint)) as port:
        asked = {"email": "{email}", "user_id": "{subject}"}
        issuer = RouteIssuer(
            name="bypass",
            identity=USER,
            request=request(port, "/mint", headers={"X-E2E-Bypass-Key": "{secret:bypass}"}, json=asked),
        )
        async with kit(bypass="bypass-key-0123456789") as tools:
            await tools.mints.mint(issuer, tools.watch, "run-1")

    assert heard == {"email": USER.email, "user_id": SUBJECT, "key": "bypass-key-0123456789"}


async def test_what_a_refusal_echoes_is_redacted():
    """A refusal that quotes the key does not bring it into the evidence."""

    def mint(_asked, asking):
        return 401, {"detail": f"bad key {asking.headers['x-e2e-bypass-key']}"}

    async with asgi_peer(json_app(mint=mint)) as port:
        sent = request(port, "/mint", headers={"X-E2E-Bypass-Key": "{secret:bypass}"})
        async with kit(bypass="bypass-key-0123456789") as tools:
            minted = await tools.mints.mint(
                RouteIssuer(name="bypass", identity=USER, request=sent), tools.watch, "run-1"
            )

    assert json.loads(minted.answer.body) == {"detail": "bad key [bypass]"}
