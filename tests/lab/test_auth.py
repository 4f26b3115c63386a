"""The auth service says what the real one says, in both dialects."""

import pytest


async def test_it_mints_for_who_has_the_key(real):
    """The bypass mint gives a session whose token holds; its subject comes from the address."""
    session = (await real.mint()).json()
    told = (await real.validate(session["access_token"])).json()

    assert {"access_token", "refresh_token", "token_type", "expires_in", "user"} == set(session)
    assert session["user"]["id"] == told["user_id"] == "e2e-staging-e2e-user-001"
    assert {"valid", "user_id", "email", "permissions", "expires_at"} == set(told)


@pytest.mark.parametrize(
    ("fault", "key", "status", "text"),
    [
        ((), "", 401, "E2E bypass key required"),
        ((), "wrong", 401, "Invalid E2E bypass key"),
        (("bypass_key_absent",), None, 503, "E2E authentication not configured"),
        (("bypass_key_mismatch",), None, 401, "Invalid E2E bypass key"),
        (("bypass_key_not_sent",), None, 401, "E2E bypass key required"),
        (("mint_route_missing",), None, 404, "Not Found"),
    ],
)
@pytest.mark.parametrize("visitor", ["real", "reports"], indirect=True)
async def test_the_mint_tells_its_faults_apart(visitor, fault, key, status, text):
    """Each way of not getting a token has a status and a text of its own."""
    await visitor.world.change(*fault)
    answer = await visitor.mint(key)

    assert (status, {"detail": text}) == (answer.status_code, answer.json())


async def test_a_mint_without_a_key_to_sign_with_crashes(real):
    """No key in auth: the mint is a 500 and no token holds."""
    await real.world.change("token_signing_broken")

    assert (await real.mint()).status_code == 500
    assert (await real.validate(real.local_token())).json()["error"] == "validation_error"


async def test_validation_is_always_a_200(real):
    """The verdict is in the body, never in the status."""
    answers = [
        await real.validate(real.local_token()),
        await real.validate(real.forged()),
        await real.validate(real.expired()),
        await real.validate(""),
        await real.auth("POST", "/auth/validate", content=b"{"),
    ]

    assert {200} == {answer.status_code for answer in answers}
    assert [None, "invalid_token", "invalid_token", "missing_token", "invalid_request"] == [
        answer.json().get("error") for answer in answers
    ]


@pytest.mark.parametrize(
    ("headers", "error"),
    [
        ({"x-service-id": "netra-backend"}, None),
        ({"x-service-secret": "wrong"}, None),
        ({"x-service-id": "someone", "x-service-secret": "wrong"}, "invalid_service_id"),
        ({"x-service-id": "netra-backend", "x-service-secret": "wrong"}, "invalid_service_secret"),
    ],
)
async def test_service_headers_are_looked_at_in_pairs(real, headers, error):
    """Missing credentials are tolerated, wrong ones are refused."""
    body = {"token": real.local_token(), "token_type": "access"}
    answer = await real.auth("POST", "/auth/validate", headers=headers, json=body)

    assert error == answer.json().get("error")


async def test_a_wrong_service_id_is_told_the_right_one(real):
    """The text names the id that was expected."""
    await real.world.change("service_id_drift_at_auth")

    assert "'netra-backend-v2'" in (await real.validate(real.local_token(), trusted=True)).json()["message"]


async def test_the_reports_tell_of_a_401_for_services(reported):
    """In the reports' dialect an untrusted service is answered with 401."""
    await reported.world.change("service_secret_drift_at_auth")
    answer = await reported.validate(reported.local_token(), trusted=True)

    assert (401, "invalid_service_secret") == (answer.status_code, answer.json()["error"])


async def test_me_answers_a_bad_token_with_401(real):
    """The one route of auth whose status is the verdict."""
    seen = [
        (await real.auth("GET", "/auth/me", headers={"authorization": f"Bearer {token}"})).status_code
        for token in (real.local_token(), real.forged())
    ]

    assert [200, 401] == seen


async def test_dev_login_is_of_the_reports(real, reported):
    """Developers get tokens in the reports' dialect and a 403 in the real one."""
    body = {"email": "staging-e2e-user-001@staging.example", "provider": "test"}
    given = await reported.auth("POST", "/auth/dev-login", json=body)

    assert (await real.auth("POST", "/auth/dev/login", json=body)).status_code == 403
    assert (await reported.validate(given.json()["access_token"])).json()["user_id"] == "staging-e2e-user-001"


async def test_anyone_can_create_a_token(real):
    """The hole of the real service is there: create-token asks nobody for anything."""
    token = (await real.auth("POST", "/auth/create-token", json={"user_id": "stranger"})).json()["access_token"]

    assert (await real.validate(token)).json()["user_id"] == "stranger"


async def test_service_tokens_are_for_services(real):
    """A service token needs the service's secret, and is no access token."""
    right = {"service_id": "netra-backend", "service_secret": real.env["SERVICE_SECRET"]}
    given = await real.auth("POST", "/auth/service-token", json=right)
    refused = await real.auth("POST", "/auth/service-token", json=right | {"service_secret": "wrong"})

    assert (200, 401) == (given.status_code, refused.status_code)
    assert not (await real.validate(given.json()["access_token"])).json()["valid"]


async def test_a_logged_out_token_is_revoked(real):
    """After logout the token holds no more; who is not trusted is told it was never revoked."""
    token = real.local_token()
    await real.auth("POST", "/auth/logout", headers={"authorization": f"Bearer {token}"})
    wrong = {"x-service-id": "netra-backend", "x-service-secret": "wrong"}
    told = [
        (await real.auth("POST", "/auth/check-blacklist", json={"token": token}, headers=headers)).json()
        for headers in ({}, wrong)
    ]

    assert not (await real.validate(token)).json()["valid"]
    assert [{"blacklisted": True}, {"blacklisted": False}] == told


async def test_a_session_can_be_refreshed(real):
    """A refresh token gives a new session, an access token does not."""
    session = (await real.mint()).json()
    seen = [
        (await real.auth("POST", "/auth/refresh", json={"refresh_token": session[name]})).status_code
        for name in ("refresh_token", "access_token")
    ]

    assert [200, 401] == seen
