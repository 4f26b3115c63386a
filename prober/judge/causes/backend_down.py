"""The backend does not answer.

What you see: its health check goes unanswered or ends in a server error, and so does every route and the WebSocket.
The auth service is well. As long as this lasts, nothing can be said about how the backend treats tokens: a 503 says
nothing about a key.

Why, in five steps:
1. The user sees an error because nothing behind the address serves requests.
2. Nothing serves them because the backend's process did not start, or ended.
3. It did not start because of something it needs at start: an import, a setting, a secret it may not read, a port.
4. That was missing because the new revision was built or configured without it.
5. Traffic went to it all the same because nothing asked it whether it was ready.

Told apart from: `auth_down` (there the backend still answers its health check) · `backend_warming_up` (there it says
that it is starting) · `backend_crash_loop` (there it answers in between, and its uptime never grows; a loop that was
down for the whole of a run looks like this, so run again) · `backend_dependency_down` (there the health check is
green) · `service_credentials_missing` and its kin (there the backend answers, and refuses) · `ws_crash_before_auth`
(there the routes are well and only the socket breaks).

Remedy: read the backend's start-up log; roll back to the last revision that served.

Verify: `prober run`: `backend-health` passes first; look then for what it was hiding.

References: RFC 9110 §15.6.4 on 503; incident report 003, whose predecessor was a missing import of this kind.
"""

from prober.judge.prediction import at_every_door, auth_is_well, reads
from prober.judge.signals import accepts, health
from prober.model.diagnosis import Cause, Layer

CAUSE = Cause(
    name="backend_down",
    family="B",
    title="the backend does not answer",
    predicts={
        **auth_is_well(),
        health("backend"): reads("unreachable", "no_upstream", "timeout", "error"),
        **at_every_door("unanswered", "crashed"),
    },
    layers=(
        Layer(
            "the backend's routes and its WebSocket fail", (accepts("local", "backend"), accepts("local", "websocket"))
        ),
        Layer("the backend does not answer its health check", (health("backend"),)),
        Layer("auth is well, so this is the backend alone", (health("auth"), accepts("local", "auth"))),
        Layer("so its process did not start, or ended: an import, a setting, a secret or a port"),
    ),
    remedy=(
        (
            "read the backend's start-up log for imports, settings, access to secrets and its port: "
            "gcloud run services logs read backend --limit=50, or kubectl logs deployment/backend"
        ),
        "roll back to the last revision that served",
    ),
    verify="prober run: backend-health passes, then look at what it was hiding",
    page=__doc__ or "",
    masks=(
        "jwt_secret_drift",
        "jwt_secret_drift_latent",
        "service_credentials_missing",
        "service_secret_drift_at_backend",
        "service_id_drift_at_backend",
        "service_header_illegal",
        "service_identity_regression",
        "backend_cannot_reach_auth",
        "auth_slower_than_budget",
        "breaker_open",
        "backend_dependency_down",
        "service_clock_skew",
        "test_user_unknown",
        "upgrade_header_stripped",
        "subprotocol_not_negotiated",
        "ws_crash_before_auth",
        "ws_crash_after_auth",
        "ws_crash_after_accept",
        "ws_not_ready",
        "ws_origin_refused",
        "ws_path_missing",
        "ws_silent_after_accept",
        "ws_router_dead",
        "ws_open_to_anyone",
        "bypass_header_honoured",
        "demo_identity",
        "signature_unchecked",
        "expiry_unchecked",
    ),
)
