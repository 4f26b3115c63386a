"""The self-test's own services are what they are called, whoever asks; here it is plain libraries that ask."""

import asyncio
import json
import time
from http.client import HTTPConnection

import jwt
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from prober.model.selftest import Temper
from prober.selftest.peers import Peer, serving

KEY, SUBJECT = "a-key-of-this-test-that-is-long-enough", "somebody"


def token(key=KEY, **claims):
    """A bearer with these claims; they are made when tests are collected, which may be long before they are taken."""
    made = jwt.encode({"sub": SUBJECT, "exp": int(time.time()) + 86400} | claims, key, algorithm="HS256")
    return {"Authorization": f"Bearer {made}"}


GOOD, FORGED, EXPIRED = token(), token("another-key-that-is-just-as-long-as-it"), token(exp=int(time.time()) - 60)
EVERYBODY = (GOOD, FORGED, EXPIRED, {})


def asked(port, path, headers):
    """Status and JSON of one request."""
    connection = HTTPConnection("127.0.0.1", port, timeout=5)
    connection.request("GET", path, headers=headers)
    answer = connection.getresponse()
    told = answer.status, json.loads(answer.read())
    connection.close()
    return told


async def knocked(port, headers):
    """What a socket says first: the frame's type, or the code it closes with."""
    async with connect(f"ws://127.0.0.1:{port}/socket", additional_headers=headers) as socket:
        try:
            welcome = json.loads(await socket.recv())
            await socket.send('{"type":"ping"}')
            return welcome["user_id"], json.loads(await socket.recv())["type"]
        except ConnectionClosed as closed:
            return closed.rcvd.code


@pytest.mark.parametrize(
    ("temper", "statuses"),
    [(Temper.CAREFUL, [200, 401, 401, 401]), (Temper.REFUSING, [401] * 4), (Temper.OPEN, [200] * 4)],
)
async def test_requests_are_answered_by_temper(temper, statuses):
    """A good token, a forged, an expired one, and none."""
    async with serving(Peer(temper, KEY, SUBJECT)) as port:
        told = [await asyncio.to_thread(asked, port, "/messages", headers) for headers in EVERYBODY]

    assert statuses == [status for status, _ in told]


@pytest.mark.parametrize(
    ("temper", "lets_in"), [(Temper.CAREFUL, [GOOD]), (Temper.REFUSING, []), (Temper.OPEN, EVERYBODY)]
)
async def test_sockets_are_answered_by_temper(temper, lets_in):
    """Welcomed and answered, or accepted and closed with 1008 a moment later."""
    async with serving(Peer(temper, KEY, SUBJECT)) as port:
        told = [await knocked(port, headers) for headers in EVERYBODY]

    assert [(SUBJECT, "pong") if headers in lets_in else 1008 for headers in EVERYBODY] == told


@pytest.mark.parametrize("temper", [Temper.CAREFUL, Temper.OPEN])
async def test_who_mints_mints_good_tokens(temper):
    """Signed with the key that it verifies with, for the one subject, and not for long."""
    async with serving(Peer(temper, KEY, SUBJECT)) as port:
        status, minted = await asyncio.to_thread(asked, port, "/mint", {})

    claims = jwt.decode(minted["access_token"], KEY, algorithms=["HS256"])
    assert (200, SUBJECT) == (status, claims["sub"])
    assert claims["exp"] <= time.time() + 60


async def test_who_refuses_mints_nothing():
    """And says so."""
    async with serving(Peer(Temper.REFUSING, KEY, SUBJECT)) as port:
        assert (503, {}) == await asyncio.to_thread(asked, port, "/mint", {})
