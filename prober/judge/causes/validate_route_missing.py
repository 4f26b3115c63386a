"""The auth service has no validation route where the backend looks for it.

What you see: auth is up and mints tokens, but when it is asked whether one holds it answers 404 (or 405). The backend,
which asks the same, turns every user away and says that the token was rejected. Keys and credentials are fine; nobody
has looked at them.

Why, in five steps:
1. The user is refused because the backend's question got no verdict.
2. It got none because auth answers «not found» to it.
3. It is not found because this build of the auth service has no such route, or has it under another path.
4. The path differs because it was renamed, a prefix was added, or a proxy before auth rewrites it.
5. It went unnoticed because the health check and the mint live elsewhere and still work.

Told apart from: `auth_down` (there the health check and the mint fail as well) · `mint_route_missing` (there it is the
mint that is not found, and validation works) · `service_credentials_missing` and its kin (there auth validates when
it is asked directly) · `test_user_revoked` (there auth answers, and says no).

Remedy: compare the build of auth with the one that was to be deployed, and the path that the backend calls with the
routes of that build: `curl -s -o /dev/null -w '%{http_code}' -X POST "$AUTH_URL/auth/validate"`.

Verify: `prober run`: `auth-validates-our-token` passes, then `messages-with-our-token`.

References: RFC 9110 §15.5.5 on 404 and §15.5.6 on 405; the staging contract, by which validation answers 200 to
everything.
"""

from prober.judge.prediction import GOOD_ISSUERS, at_every_door, reads, spare_tokens
from prober.judge.signals import accepts, auth_path, credentials, health, mint, words
from prober.model.diagnosis import Cause, Layer

CAUSE = Cause(
    name="validate_route_missing",
    family="F",
    title="the auth service has no validation route where the backend looks for it",
    predicts={
        health("auth"): reads("ok"),
        health("backend"): reads("ok"),
        mint(): reads("ok"),
        **{accepts(issuer, "auth"): reads("not_found") for issuer in GOOD_ISSUERS},
        **spare_tokens("auth", reading="not_found"),
        credentials(): reads("refused"),
        **at_every_door("refused"),
        **spare_tokens("backend", reading="refused"),
        auth_path(): reads("open"),
        words(): reads("token_rejected", "invalid_token"),
    },
    layers=(
        Layer("the backend refuses good tokens", (accepts("local", "backend"), accepts("local", "websocket"))),
        Layer(
            "auth answers «not found» when it is asked whether they hold",
            (accepts("local", "auth"), accepts("auth", "auth")),
        ),
        Layer("auth is up and mints", (health("auth"), mint())),
        Layer("so only the route is missing: another build of auth, a renamed path, or a proxy that rewrites it"),
    ),
    remedy=(
        (
            "see what the route answers: "
            "curl -s -o /dev/null -w '%{http_code}' -X POST \"$AUTH_URL/auth/validate\"; 404 or 405 confirms this"
        ),
        "compare the version in auth's health answer with the one that was to be deployed, and deploy or roll back",
        "compare the validation path that the backend calls with the routes of that build",
    ),
    verify="prober run: auth-validates-our-token passes, then messages-with-our-token",
    page=__doc__ or "",
    masks=(
        "jwt_secret_drift",
        "prober_secret_wrong",
        "service_credentials_missing",
        "service_credentials_absent_at_auth",
        "service_secret_drift_at_auth",
        "service_secret_drift_at_backend",
        "service_id_drift_at_auth",
        "service_id_drift_at_backend",
        "test_user_revoked",
        "test_user_unknown",
        "signature_unchecked",
        "expiry_unchecked",
    ),
)
