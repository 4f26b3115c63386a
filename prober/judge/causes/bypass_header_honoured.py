"""A header whose name speaks of tests opens the WebSocket.

What you see: everything is green: good tokens get in, and a request without a token is refused. But the same request
with one more header, whose name contains «test» or «e2e», is welcomed; what the header says does not matter. Anybody
can send a header. Treat it as an open door.

Why, in five steps:
1. A stranger is welcomed because the socket takes them for a test.
2. It takes them for one because of a header's name, which it does not check against anything secret.
3. It looks at names because that was the easiest way to let end-to-end tests in.
4. It does so in staging, or in production, because the switch depends on the request and not on the environment.
5. It went unnoticed because the tests that send the header are green, and the ones that do not are green too.

Told apart from: `ws_open_to_anyone` (there a request without the header gets in as well) · `signature_unchecked` (there
a forged token gets in, without any header) · `demo_identity` (there everybody gets in, under another name).

Remedy: remove the branch that looks at the header; let tests mint real tokens instead, by the auth service's bypass
route, which asks for a key (e.g. E2E_OAUTH_SIMULATION_KEY, at auth only).

Verify: `prober run`: the control with the spoofed header is refused again, and `websocket-with-our-token` still passes.

References: incident report 004; the staging contract on headers that switch authentication off; CWE-290 and CWE-807.
"""

from prober.judge.prediction import DOORS, reads
from prober.judge.signals import accepts, control
from prober.model.diagnosis import Cause, Layer

CAUSE = Cause(
    name="bypass_header_honoured",
    family="H",
    title="a header whose name speaks of tests opens the WebSocket to anyone",
    predicts={
        control("spoofed", "websocket"): reads("accepted"),
        # the same shortcut may be built into the routes
        control("spoofed", "backend"): reads("accepted", "refused"),
        **{control(bad, door): reads("refused") for bad in ("none", "forged", "expired") for door in DOORS},
    },
    layers=(
        Layer("auth is failing OPEN: a header alone gets a stranger in", (control("spoofed", "websocket"),)),
        Layer(
            "without that header the stranger is refused", (control("none", "websocket"), control("none", "backend"))
        ),
        Layer("good tokens pass, so nothing looks wrong", (accepts("local", "websocket"), accepts("local", "backend"))),
        Layer("so the socket switches authentication off for whoever sends a header with that name"),
    ),
    remedy=(
        "remove the branch in the backend that lets a header's name switch authentication off",
        "let tests mint real tokens by the auth service's bypass route, which asks for a key",
        "deploy the backend, and treat sessions opened meanwhile as untrusted",
    ),
    verify="prober run: the control with the spoofed header is refused",
    page=__doc__ or "",
)
