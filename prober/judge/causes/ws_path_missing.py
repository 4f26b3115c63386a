"""There is no WebSocket where we look for it.

What you see: every handshake is refused, with a good token and without any, by a 404 or by an empty 403, which is what
many servers answer to an upgrade on a path that they do not have. The backend never says a word about the token. The
routes accept the same tokens.

Why, in five steps:
1. The socket cannot be opened because nobody handles that path.
2. Nobody does because this build of the backend has no socket route, or has it under another path.
3. It has none because the module that registers it was not loaded, or the path was renamed.
4. Or it has one, and the load balancer sends that path elsewhere.
5. It looks like a refused token because the answer to an unknown path is a 403, too.

Told apart from: `upgrade_header_stripped` (there a token as a subprotocol gets in, and the backend may say that none
came) · `jwt_secret_drift` and its kin (there the routes refuse too) · `subprotocol_not_negotiated` and
`ws_origin_refused` (there one way of knocking gets in) · `ws_crash_before_auth` (there the handshake ends in a 500) ·
`edge_blocks_request` (there a page of HTML answers).

Remedy: try a path that surely does not exist: if it gets the same answer as the socket's, the socket's path is missing.
Then compare the path in probes.yaml with the routes of that build, and with the load balancer's rules.

Verify: `prober run`: `websocket-with-our-token` passes.

References: RFC 6455 §4.2.2; RFC 9110 §15.5.5; the staging contract, by which an unknown path is an HTTP 403 too.
"""

from prober.judge.prediction import at_sockets, auth_is_well, backend_is_well, reads
from prober.judge.signals import accepts, health, knock, words
from prober.model.diagnosis import Cause, Layer

CAUSE = Cause(
    name="ws_path_missing",
    family="G",
    title="there is no WebSocket where we look for it",
    predicts={
        **auth_is_well(),
        **backend_is_well(),
        **at_sockets("not_found", "refused"),
        knock("websocket"): reads("not_found", "refused"),
        # a router that lacks the path says nothing about tokens
        words(): reads("nothing"),
    },
    layers=(
        Layer(
            "the WebSocket cannot be opened",
            (accepts("local", "websocket"), accepts("local", "websocket_subprotocol"), accepts("auth", "websocket")),
        ),
        Layer("with a token or without one, the answer is the same", (knock("websocket"),)),
        Layer(
            "the routes accept the same tokens, and the backend is up", (accepts("local", "backend"), health("backend"))
        ),
        Layer("so nobody handles that path: another build, a renamed path, or a load balancer that sends it elsewhere"),
    ),
    remedy=(
        (
            "compare with a path that surely does not exist: curl --http1.1 -s -o /dev/null -w '%{http_code}' "
            '-H "Connection: Upgrade" -H "Upgrade: websocket" -H "Sec-WebSocket-Version: 13" '
            '-H "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==" "$BACKEND_URL/no-such-path"'
        ),
        "compare the path of the socket in probes.yaml with the routes of the backend's build, and roll back if needed",
        "check that the load balancer sends the socket's path to the backend",
    ),
    verify="prober run: websocket-with-our-token passes",
    page=__doc__ or "",
    masks=("upgrade_header_stripped", "ws_not_ready", "ws_open_to_anyone", "ws_router_dead", "ws_silent_after_accept"),
)
