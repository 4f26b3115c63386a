import pytest
from dirty_equals import IsStr

from prober.gather.exchange import exchange, mint
from prober.model.chain import HttpStep, LocalIssuer, NoToken, Request, RouteIssuer, SpoofedIssuer
from prober.model.errors import SecretUnavailable
from prober.model.trouble import Trouble, TroubleKind, Whose
from tests.gather.peers import LOCAL, SUBJECT, USER, kit
from tests.gather.scripted import OK, Peer, answers, http, peer, unused_port


def step(here: Peer, **more) -> HttpStep:
    """A step that asks `here` with a local token."""
    given = {"name": "messages", "service": here.service(), "token": LOCAL}
    return HttpStep(**given | {"request": Request(service=here.service(), method="GET", path="/")} | more)


async def test_the_token_is_sent_and_its_shape_is_told():
    """A fresh token goes out as a bearer; what comes back with the answer is what may be shown of it."""
    async with peer(answers(OK)) as here, kit() as tools:
        glance = await exchange(step(here), tools)

    assert (200, SUBJECT, 2) == (glance.seen.status, glance.token.subject, glance.token.dots)
    assert b"Authorization: Bearer eyJ" in here.requests[0]
    assert b"X-Probe-Run: run-1" in here.requests[0]


async def test_a_step_without_a_token_sends_none():
    """A health check shows no credentials to anybody."""
    async with peer(answers(OK)) as here, kit() as tools:
        glance = await exchange(step(here, token=None), tools)

    assert (200, None) == (glance.seen.status, glance.token)
    assert b"uthorization" not in here.requests[0]


async def test_no_token_is_sent_as_no_header():
    """The control that a door is locked knocks with empty hands."""
    async with peer(answers(OK)) as here, kit() as tools:
        request = Request(service=here.service(), method="GET", path="/", headers={"Authorization": "Bearer {token}"})
        glance = await exchange(step(here, token=NoToken(name="none", identity=USER), request=request), tools)

    assert (200, None) == (glance.seen.status, glance.token)
    assert b"uthorization" not in here.requests[0]


async def test_spoofed_headers_go_in_the_place_of_a_token():
    """They replace the request's own of the same name, and are filled in for the test user."""
    spoofed = SpoofedIssuer(
        name="spoofed", identity=USER, headers={"X-User-ID": "{subject}", "authorization": "Bearer"}
    )
    async with peer(answers(OK)) as here, kit() as tools:
        request = Request(service=here.service(), method="GET", path="/", headers={"Authorization": "Bearer real"})
        glance = await exchange(step(here, token=spoofed, request=request), tools)

    assert (200, None) == (glance.seen.status, glance.token)
    assert f"X-User-ID: {SUBJECT}".encode() in here.requests[0]
    assert b"authorization: Bearer\r" in here.requests[0]
    assert b"real" not in here.requests[0]


@pytest.mark.parametrize("issuer_says", [http(b"{}", status="401 Unauthorized"), None], ids=["refuses", "is down"])
async def test_without_the_token_nothing_is_sent(issuer_says):
    """The issuer gave none, so there is nothing to knock with; that is the issuer's finding, not this step's."""
    async with peer(answers(OK)) as here, peer(answers(issuer_says or b"")) as auth, kit() as tools:
        if issuer_says is None:
            auth.port = unused_port()
        asks = Request(service=auth.service(), method="POST", path="/mint")
        route = RouteIssuer(name="auth", identity=USER, request=asks)
        glance = await exchange(step(here, token=route), tools)

    assert Trouble(TroubleKind.NO_TOKEN, Whose.TARGET, IsStr(regex=".*no bytes were sent.*")) == glance.seen
    assert [] == here.requests


async def test_our_own_secret_is_our_own_trouble():
    """A key we do not have is not booked on anybody else."""
    async with peer(answers(OK)) as here, kit() as tools:
        keyless = LocalIssuer(name="local", identity=USER, secret="not-there")
        with pytest.raises(SecretUnavailable):
            await exchange(step(here, token=keyless), tools)

    assert [] == here.requests


async def test_each_look_has_a_token_of_its_own():
    """Verifiers cache their verdict per token: the same one twice would be answered from memory."""
    async with peer(answers(OK)) as here, kit() as tools:
        first, second = await mint(step(here), tools), await mint(step(here), tools)

    assert first.secret.reveal() != second.secret.reveal()
