"""The WebSocket accepts and closes again: what it needs is not ready.

What you see: the handshake succeeds, no welcome comes, and the backend closes the connection (1011, or 1001) with a
reason such as «Services not ready». The routes accept the same tokens. Often it heals as the backend's uptime grows;
where it does not, one of the socket's own services never started.

Why, in five steps:
1. The user's socket closes because the backend says that it cannot serve it yet.
2. It cannot because something that only the socket needs is not there: an agent supervisor, a message bus.
3. That is not there because it starts after the routes do, or its start failed and was only logged.
4. Traffic came all the same because readiness looks at the routes' needs and not at the socket's.
5. It looks like an outage of authentication because the close comes just when a welcome should.

Told apart from: `ws_crash_after_accept` (there the handler falls over: as a rule the connection is cut without a
reason; where it catches the exception and closes with one, only the reason's text tells) · `backend_warming_up` (there
the health check says that the whole backend is starting) · `backend_dependency_down` (there the routes fall over too) ·
`ws_silent_after_accept` (there the connection stays open) · `test_user_unknown` (there the routes refuse the user).

Remedy: read the reason in the evidence of `websocket-with-our-token`; it names what is missing. Wait one start-up time;
if it stays, read the backend's start-up log for that part, and restart it.

Verify: `prober run`: `websocket-with-our-token` passes, welcome included.

References: RFC 6455 §7.4.1 on 1001 and 1011; the staging contract on the socket while starting.
"""

from prober.judge.prediction import at_sockets, auth_is_well, backend_is_well, now_and_then, reads
from prober.judge.signals import accepts, knock, readiness
from prober.model.diagnosis import Cause, Layer

CAUSE = Cause(
    name="ws_not_ready",
    family="G",
    title="the WebSocket accepts and closes again, because what it needs is not ready",
    predicts={
        **auth_is_well(),
        **backend_is_well(),
        # it may heal while we look
        **at_sockets("turned_out", *now_and_then("not_ready")),
        # the guard may come before the token is looked at, or after
        knock("websocket"): reads("refused", "turned_out", *now_and_then("not_ready")),
        readiness("backend"): reads("ready", *now_and_then("not_ready")),
    },
    layers=(
        Layer(
            "the WebSocket accepts, and closes with a reason of its own before a welcome",
            (accepts("local", "websocket"), accepts("local", "websocket_subprotocol"), accepts("auth", "websocket")),
        ),
        Layer("the routes accept the same tokens", (accepts("local", "backend"), accepts("auth", "backend"))),
        Layer("so the tokens are good, and something that only the socket needs has not started"),
    ),
    remedy=(
        "read the close reason in the evidence of websocket-with-our-token: it names what is missing",
        "wait one start-up time, a minute at most, and run again",
        (
            "if it stays, look for that part in the backend's start-up log and restart the backend: "
            "kubectl rollout restart deployment/backend"
        ),
    ),
    verify="prober run: websocket-with-our-token passes, welcome included",
    page=__doc__ or "",
    masks=("ws_router_dead", "ws_silent_after_accept"),
)
