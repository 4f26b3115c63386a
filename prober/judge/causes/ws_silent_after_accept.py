"""The WebSocket accepts and then says nothing.

What you see: the handshake succeeds, and no welcome ever comes, until somebody's patience ends. The routes accept the
same tokens. A test that only looks at the handshake calls this green.

Why, in five steps:
1. The user sees an empty chat because no message arrives.
2. None arrives because the handler accepted and then waits for something.
3. It waits for a lock, a queue or a start-up step that never finishes.
4. That never finishes because whatever should finish it is not running in this revision.
5. It went unnoticed because the tests are content with the handshake.

Told apart from: `ws_router_dead` (there a welcome comes, and only our ping goes unanswered) · `ws_crash_after_accept`
(there the connection is closed or cut) · `jwt_secret_drift` and its kin (there the routes refuse too).

Remedy: look at what the handler awaits between accepting and welcoming; restart the backend if its start-up hangs.

Verify: `prober run`: `websocket-with-our-token` passes, welcome and pong included.

References: RFC 6455 §4.2.2: a handshake says that a connection is open, and no more.
"""

from prober.judge.prediction import at_sockets, auth_is_well, backend_is_well
from prober.judge.signals import accepts
from prober.model.diagnosis import Cause, Layer

CAUSE = Cause(
    name="ws_silent_after_accept",
    family="G",
    title="the WebSocket accepts and then says nothing",
    predicts={
        **auth_is_well(),
        **backend_is_well(),
        **at_sockets("silent"),
    },
    layers=(
        Layer("no welcome comes over the WebSocket", (accepts("local", "websocket"), accepts("auth", "websocket"))),
        Layer("the routes accept the same tokens", (accepts("local", "backend"), accepts("auth", "backend"))),
        Layer("so the handler accepted, and waits for something that never comes"),
    ),
    remedy=(
        "look in the backend's log for what follows the accept: a lock, a queue or a start-up step that never ends",
        "restart the backend; if the silence returns, roll back to the revision before",
    ),
    verify="prober run: websocket-with-our-token passes, welcome and pong included",
    page=__doc__ or "",
    masks=("ws_router_dead",),
)
