"""The WebSocket's handler crashes after it accepted.

What you see: the handshake succeeds, and then the connection is cut (1006) or closed with 1011 before a welcome. The
routes accept the same tokens. If somebody without a token meets the same end, authentication has nothing to do with it;
a backend that checks the token before it accepts refuses them first.

Why, in five steps:
1. The client sees a cut connection because the handler ended with an exception.
2. It ended so because something it uses after accepting is missing or broken.
3. That is a manager, a database session or a factory made at start-up, and it was not made.
4. It was not made because a start-up step failed and was only logged.
5. It went unnoticed because a handshake that succeeds looks like a socket that works.

Told apart from: `ws_crash_before_auth` and `ws_crash_after_auth` (there the handshake itself fails with 500) ·
`ws_silent_after_accept` (there the connection stays open and says nothing) · `ws_not_ready` (there the socket closes of
its own accord, with a reason; a handler that catches its exception and closes with one looks the same, and then only
the reason's text tells) · `test_user_unknown` (there the routes refuse the user too) · `backend_crash_loop` (there the
whole process goes, and the routes come and go with it).

Remedy: read the backend's log at the moment of the close; the traceback, or the reason in the close frame, names the
branch.

Verify: `prober run`: `websocket-with-our-token` passes.

References: RFC 6455 §7.4.1 on 1006 and 1011.
"""

from prober.judge.prediction import at_sockets, auth_is_well, backend_is_well, reads
from prober.judge.signals import accepts, knock, readiness
from prober.model.diagnosis import Cause, Layer

CAUSE = Cause(
    name="ws_crash_after_accept",
    family="G",
    title="the WebSocket's handler crashes after it accepted",
    predicts={
        **auth_is_well(),
        **backend_is_well(),
        **at_sockets("dropped", "turned_out"),
        readiness("backend"): reads("ready"),
        # where the token is checked before the accept, a stranger never gets as far as the crash
        knock("websocket"): reads("dropped", "turned_out", "refused"),
    },
    layers=(
        Layer("the WebSocket ends before a welcome", (accepts("local", "websocket"), accepts("auth", "websocket"))),
        Layer("the routes accept the same tokens", (accepts("local", "backend"), accepts("auth", "backend"))),
        Layer("so the tokens are good, and the handler falls over something that it uses after accepting"),
    ),
    remedy=(
        "read the backend's log at the time of the close; the traceback or the close reason names the branch",
        "check what the socket needs at start-up: connection manager, database, agent factory",
        "roll back the backend if this began with its last revision",
    ),
    verify="prober run: websocket-with-our-token passes",
    page=__doc__ or "",
    masks=("ws_open_to_anyone", "ws_router_dead", "ws_silent_after_accept"),
)
