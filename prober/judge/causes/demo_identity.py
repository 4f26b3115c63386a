"""The WebSocket lets anybody in, and calls everybody a demo user.

What you see: the socket welcomes whoever knocks, with a token or without one, and the welcome names a user who is not
the one in the token, such as demo-user-1a2b3c4d. The routes work as they should. A test that is content with a welcome
is green; who reads the name in it is not.

Why, in five steps:
1. The user sees somebody else's chat, or an empty one, because the socket serves them as a demo user.
2. It does because it does not use the token: whoever comes is given an identity made on the spot.
3. It is given because a demo mode is on, and it goes before authentication.
4. The mode is on because a setting for demonstrations, e.g. DEMO_MODE, is on by default or was left on.
5. It went unnoticed because a welcome came, and nobody compared its user with the token's.

Told apart from: `ws_open_to_anyone` (there strangers get in too, but a good token's user is named rightly) ·
`auth_down_emergency_identity` (there auth is down, and the made-up names are for emergencies) ·
`bypass_header_honoured` (there a stranger needs a certain header) · `signature_unchecked` (there a request without a
token is refused).

Remedy: switch the demo mode off in the backend's environment (e.g. DEMO_MODE=0) and deploy it; let the code refuse to
start with it in any environment that has real users.

Verify: `prober run`: `websocket-with-our-token` names the token's own user, and `websocket-refuses-no-token` passes.

References: the staging contract on degraded identities; CWE-287 and CWE-306.
"""

from prober.judge.prediction import at_sockets, reads
from prober.judge.signals import accepts, control, health, kept_out, knock
from prober.model.diagnosis import Cause, Layer

CAUSE = Cause(
    name="demo_identity",
    family="H",
    title="the WebSocket lets anybody in, and calls everybody a demo user",
    predicts={
        # with auth down, made-up names are the backend's way of coping
        health("auth"): reads("ok"),
        **at_sockets("wrong_identity"),
        knock("websocket"): reads("accepted"),
        **{control(bad, "websocket"): reads("accepted") for bad in ("none", "forged", "expired", "spoofed")},
        **{control(bad, "backend"): reads("refused") for bad in ("none", "forged", "expired")},
        control("forged", "auth"): reads("refused"),
        # what opens it may be a key that must not be there
        kept_out("backend", "bypass_key"): reads("absent", "present"),
    },
    layers=(
        Layer("auth is failing OPEN on the WebSocket: it welcomes whoever knocks", (control("none", "websocket"),)),
        Layer(
            "it welcomes good users under another name than their own",
            (accepts("local", "websocket"), accepts("local", "websocket_subprotocol"), accepts("auth", "websocket")),
        ),
        Layer("the routes still refuse strangers", (control("none", "backend"), control("forged", "backend"))),
        Layer("so the socket does not use the token at all: a demo mode gives everybody a made-up identity"),
    ),
    remedy=(
        "switch the demo mode off in the backend's environment, e.g. DEMO_MODE=0, and deploy the backend",
        "let the backend refuse to start with a demo mode in an environment that has real users",
        "treat what was done under demo identities meanwhile as untrusted",
    ),
    verify="prober run: websocket-with-our-token names the token's own user, and websocket-refuses-no-token passes",
    page=__doc__ or "",
    masks=("signature_unchecked", "expiry_unchecked", "ws_open_to_anyone", "bypass_header_honoured"),
)
