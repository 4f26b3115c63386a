import json

import pytest

from prober.gather.look import look
from prober.model.chain import CredentialsStep, NoToken, Request, ValidateStep
from tests.gather.peers import LOCAL, SECRET, USER, kit
from tests.gather.scripted import answers, http, peer

VALID = http(b'{"valid": true}')


@pytest.mark.parametrize("kind", [ValidateStep, CredentialsStep])
async def test_the_token_travels_in_the_body_and_nowhere_else(kind):
    """It is the question that is asked, not the right to ask."""
    async with peer(answers(VALID)) as here, kit() as tools:
        request = Request(
            service=here.service(),
            method="POST",
            path="/auth/validate",
            headers={"X-Service-Secret": "{secret:jwt}"},
            json={"token": "{token}", "token_type": "access"},
        )
        observation = await look(kind(name="validate", service=here.service(), request=request, token=LOCAL), tools)

    head, _, body = here.requests[0].partition(b"\r\n\r\n")
    assert ({"valid": True}, "local") == (observation.seen.json, observation.token.issuer)
    assert json.loads(body)["token"].startswith("eyJ")
    assert b"uthorization" not in head
    assert f"X-Service-Secret: {SECRET}".encode() in head


async def test_a_verifier_is_not_shown_a_bearer_even_when_the_body_forgets_the_token():
    """The config is at fault then, and a bearer would hide it."""
    async with peer(answers(VALID)) as here, kit() as tools:
        request = Request(service=here.service(), method="POST", path="/auth/validate", json={})
        await look(ValidateStep(name="validate", service=here.service(), request=request, token=LOCAL), tools)

    assert b"uthorization" not in here.requests[0]


async def test_no_token_is_asked_about_as_an_empty_one():
    """The shape of the question stays, its token is empty."""
    async with peer(answers(VALID)) as here, kit() as tools:
        request = Request(service=here.service(), method="POST", path="/auth/validate", json={"token": "{token}"})
        nothing = NoToken(name="none", identity=USER)
        await look(ValidateStep(name="validate", service=here.service(), request=request, token=nothing), tools)

    assert here.requests[0].endswith(b'{"token": ""}')
