"""The auth service cannot be reached the way the prober goes, while the backend reaches it.

What you see: we get no connection to the auth service: its name does not resolve, nobody accepts the connection, or
TLS fails. Yet the backend, which asks auth about every token, still lets our tokens in. So auth is alive. Whether only
our way is broken, or the public address by which users log in as well (its name, its certificate), one place alone
cannot tell: that is why it counts, and is not booked on the prober.

Why, in five steps:
1. Our checks of the auth service fail because we cannot reach it.
2. We cannot because our address for it is wrong, or the way from here to there is closed.
3. The address is wrong because AUTH_URL still names an old host or port; or a proxy, a firewall rule, a resolver or a
   certificate store stands between this machine and the network.
4. That changed here and not there: the backend has an address and a way of its own.
5. It went unnoticed because from one place, «auth is down» and «I cannot see auth» look the same.

Told apart from: `auth_down` (there the backend refuses everybody, because it cannot ask auth either) ·
`auth_down_local_fallback` (there the backend cannot reach auth either: what it passes on from auth fails too; and
where an edge answers us that nobody stands behind it, our way is fine and auth is gone) · `backend_cannot_reach_auth`
(the mirror image: there we reach auth and the backend does not). If nothing shows whether the backend reaches auth, a
backend that falls back to its own key looks the same.

Remedy: compare AUTH_URL with the address that the backend uses, then try it from the prober's own machine:
`curl -sv "$AUTH_URL/health"` tells whether the name, the connection or TLS fails.

Verify: `prober check` accepts the config; `prober run`: `auth-health` and `mint` pass.

References: incident report 001, where an auth service on another port looked dead to some and alive to others; RFC
9110 §15.6 on what an answer from an edge would have told.
"""

from prober.judge.prediction import GOOD_ISSUERS, at_every_door, reads
from prober.judge.signals import accepts, auth_path, credentials, health, mint
from prober.model.diagnosis import Cause, Layer

CAUSE = Cause(
    name="auth_unreachable_from_prober",
    family="X",
    title="auth cannot be reached the way the prober goes, while the backend reaches it",
    predicts={
        # an edge that answers would show that our way to it is fine
        health("auth"): reads("unreachable", "timeout", "unresolved", "tls"),
        mint(): reads("unreachable"),
        credentials(): reads("unanswered"),
        **{accepts(issuer, "auth"): reads("unanswered") for issuer in GOOD_ISSUERS},
        health("backend"): reads("ok"),
        auth_path(): reads("open"),
        **at_every_door("accepted", issuers=("local",)),
    },
    layers=(
        Layer("we cannot reach the auth service", (health("auth"), mint(), accepts("local", "auth"))),
        Layer(
            "the backend accepts tokens that it must ask auth about",
            (accepts("local", "backend"), accepts("local", "websocket")),
        ),
        Layer("the backend itself reaches auth", (auth_path(),)),
        Layer("so auth is alive, and the way to its public address is broken: name, route, proxy or certificate"),
    ),
    remedy=(
        'try it from the prober\'s machine: curl -sv "$AUTH_URL/health" tells whether name, connection or TLS fails',
        "compare AUTH_URL with the address that the backend uses for auth: scheme, host, port",
        "try it from another machine: if it fails there too, mend the public address, its name or its certificate",
        "if it does not, check the firewall, the resolver and the certificate store of the prober's machine",
    ),
    verify="prober run: auth-health and mint pass",
    page=__doc__ or "",
    masks=(
        "bypass_key_absent",
        "bypass_key_mismatch",
        "mint_route_missing",
        "auth_disagrees_with_itself",
        "service_credentials_unchecked",
    ),
)
