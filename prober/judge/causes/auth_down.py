"""The auth service does not answer.

What you see: its health check, its mint and its validation all go unanswered, and the backend, which asks it about
every token, turns everybody away. The second incident report began here, and blamed the WebSocket.

Why, in five steps:
1. The user is refused because the backend could not have the token checked.
2. It could not because the auth service does not answer.
3. That does not answer because it did not start, crashed, or listens on another port.
4. It did not start because of its configuration: a port variable, a secret, a database it cannot reach.
5. It was deployed so because nothing looked at its health after the deploy.

Told apart from: `auth_down_local_fallback` (there the backend still accepts tokens that we sign) · `backend_down`
(there the backend does not answer either) · a broken path from the prober alone (there the backend still accepts
tokens).

Remedy: read the auth service's start-up log; check its port variable, its secrets and its database.

Verify: `prober run`: auth-health and mint pass first, the rest follows.

References: incident report 001.
"""

from prober.judge.prediction import at_every_door, auth_is_gone, reads
from prober.judge.signals import accepts, health, mint, words
from prober.model.diagnosis import Cause, Layer

CAUSE = Cause(
    name="auth_down",
    family="F",
    title="the auth service does not answer",
    predicts={
        **auth_is_gone(),
        **at_every_door("refused", "crashed", "unanswered"),
        health("backend"): reads("ok", "degraded"),
        words(): reads("auth_unreachable", "invalid_token"),
    },
    layers=(
        Layer("the backend refuses good tokens", (accepts("local", "backend"), accepts("local", "websocket"))),
        Layer("nobody can mint or validate at the auth service", (mint(), accepts("local", "auth"))),
        Layer("the auth service does not answer its health check", (health("auth"),)),
    ),
    remedy=(
        "read the auth service's start-up log: port variable, secrets, database",
        "restart or roll back the auth service",
    ),
    verify="prober run: auth-health and mint pass, then everything behind them",
    page=__doc__ or "",
    masks=("jwt_secret_drift", "service_credentials_missing", "service_secret_drift_at_auth"),
)
