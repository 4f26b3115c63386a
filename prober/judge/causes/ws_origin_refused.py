"""The WebSocket refuses handshakes that name an origin.

What you see: the socket accepts our tokens as long as the handshake says nothing about where it comes from. With an
Origin header, as every browser sends one, it refuses the very same tokens. The routes are well. So tests are green, and
users in a browser are shut out.

Why, in five steps:
1. The browser's socket fails because the handshake is refused before anybody looks at the token.
2. It is refused because the Origin that the browser sends is not on the backend's list.
3. It is not because the front end has a new address, or the list was set for another environment.
4. The list is another one because it is a setting of its own, e.g. CORS_ORIGINS, that nobody changes along.
5. It went unnoticed because programs, unlike browsers, send no Origin.

Told apart from: `subprotocol_not_negotiated` (there it is the subprotocol that is refused, with or without an origin) ·
`upgrade_header_stripped` (there the socket refuses a token in a header, with or without an origin) · `ws_path_missing`
(there nothing gets in) · `edge_blocks_request` (there a page of HTML answers, and where that meets this way of knocking
alone the two look the same).

Remedy: add the front end's address, scheme and port included, to the origins that the backend allows. Do not allow all
of them: the list is what keeps other sites from opening a socket in a user's name.

Verify: `prober run`: the WebSocket accepts our token with the front end's origin.

References: RFC 6455 §4.2.2 and §10.2 on Origin; CWE-1385 on what the list is for.
"""

from prober.judge.prediction import GOOD_ISSUERS, auth_is_well, backend_is_well, reads
from prober.judge.signals import accepts
from prober.model.diagnosis import Cause, Layer

CAUSE = Cause(
    name="ws_origin_refused",
    family="G",
    title="the WebSocket refuses handshakes that name an origin",
    predicts={
        **auth_is_well(),
        **backend_is_well(),
        **{accepts(issuer, "websocket_origin"): reads("refused", "blocked") for issuer in GOOD_ISSUERS},
    },
    layers=(
        Layer(
            "the WebSocket refuses good tokens when the handshake names an origin",
            tuple(accepts(issuer, "websocket_origin") for issuer in reversed(GOOD_ISSUERS)),
        ),
        Layer(
            "it accepts them without one",
            (accepts("local", "websocket"), accepts("local", "websocket_subprotocol"), accepts("auth", "websocket")),
        ),
        Layer("the routes accept them too", (accepts("local", "backend"), accepts("auth", "backend"))),
        Layer("so the origin is not on the backend's list, and every browser of that front end is shut out"),
    ),
    remedy=(
        "add the front end's address, scheme and port included, to the origins the backend allows, e.g. CORS_ORIGINS",
        "deploy the backend; do not allow every origin, for that lets other sites act in a user's name",
        "compare the Origin that the step in probes.yaml sends with the front end's real address",
    ),
    verify="prober run: the WebSocket accepts our token with the front end's origin",
    page=__doc__ or "",
)
