"""The WebSocket lets anybody in.

What you see: everything is green, and a connection without any token is welcomed too. No probe with a good token can
see this; only the control does. The fix that the fifth incident report proposes brings it about.

Why, in five steps:
1. A stranger is welcomed because the socket never asks who they are.
2. It does not ask because authentication is switched off for it.
3. It is switched off because a test setting, such as a bypass key in the backend's environment, switches it off.
4. That setting is there because it made failing tests pass.
5. The tests passed because none of them knocks without a key.

Told apart from: `signature_unchecked` (there a forged token passes but none does not) · `demo_identity` (there
everybody is welcomed under a made-up name, whose token is good too) · `bypass_header_honoured` (there a stranger needs
a certain header) · `auth_down_emergency_identity` (there auth is down, and the door opens only for as long).

Remedy: remove the bypass from the backend's environment; the bypass key belongs to the auth service alone.

Verify: `prober run`: websocket-refuses-no-token passes.

References: incident report 004; OWASP ASVS 4.4.3; CWE-306.
"""

from prober.judge.prediction import at_sockets, reads
from prober.judge.signals import accepts, control, kept_out, knock
from prober.model.diagnosis import Cause, Layer

CAUSE = Cause(
    name="ws_open_to_anyone",
    family="H",
    title="the WebSocket lets anybody in",
    predicts={
        # whoever has a good token is welcomed under their own name
        **at_sockets("accepted"),
        knock("websocket"): reads("accepted"),
        control("none", "websocket"): reads("accepted"),
        control("forged", "websocket"): reads("accepted"),
        control("expired", "websocket"): reads("accepted"),
        control("spoofed", "websocket"): reads("accepted"),
        control("none", "backend"): reads("refused"),
        control("forged", "backend"): reads("refused"),
        control("forged", "auth"): reads("refused"),
        # what opens it may be a key that must not be there
        kept_out("backend", "bypass_key"): reads("absent", "present"),
    },
    layers=(
        Layer("auth is failing OPEN on the WebSocket", (control("none", "websocket"),)),
        Layer("good tokens are welcomed there too, so nothing looks wrong", (accepts("local", "websocket"),)),
        Layer("the socket does not check tokens at all: authentication is switched off for it"),
    ),
    remedy=(
        "remove E2E_OAUTH_SIMULATION_KEY and any other bypass from the backend's environment; it belongs to auth alone",
        "deploy the backend, and treat sessions opened meanwhile as untrusted",
    ),
    verify="prober run: websocket-refuses-no-token passes",
    page=__doc__ or "",
    masks=("bypass_header_honoured", "signature_unchecked", "expiry_unchecked"),
)
