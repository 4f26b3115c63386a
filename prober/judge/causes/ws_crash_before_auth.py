"""The WebSocket's handler crashes before it looks at the token.

What you see: the handshake ends in HTTP 500, whatever token is shown and also without any, while the routes accept
good tokens. The tests of the second incident report came to this point once their keys were mended: a 500 in place of
a 403 is another fault, and no progress with the first.

Why, in five steps:
1. The socket cannot be opened because its handler raises before it accepts.
2. It raises before it reads the token, so every token meets the same end.
3. It raises because something it needs first is missing: an import, a setting, an object made at start-up.
4. That is missing because the new revision changed how the handler is put together.
5. It went unnoticed because the health check does not open a socket.

Told apart from: `ws_crash_after_auth` (there a request without a token is refused in good order, and only good tokens
meet the 500) · `ws_crash_after_accept` (there the handshake succeeds first) · `upgrade_header_stripped` (there the
socket refuses in good order) · `backend_down` (there the routes fail too).

Remedy: read the backend's log at the moment of the handshake; the traceback names the line.

Verify: `prober run`: `websocket-with-our-token` passes, and `websocket-refuses-no-token` does.

References: incident report 001 («tests progress from 403 to 500»); RFC 6455 §4.2.2.
"""

from prober.judge.prediction import at_sockets, auth_is_well, backend_is_well, reads
from prober.judge.signals import accepts, knock
from prober.model.diagnosis import Cause, Layer

CAUSE = Cause(
    name="ws_crash_before_auth",
    family="G",
    title="the WebSocket's handler crashes before it looks at the token",
    predicts={
        **auth_is_well(),
        **backend_is_well(),
        **at_sockets("crashed"),
        knock("websocket"): reads("crashed"),
    },
    layers=(
        Layer(
            "the WebSocket breaks instead of answering", (accepts("local", "websocket"), accepts("auth", "websocket"))
        ),
        Layer("it breaks without any token too, so it never came to look at one", (knock("websocket"),)),
        Layer("the routes accept the same tokens", (accepts("local", "backend"), accepts("auth", "backend"))),
        Layer("so the tokens are good, and the socket's handler raises an exception of its own"),
    ),
    remedy=(
        "read the backend's log at the time of the handshake; the traceback names the line",
        "roll back the backend if this began with its last revision",
    ),
    verify="prober run: websocket-with-our-token and websocket-refuses-no-token pass",
    page=__doc__ or "",
    masks=(
        "upgrade_header_stripped",
        "ws_crash_after_accept",
        "ws_crash_after_auth",
        "ws_not_ready",
        "ws_open_to_anyone",
        "ws_router_dead",
        "ws_silent_after_accept",
    ),
)
