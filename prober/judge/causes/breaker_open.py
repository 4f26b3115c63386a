"""The backend's circuit breaker is still open from trouble that is over.

What you see: the backend turns every user away and says that the auth service is unreachable, while the auth service
answers us well and accepts the same tokens. Refusals come at once, under 50 ms, because nobody is asked. It heals by
itself when the breaker's recovery time is over, unless what opened it is still there.

Why, in five steps:
1. The user is refused because the backend could not have the token checked.
2. It could not because its breaker for the auth service is open, so it did not even ask.
3. The breaker is open because several questions in a row failed a while ago.
4. They failed because auth was restarting, slow or unreachable then, and is no longer.
5. It lasts because a breaker looks at the clock and not at the service.

Told apart from: `auth_slower_than_budget` (there auth is slow for us too, and refusals take about half a second) ·
`backend_cannot_reach_auth` (there they take a connection timeout, and what the backend passes on from auth fails too)
· `service_header_illegal` (there the breaker opens too, and opens again after each recovery) · `auth_down` (there auth
does not answer us either).

Remedy: wait one recovery time and look again; if the refusals stay, look for what keeps opening the breaker.

Verify: `prober run`, one recovery time later: `messages-with-our-token` passes.

References: Nygard, «Release It!», 2nd edition, on circuit breakers; the backend's /api/circuit-breakers/status.
"""

from prober.judge.prediction import (
    auth_yes_backend_no,
    keys_are_equal,
    now_and_then,
    reads,
)
from prober.judge.signals import accepts, auth_path, breaker, credentials, health, pace, refusal, service_secret, words
from prober.model.diagnosis import Cause, Layer

CAUSE = Cause(
    name="breaker_open",
    family="F",
    title="the backend's circuit breaker for the auth service is open",
    predicts={
        **auth_yes_backend_no(),
        breaker(): now_and_then("open"),
        pace("auth"): reads("quick"),
        credentials(): reads("accepted"),
        **keys_are_equal(),
        words(): reads("auth_unreachable"),
        service_secret("backend"): reads("held"),
    },
    layers=(
        Layer("the backend refuses good tokens", (accepts("local", "backend"), accepts("local", "websocket"))),
        Layer("it says that it could not reach the auth service", (words(),)),
        Layer("auth answers us, and accepts the same tokens", (health("auth"), accepts("local", "auth"))),
        Layer("the backend refuses at once, so it asks nobody", (refusal(),)),
        Layer("and yet it reaches auth for other things", (auth_path(),)),
        Layer("its breaker for auth is open", (breaker(),)),
        Layer("so it refuses because of trouble that is over: a breaker looks at the clock, not at the service"),
    ),
    remedy=(
        'see when it will try again: curl -s "$BACKEND_URL/api/circuit-breakers/status"',
        "wait one recovery time, ten seconds by default, and run again; restarting the backend closes the breaker too",
        "if it opens again, look for what fails in between: a slow auth, the network, an illegal header",
    ),
    verify="prober run after one recovery time: messages-with-our-token passes",
    page=__doc__ or "",
    masks=("auth_slower_than_budget", "backend_cannot_reach_auth", "service_header_illegal"),
)
