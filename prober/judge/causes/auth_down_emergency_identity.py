"""The auth service does not answer, and the backend lets everybody in under an emergency identity.

What you see: auth's health check, its mint and its validation go unanswered, and yet the WebSocket welcomes whoever
knocks, under a made-up name such as emergency_user_0001; with no token at all, too. The routes accept any token. Users
find themselves signed in as somebody who is not them. Treat it as an open door.

Why, in five steps:
1. A stranger is welcomed because the backend gives them an identity of its own making.
2. It makes one up because it could not have the token checked.
3. It could not because the auth service does not answer: it did not start, crashed, or listens elsewhere.
4. The backend prefers serving anybody to serving nobody because a fallback for emergencies was built in.
5. Nobody noticed because with the fallback everything looks green, unless one reads whom the welcome names.

Told apart from: `auth_down` (there the backend turns everybody away) · `auth_down_local_fallback` (there the backend
still checks the signature, so the welcome names the right user and strangers are refused) · `demo_identity` and
`ws_open_to_anyone` (there auth is well).

Remedy: bring the auth service back: read its start-up log, its port variable, its secrets, its database. Then remove
the fallback from the backend; an outage must fail closed.

Verify: `prober run`: `auth-health` passes, the welcome names the token's own user, and `websocket-refuses-no-token`
passes.

References: incident report 001 for the outage; CWE-636 on failing open; OWASP ASVS 4.1.5.
"""

from prober.judge.prediction import (
    DOORS,
    GOOD_ISSUERS,
    HIDDEN_BEHIND_AUTH,
    at_sockets,
    auth_is_gone,
    now_and_then,
    reads,
)
from prober.judge.signals import accepts, breaker, control, health, knock, mint
from prober.model.diagnosis import Cause, Layer

_BAD = ("forged", "expired", "spoofed")

CAUSE = Cause(
    name="auth_down_emergency_identity",
    family="F",
    title="the auth service does not answer, and the backend lets everybody in under an emergency identity",
    predicts={
        **auth_is_gone(),
        breaker(): reads("closed", *now_and_then("open")),
        health("backend"): reads("ok", "degraded"),
        # a route that names nobody in its answer cannot show whom it served
        **{
            accepts(issuer, door): reads("accepted", "wrong_identity")
            for issuer in GOOD_ISSUERS
            for door in ("backend", "stream")
        },
        **at_sockets("wrong_identity"),
        control("none", "websocket"): reads("accepted"),
        knock("websocket"): reads("accepted"),
        **{control(bad, door): reads("accepted", "refused") for bad in _BAD for door in DOORS},
    },
    layers=(
        Layer("auth is failing OPEN: the WebSocket welcomes whoever knocks", (control("none", "websocket"),)),
        Layer(
            "it welcomes good users under another name than their own",
            (accepts("local", "websocket"), accepts("local", "websocket_subprotocol")),
        ),
        Layer("nobody can mint or validate at the auth service", (mint(), accepts("local", "auth"))),
        Layer("the auth service does not answer its health check", (health("auth"),)),
        Layer("so auth is down, and the backend makes identities up instead of refusing"),
    ),
    remedy=(
        "read the auth service's start-up log: port variable, secrets, database; restart it or roll it back",
        "remove the emergency fallback from the backend, so that an outage of auth fails closed",
        "treat everything done under emergency identities meanwhile as untrusted",
    ),
    verify="prober run: auth-health, websocket-with-our-token and websocket-refuses-no-token pass",
    page=__doc__ or "",
    masks=(
        *HIDDEN_BEHIND_AUTH,
        "signature_unchecked",
        "expiry_unchecked",
        "ws_open_to_anyone",
    ),
)
