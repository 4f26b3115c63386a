"""The auth service does not answer, and the backend checks tokens by its own key instead.

What you see: auth's health check, its mint and its validation go unanswered, and yet the backend lets our own tokens
in, over REST and over the WebSocket. Whoever looks at the WebSocket alone sees green. Nobody can log in, and a revoked
token counts as good, because only the auth service knows what was revoked.

Why, in five steps:
1. Nobody gets a new token because the auth service does not answer.
2. Those who have one notice nothing because the backend falls back to checking signatures itself.
3. The auth service does not answer because it did not start, crashed, or listens on another port.
4. It did not start because of its configuration: a port variable, a secret, a database it cannot reach.
5. Nobody saw it because the fallback hides it, and nothing looks at auth's own health after a deploy.

Told apart from: `auth_down` (there the backend turns everybody away) · `signature_unchecked` (there a forged token
gets in too; here it must not) · `auth_down_emergency_identity` (there strangers get in as well, under a made-up name) ·
`backend_down` (there auth answers) · `auth_unreachable_from_prober` (there auth is alive and only our way to it is
broken: the backend still passes on what it fetches from auth, /auth/config for one, and no edge tells us that nobody
stands behind it). If neither can be seen, ask auth's health from a second place.

Remedy: read the auth service's start-up log; check its port variable, its secrets and its database. Then decide
whether the backend should fall back at all.

Verify: `prober run`: `auth-health` and `mint` pass again.

References: incident report 001, where the fallback held another key and so turned the outage into refusals; RFC 7009
on revocation.
"""

from prober.judge.prediction import DOORS, HIDDEN_BEHIND_AUTH, at_every_door, auth_is_gone, now_and_then, reads
from prober.judge.signals import accepts, auth_path, breaker, control, health, mint, secrets
from prober.model.diagnosis import Cause, Layer

CAUSE = Cause(
    name="auth_down_local_fallback",
    family="F",
    title="the auth service does not answer, and the backend checks tokens by itself",
    predicts={
        **auth_is_gone(),
        **at_every_door("accepted"),
        **{control(bad, door): reads("refused") for bad in ("none", "forged", "expired") for door in DOORS},
        health("backend"): reads("ok", "degraded"),
        breaker(): reads("closed", *now_and_then("open")),
        secrets("prober", "backend"): reads("equal"),
    },
    layers=(
        Layer("nobody can mint or validate at the auth service", (mint(), accepts("local", "auth"))),
        Layer("the auth service does not answer its health check", (health("auth"),)),
        Layer("the backend does not reach it either", (auth_path(),)),
        Layer(
            "the backend accepts tokens all the same: it checks them by its own key, and revocation is gone",
            (accepts("local", "backend"), accepts("local", "websocket")),
        ),
        Layer("so the auth service did not start or cannot be reached: its port, its secrets or its database"),
    ),
    remedy=(
        "read the auth service's start-up log: port variable, secrets, database",
        "restart or roll back the auth service",
        "decide whether the backend should fall back at all: while it does, revoked tokens count as good",
    ),
    verify="prober run: auth-health and mint pass",
    page=__doc__ or "",
    masks=HIDDEN_BEHIND_AUTH,
)
