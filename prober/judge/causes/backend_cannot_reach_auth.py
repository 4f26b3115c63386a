"""The backend cannot reach the auth service, though we can.

What you see: the backend turns every user away and says that the auth service is unreachable, while the auth service
answers us well and accepts the same tokens. What the backend passes on from auth, such as /auth/config, fails too.
Where packets get lost, refusals take as long as a connection timeout, a second or several, and always the same; where
nobody listens at the address, or its name does not resolve, they come at once.

Why, in five steps:
1. The user is refused because the backend could not have the token checked.
2. It could not because its connection to the auth service never came about.
3. It did not because it calls the wrong address, or its way out is closed.
4. The address is wrong because AUTH_SERVICE_URL still names another environment, an old host or port; or the way out
   is closed because a network connector or a firewall rule is missing.
5. It was deployed so because nothing tries that connection before traffic is sent.

Told apart from: `auth_down` (there auth does not answer us either) · `auth_slower_than_budget` (there auth is slow for
us too, and refusals come after about half a second) · `breaker_open` (there refusals come at once, and what the backend
passes on from auth still comes through) · `auth_unreachable_from_prober` (the mirror image: there the backend reaches
auth, and we do not) · `jwt_secret_drift` (there the signing keys differ). This opens the breaker as well, so an open
breaker alone proves neither.

Remedy: check the backend's AUTH_SERVICE_URL and its way out: name, port, scheme, connector, firewall.

Verify: `prober run`: `messages-with-our-token` passes; the backend's /auth/config, which it fetches from auth, answers
200.

References: incident report 001, which names the connection and the port.
"""

from prober.judge.prediction import at_every_door, auth_yes_backend_no, keys_are_equal, now_and_then, reads
from prober.judge.signals import (
    accepts,
    auth_path,
    breaker,
    credentials,
    health,
    refusal,
    service_secret,
    words,
)
from prober.model.diagnosis import Cause, Layer

CAUSE = Cause(
    name="backend_cannot_reach_auth",
    family="F",
    title="the backend cannot reach the auth service",
    predicts={
        **auth_yes_backend_no(),
        **at_every_door("refused", "unanswered"),
        # a lost packet is waited for; a closed port, an unknown name or an open breaker says no at once
        refusal(): reads("timed_out", "quick"),
        auth_path(): reads("broken"),
        breaker(): reads("closed", *now_and_then("open")),
        credentials(): reads("accepted"),
        **keys_are_equal(),
        words(): reads("auth_unreachable"),
        service_secret("backend"): reads("held"),
    },
    layers=(
        Layer("the backend refuses good tokens", (accepts("local", "backend"), accepts("local", "websocket"))),
        Layer("it says that it could not reach the auth service", (words(),)),
        Layer("auth answers us, and accepts the same tokens", (health("auth"), accepts("local", "auth"))),
        Layer("what the backend passes on from auth does not come through", (auth_path(),)),
        Layer("so the way from the backend to auth is broken: AUTH_SERVICE_URL or the network between them"),
    ),
    remedy=(
        "compare AUTH_SERVICE_URL in the backend's environment with the address that we use: scheme, host, port",
        "ask the backend for /auth/config: it fetches that from auth, so it shows whether the way is open",
        "check the backend's network connector and the firewall rules on its way out",
    ),
    verify="prober run: messages-with-our-token passes",
    page=__doc__ or "",
)
