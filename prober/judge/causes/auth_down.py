"""The auth service does not answer.

What you see: its health check, its mint and its validation all go unanswered, and the backend, which asks it about
every token, turns everybody away. The second incident report began here, and blamed the WebSocket.

Why, in five steps:
1. The user is refused because the backend could not have the token checked.
2. It could not because the auth service does not answer.
3. That does not answer because it did not start, crashed, or listens on another port.
4. It did not start because of its configuration: a port variable, a secret, a database it cannot reach.
5. It was deployed so because nothing looked at its health after the deploy.

Told apart from: `auth_down_local_fallback` and `auth_down_emergency_identity` (there the backend lets people in all the
same) · `auth_unreachable_from_prober` (there the backend reaches auth and accepts tokens, and only we cannot see it) ·
`backend_cannot_reach_auth` (there auth answers us) · `validate_route_missing` (there auth is up, and only the question
goes astray) · `backend_down` (there the backend does not answer either). An edge that answers in auth's place (502, 503
or 504 without a word of JSON) shows that our way to it is open, and that nobody stands behind it.

Remedy: read the auth service's start-up log; check its port variable, its secrets and its database.

Verify: `prober run`: auth-health and mint pass first, the rest follows.

References: incident report 001.
"""

from prober.judge.prediction import at_every_door, at_sockets, auth_is_gone, now_and_then, reads
from prober.judge.signals import accepts, auth_path, breaker, health, mint, readiness, words
from prober.model.diagnosis import Cause, Layer

CAUSE = Cause(
    name="auth_down",
    family="F",
    title="the auth service does not answer",
    predicts={
        **auth_is_gone(),
        **at_every_door("refused", "crashed", "unanswered"),
        **at_sockets("refused", "crashed", "unanswered", "turned_out", "dropped"),
        health("backend"): reads("ok", "degraded"),
        # a backend that looks at what it needs says so, and its failures open the breaker
        readiness("backend"): reads("ready", "not_ready"),
        breaker(): reads("closed", *now_and_then("open")),
        words(): reads("auth_unreachable", "invalid_token"),
    },
    layers=(
        Layer("the backend refuses good tokens", (accepts("local", "backend"), accepts("local", "websocket"))),
        Layer("nobody can mint or validate at the auth service", (mint(), accepts("local", "auth"))),
        Layer("the backend does not reach it either", (auth_path(),)),
        Layer("the auth service does not answer its health check", (health("auth"),)),
    ),
    remedy=(
        (
            "read the auth service's start-up log for its port variable, secrets and database: "
            "gcloud run services logs read auth --limit=50, or kubectl logs deployment/auth"
        ),
        "restart or roll back the auth service",
    ),
    verify="prober run: auth-health and mint pass, then everything behind them",
    page=__doc__ or "",
    masks=(
        "jwt_secret_drift",
        "service_credentials_missing",
        "service_secret_drift_at_auth",
        "bypass_key_absent",
        "validate_route_missing",
        "auth_disagrees_with_itself",
        "test_user_revoked",
    ),
)
