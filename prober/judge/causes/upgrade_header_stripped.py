"""Something on the way drops the Authorization header of a WebSocket upgrade.

What you see: the routes accept our tokens, and so does the socket when the token travels as a subprotocol; only the
socket with a header refuses, exactly as it refuses somebody without any token. Where the backend speaks at all, it
says that no token came.

Why, in five steps:
1. The socket refuses because it sees no token.
2. It sees none because the upgrade reached it without an Authorization header.
3. The header is gone because a load balancer or proxy does not pass it on when it upgrades a connection.
4. It does not because its rule for upgrades lists the headers to keep, and this one is not among them.
5. It went unnoticed because browsers cannot set that header, and use the subprotocol instead.

Told apart from: `jwt_secret_drift`, `service_credentials_missing` and their kin (there the routes refuse as well) ·
`ws_crash_before_auth` (there the handshake ends in an error, not in a refusal) · `ws_path_missing` (there a
subprotocol does not help, and nobody says that a token is missing) · `subprotocol_not_negotiated` (the mirror image) ·
a prober that forgot the header (its evidence shows what was sent).

Remedy: let the load balancer pass Authorization on upgrades, or have clients send the token as a subprotocol.

Verify: `prober run`: `websocket-with-our-token` passes.

References: RFC 6455 §4.1, which lets a client send any header with the handshake; RFC 9110 §7.6.1 on what
intermediaries may remove.
"""

from prober.judge.prediction import GOOD_ISSUERS, auth_is_well, backend_is_well, reads
from prober.judge.signals import accepts, words
from prober.model.diagnosis import Cause, Layer

_WITH_A_HEADER = ("websocket", "websocket_origin")

CAUSE = Cause(
    name="upgrade_header_stripped",
    family="G",
    title="the Authorization header is lost on its way to the WebSocket",
    predicts={
        **auth_is_well(),
        **backend_is_well(),
        **{accepts(issuer, door): reads("refused") for issuer in GOOD_ISSUERS for door in _WITH_A_HEADER},
        words(): reads("header_missing"),
    },
    layers=(
        Layer("the WebSocket refuses good tokens in a header", (accepts("local", "websocket"), words())),
        Layer("it accepts the same tokens as a subprotocol", (accepts("local", "websocket_subprotocol"),)),
        Layer("the routes accept them in a header", (accepts("local", "backend"), accepts("auth", "backend"))),
        Layer("so the header is lost when the connection is upgraded: at the load balancer or a proxy"),
    ),
    remedy=(
        "let the load balancer or proxy pass the Authorization header on WebSocket upgrades",
        "try the backend's direct address: if the header arrives there, the load balancer takes it away",
        "until then, have clients send the token as a subprotocol",
    ),
    verify="prober run: websocket-with-our-token passes",
    page=__doc__ or "",
)
