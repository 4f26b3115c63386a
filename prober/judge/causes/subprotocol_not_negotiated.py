"""The WebSocket turns away whoever offers a subprotocol.

What you see: the socket accepts our tokens in a header and refuses the very same ones when they travel as a
subprotocol, which is how browsers send them. The routes are well. So every test with a header is green, and every user
in a browser is shut out.

Why, in five steps:
1. The browser's socket fails because the handshake is refused.
2. It is refused because it offers subprotocols and the backend agrees to none of them.
3. The backend agrees to none because this build does not look at Sec-WebSocket-Protocol, or a proxy drops it.
4. It does not look because the names it knows (jwt-auth, jwt.TOKEN) were renamed or left out.
5. It went unnoticed because tests set an Authorization header, which a browser cannot.

Told apart from: `upgrade_header_stripped` (the mirror image: there a header is refused and the subprotocol accepted) ·
`ws_path_missing` (there the socket refuses either way) · `ws_origin_refused` (there it is the Origin that is refused:
browsers meet both) · `edge_blocks_request` (there a page of HTML answers, and where that meets this way of knocking
alone the two look the same) · `jwt_secret_drift` (there the routes refuse too).

Remedy: let the backend pick `jwt-auth` from the offered subprotocols and name it in its answer; let proxies pass
Sec-WebSocket-Protocol in both directions.

Verify: `prober run`: the WebSocket accepts our token as a subprotocol, and in a header still.

References: RFC 6455 §4.2.2 and §11.3.4 on Sec-WebSocket-Protocol.
"""

from prober.judge.prediction import GOOD_ISSUERS, auth_is_well, backend_is_well, reads
from prober.judge.signals import accepts, health, knock
from prober.model.diagnosis import Cause, Layer

CAUSE = Cause(
    name="subprotocol_not_negotiated",
    family="G",
    title="the WebSocket turns away whoever offers a subprotocol",
    predicts={
        **auth_is_well(),
        **backend_is_well(),
        **{accepts(issuer, "websocket_subprotocol"): reads("refused", "blocked") for issuer in GOOD_ISSUERS},
        knock("websocket"): reads("refused"),
    },
    layers=(
        Layer(
            "the WebSocket refuses good tokens that come as a subprotocol",
            tuple(accepts(issuer, "websocket_subprotocol") for issuer in reversed(GOOD_ISSUERS)),
        ),
        Layer("it accepts them in a header", (accepts("local", "websocket"), accepts("auth", "websocket"))),
        Layer("the routes accept them, and auth does", (accepts("local", "backend"), accepts("local", "auth"))),
        Layer("the backend is up", (health("backend"),)),
        Layer("so the offered subprotocols are the trouble: the backend agrees to none, or a proxy drops them"),
    ),
    remedy=(
        "let the backend pick jwt-auth from the offered subprotocols, and name it in its answer to the upgrade",
        "let the load balancer or proxy pass Sec-WebSocket-Protocol in both directions",
        "compare the names in the subprotocols of probes.yaml with those that this build of the backend knows",
    ),
    verify="prober run: the WebSocket accepts our token as a subprotocol and in a header",
    page=__doc__ or "",
)
