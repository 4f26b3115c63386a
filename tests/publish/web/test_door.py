import base64
import contextlib

import pytest
import structlog
from starlette.datastructures import Headers

from prober.model.caller import Bearer, Scope
from prober.model.secret import Secret
from prober.publish.web import door
from prober.publish.web.problems import Problem
from tests.publish.web.conftest import CALLERS, READER, RUNNER, TOKEN

RUNS = "/api/v1/chains/validation/runs"

BAD = {
    "none": [],
    "empty": [("Authorization", "")],
    "scheme alone": [("Authorization", "Bearer")],
    "token beside the word": [("Authorization", f"Bearer x {TOKEN}")],
    "wrong token": [("Authorization", "Bearer " + "x" * len(TOKEN))],
    "beginning of the token": [("Authorization", f"Bearer {TOKEN[:-1]}")],
    "token and more": [("Authorization", f"Bearer {TOKEN}x")],
    "other case": [("Authorization", f"Bearer {TOKEN.upper()}")],
    "no scheme": [("Authorization", TOKEN)],
    "basic": [("Authorization", f"Basic {TOKEN}")],
    "quoted": [("Authorization", f'Bearer "{TOKEN}"')],
    "two tokens in one header": [("Authorization", f"Bearer wrong, Bearer {TOKEN}")],
    "two headers": [("Authorization", f"Bearer {TOKEN}"), ("Authorization", f"Bearer {TOKEN}")],
    "cookie": [("Cookie", f"Authorization=Bearer {TOKEN}")],
    "other header": [("X-Authorization", f"Bearer {TOKEN}")],
    "not ascii": [("Authorization", "Bearer tökèn".encode("latin-1"))],
    "very long": [("Authorization", "Bearer " + "x" * 8000)],
}


@pytest.mark.parametrize("path", [RUNS, "/-/reload"])
@pytest.mark.parametrize("headers", BAD.values(), ids=BAD.keys())
async def test_a_bad_credential_does_not_get_in(client, world, headers, path):
    """Whatever is not exactly the token is answered 401, with the scheme to use, and nothing is started."""
    answer = await client.post(path, headers=headers)

    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert answer.headers["content-type"] == "application/problem+json"
    assert TOKEN not in answer.text
    assert (world.operator.started, world.operator.reloads) == ([], 0)


async def test_a_token_in_the_address_does_not_get_in(client, world):
    """Addresses end up in logs, so tokens have no place in them."""
    answer = await client.post(f"{RUNS}?token={TOKEN}&access_token={TOKEN}")

    assert (answer.status_code, world.triggers()) == (401, {"unauthorized": 1})


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
async def test_the_token_gets_in(client, scheme):
    """The scheme's case does not matter (RFC 9110 §11.1)."""
    answer = await client.post(RUNS, headers={"Authorization": f"{scheme} {TOKEN}"})

    assert answer.status_code == 202


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "http://127.0.0.1:1", "http://127.0.0.1.evil.example", "http://["]
)
async def test_a_foreign_page_does_not_get_in(client, world, bearer, origin):
    """Not even with the token: an operator's browser must not be used against them."""
    answer = await client.post(RUNS, headers={**bearer, "Origin": origin})

    assert (answer.status_code, world.operator.started) == (403, [])
    assert "access-control-allow-origin" not in answer.headers


async def test_our_own_page_gets_in(client, bearer):
    """An Origin that is our own address is no reason to refuse."""
    answer = await client.post(RUNS, headers={**bearer, "Origin": str(client.base_url).rstrip("/")})

    assert answer.status_code == 202


async def test_without_a_token_configured_there_is_no_door(shut, bearer):
    """No default token, no open door: 404, and the log says so once."""
    with structlog.testing.capture_logs() as logs:
        answers = [await shut.post(path, headers=bearer) for path in (RUNS, "/-/reload", RUNS)]

    assert [answer.status_code for answer in answers] == [404, 404, 404]
    assert [line["event"] for line in logs].count("web.trigger_disabled") == 1


@pytest.mark.parametrize(
    ("token", "path", "status"),
    [
        (READER, RUNS, 403),
        (READER, "/-/reload", 403),
        (RUNNER, RUNS, 202),
        (RUNNER, "/-/reload", 403),
        (TOKEN, RUNS, 202),
        (TOKEN, "/-/reload", 200),
    ],
)
async def test_each_may_what_its_scopes_say(client, token, path, status):
    """And is told which scope is missing."""
    answer = await client.post(path, headers={"Authorization": f"Bearer {token}"})

    assert status == answer.status_code
    assert ("insufficient_scope" in answer.headers.get("www-authenticate", "")) == (status == 403)


def test_who_may_anything_may_look():
    """Whoever has a run started may see what it came to."""
    assert [True, True, True] == [caller.may(Scope.READ) for caller in CALLERS]


async def test_nothing_is_remembered_of_who_was_let_in(client, world):
    """A token that is taken away by a reload is worth nothing from then on."""
    headers = {"Authorization": f"Bearer {RUNNER}"}
    before = await client.post(RUNS, headers=headers)
    del world.operator.tokens["runner"]
    after = await client.post(RUNS, headers=headers)

    assert (202, 401) == (before.status_code, after.status_code)


async def test_a_token_as_a_password_is_for_webhooks_alone(client):
    """Who can send headers is not led to write a token into an address."""
    answer = await client.post(RUNS, auth=("runner", RUNNER))

    assert 401 == answer.status_code


@pytest.mark.parametrize(
    ("credential", "shown"),
    [
        (base64.b64encode(b"ci:a:b").decode(), "a:b"),
        (base64.b64encode(b"alone").decode(), ""),
        (base64.b64encode(b"\xff:\xff").decode(), ""),
        ("no base64!", ""),
        ("", ""),
    ],
)
def test_the_password_stands_behind_the_first_colon(credential, shown):
    """As RFC 7617 has it; what cannot be read shows nothing."""
    headers = Headers({"authorization": f"Basic {credential}"})

    assert shown == door._credential(headers, takes_basic=True)
    assert "" == door._credential(headers, takes_basic=False)


@pytest.mark.parametrize("shown", [None, "", "Bearer", "Bearer ", "Basic", "Basic Og==", "Basic cHJvYmVyOg=="])
def test_a_token_that_is_not_there_is_nobodys(shown):
    """Not even where a caller's own is empty, as a variable that was never set is."""
    nobody = Bearer(CALLERS[0], Secret("trigger", ""))
    headers = Headers({} if shown is None else {"authorization": shown})

    with pytest.raises(Problem, match="401"):
        door.Door(lambda: [nobody]).check(headers, Scope.RUN, takes_basic=True)


@pytest.mark.parametrize("shown", [f"Bearer {TOKEN}", "Bearer wrong", ""])
def test_every_callers_token_is_compared(shown):
    """Whoever is found: which of them it was cannot be told from the delay (see tests/model/test_secret.py)."""
    compared = []

    class Counted(Secret):
        """One that tells of each comparison."""

        def matches(self, other):
            """Note it."""
            compared.append(self.name)
            return super().matches(other)

    bearers = [Bearer(each, Counted(each.name, TOKEN if each is CALLERS[0] else "another")) for each in CALLERS]
    with contextlib.suppress(Problem):
        door.Door(lambda: bearers).check(Headers({"authorization": shown}), Scope.RUN)

    assert [each.name for each in CALLERS] == compared


async def test_no_cookie_is_ever_set(client, bearer):
    """There is no session to ride on."""
    answers = [await client.get("/"), await client.post(RUNS, headers=bearer)]

    assert not any("set-cookie" in answer.headers for answer in answers)
