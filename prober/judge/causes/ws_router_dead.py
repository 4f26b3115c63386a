"""The WebSocket welcomes its user and then answers no message.

What you see: the handshake succeeds, the welcome names the right user, and our ping is never answered. The server's
own heartbeat may still arrive, which makes the connection look alive. The routes are well.

Why, in five steps:
1. The user's messages go unanswered because nobody handles them.
2. Nobody does because the loop that reads them ended, or hands them to a router without handlers.
3. The router has none because they are registered at start-up, and that step did not run.
4. It did not run because it failed quietly, or because another worker has the registered copy.
5. It went unnoticed because the welcome and the heartbeat come from somewhere else.

Told apart from: `ws_silent_after_accept` (there not even a welcome comes) · `ws_crash_after_accept` (there the
connection is closed or cut).

Remedy: check that message handlers are registered at start-up, in every worker, and restart the backend.

Verify: `prober run`: `websocket-with-our-token` passes, pong included.

References: RFC 6455 §5.5.2 on ping frames, which the protocol library answers by itself: this is why we ping with a
message.
"""

from prober.judge.prediction import at_sockets, auth_is_well, backend_is_well
from prober.judge.signals import accepts
from prober.model.diagnosis import Cause, Layer

CAUSE = Cause(
    name="ws_router_dead",
    family="G",
    title="the WebSocket welcomes its user and then answers no message",
    predicts={
        **auth_is_well(),
        **backend_is_well(),
        **at_sockets("no_pong"),
    },
    layers=(
        Layer(
            "our ping over the WebSocket goes unanswered", (accepts("local", "websocket"), accepts("auth", "websocket"))
        ),
        Layer("the routes accept the same tokens", (accepts("local", "backend"), accepts("auth", "backend"))),
        Layer("so the user is let in, and nobody handles what they say: the message router is dead"),
    ),
    remedy=(
        "check in the backend's log that message handlers are registered at start-up, in every worker",
        "restart the backend; if the silence returns, roll back to the revision before",
    ),
    verify="prober run: websocket-with-our-token passes, pong included",
    page=__doc__ or "",
)
