"""The backend is alive, and something that it needs is not: its database, most often.

What you see: the backend's health check is green and its readiness check is not. Good tokens end in a server error on
every route, and the WebSocket accepts and closes with a reason. Without a token the backend still refuses in good
order, for it looks at the token before it goes to the database. The auth service is well, and the keys are equal.

Why, in five steps:
1. The user sees an error because the backend has their token checked, and then falls over.
2. It falls over because it needs its database, or a cache or queue, and gets no connection.
3. It gets none because the dependency is down, full, or cannot be reached from the backend.
4. It cannot be reached because its address, its password or the network connector changed.
5. It went unnoticed because the health check says only that the process runs.

Told apart from: `backend_down` (there the health check fails too) · `ws_not_ready` and `ws_crash_after_accept` (there
the routes are well) · `backend_warming_up` (there the backend says that it is starting) · `test_user_unknown` (there
the backend refuses the user, and does not fall over).

Remedy: look at what the readiness route names as missing (`curl -s "$BACKEND_URL/health/ready"`), then at that
dependency: is it up, and do the backend's address and password for it hold?

Verify: `prober run`: the backend is ready, and `messages-with-our-token` passes.

References: RFC 9110 §15.6.4 on 503; Kubernetes' documentation on the difference between liveness and readiness.
"""

from prober.judge.prediction import GOOD_ISSUERS, at_sockets, auth_is_well, keys_are_equal, reads
from prober.judge.signals import accepts, health, knock, readiness
from prober.model.diagnosis import Cause, Layer

CAUSE = Cause(
    name="backend_dependency_down",
    family="B",
    title="the backend is alive, and something that it needs is not, most often its database",
    predicts={
        **auth_is_well(),
        **keys_are_equal(),
        health("backend"): reads("ok", "degraded"),
        readiness("backend"): reads("not_ready"),
        **{accepts(issuer, door): reads("crashed") for issuer in GOOD_ISSUERS for door in ("backend", "stream")},
        **at_sockets("turned_out", "dropped", "crashed"),
        knock("backend"): reads("refused"),
    },
    layers=(
        Layer(
            "the backend falls over when it is shown a good token",
            (accepts("local", "backend"), accepts("auth", "backend"), accepts("local", "websocket")),
        ),
        Layer("it says itself that it is not ready", (readiness("backend"),)),
        Layer(
            "without a token it refuses in good order, and it is up, so its process is well",
            (knock("backend"), health("backend")),
        ),
        Layer(
            "auth accepts the same tokens, so neither keys nor credentials are to blame", (accepts("local", "auth"),)
        ),
        Layer("so something that the backend needs after checking the token is gone: database, cache or network to it"),
    ),
    remedy=(
        'see what the backend itself names as missing: curl -s "$BACKEND_URL/health/ready"',
        "check that dependency: is it up, does it accept connections, are its limits reached",
        "check the backend's address and password for it, e.g. DATABASE_URL, and its network connector",
    ),
    verify="prober run: the backend is ready, and messages-with-our-token passes",
    page=__doc__ or "",
    key=(readiness("backend"), accepts("local", "backend")),
    masks=(
        "service_identity_regression",
        "test_user_unknown",
        "ws_not_ready",
        "ws_router_dead",
        "ws_silent_after_accept",
    ),
)
