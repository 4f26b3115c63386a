"""The WebSocket's handler crashes once it has found a token good, before it accepts.

What you see: with a good token the handshake ends in HTTP 500; without any it is refused in good order. The routes
accept the same tokens. So whoever may come in meets an error, and whoever may not is told so: the token was checked,
and what comes after the check falls over.

Why, in five steps:
1. The user's socket fails because its handler raises before it accepts.
2. It raises after it has looked at the token, for strangers are still refused.
3. What comes next is to load the user, open a session or make an agent, and that fails.
4. It fails because something made at start-up is missing there, or was renamed in the last revision.
5. It went unnoticed because the tests of authentication only bring bad tokens, and those behave.

Told apart from: `ws_crash_before_auth` (there no token at all meets the same error) · `ws_crash_after_accept` (there
the handshake succeeds first) · `ws_not_ready` (there the socket accepts, and closes with a reason) ·
`backend_dependency_down` (there the routes fall over too).

Remedy: read the backend's log at the moment of the handshake; the traceback names what comes after the check of the
token.

Verify: `prober run`: `websocket-with-our-token` passes, and `websocket-refuses-no-token` still does.

References: incident report 001 («tests progress from 403 to 500»); RFC 6455 §4.2.2.
"""

from prober.judge.prediction import at_sockets, auth_is_well, backend_is_well, reads
from prober.judge.signals import accepts, knock
from prober.model.diagnosis import Cause, Layer

CAUSE = Cause(
    name="ws_crash_after_auth",
    family="G",
    title="the WebSocket's handler crashes once it has found a token good",
    predicts={
        **auth_is_well(),
        **backend_is_well(),
        **at_sockets("crashed"),
        knock("websocket"): reads("refused"),
    },
    layers=(
        Layer(
            "the WebSocket breaks instead of answering",
            (accepts("local", "websocket"), accepts("local", "websocket_subprotocol"), accepts("auth", "websocket")),
        ),
        Layer("without a token it refuses in good order, so it does look at tokens", (knock("websocket"),)),
        Layer("the routes accept the same tokens", (accepts("local", "backend"), accepts("auth", "backend"))),
        Layer("so the handler falls over what it does once a token was found good"),
    ),
    remedy=(
        (
            "read the backend's log at the time of the handshake: "
            "kubectl logs deployment/backend --since=5m, or gcloud run services logs read backend --limit=50"
        ),
        "look at what follows the check of the token: the user's record, the session, the agent's factory",
        "roll back the backend if this began with its last revision",
    ),
    verify="prober run: websocket-with-our-token passes, and websocket-refuses-no-token still does",
    page=__doc__ or "",
    masks=("ws_crash_after_accept", "ws_not_ready", "ws_router_dead", "ws_silent_after_accept"),
)
