"""The auth service is healthy, but slower than the backend is willing to wait.

What you see: the backend turns every user away and says that the auth service is unreachable, while the auth service
answers us well and accepts the same tokens. Refusals come after a constant third or half of a second: the backend's
budget. When auth is only sometimes slow, users are only sometimes refused.

Why, in five steps:
1. The user is refused because the backend could not have the token checked.
2. It could not because auth's answer did not come within the budget.
3. The budget is short because before every question the backend looks at auth's health, and waits 0.3 to 0.5 seconds.
4. Auth is slower than that because it is cold, short of processor time, or far from its database.
5. Nobody noticed because everybody else waits longer than the backend does.

Told apart from: `auth_down` (there auth does not answer us either) · `backend_cannot_reach_auth` (there the refusal
comes after a connection timeout, and the backend does not reach auth for anything else either) · `breaker_open` (there
it comes at once, under 50 ms, and auth is quick) · `mixed_revisions` (there two revisions answer in turn) ·
`jwt_secret_drift` (there the signing keys differ). A slow auth may open the breaker as well: then mend auth first.
Where nothing shows how long things take, the first three look alike.

Remedy: give the auth service a warm instance and enough processor time, or give the backend a longer budget.

Verify: `prober run`: `messages-with-our-token` passes several times in a row; auth's health answers well under the
budget.

References: Dean and Barroso, «The Tail at Scale», 2013, on budgets and slow answers.
"""

from prober.judge.prediction import (
    SPARE_ISSUERS,
    at_every_door,
    auth_yes_backend_no,
    keys_are_equal,
    now_and_then,
    reads,
)
from prober.judge.signals import (
    accepts,
    auth_path,
    breaker,
    credentials,
    health,
    pace,
    refusal,
    service_secret,
    words,
)
from prober.model.diagnosis import Cause, Layer

CAUSE = Cause(
    name="auth_slower_than_budget",
    family="F",
    title="the auth service is slower than the backend is willing to wait",
    predicts={
        **auth_yes_backend_no(),
        # auth may be slow now and then, and a door that is tried once may have been lucky
        **at_every_door("accepted", *now_and_then("refused")),
        accepts("local", "backend"): now_and_then("refused"),
        **{accepts(issuer, "backend"): reads("accepted", *now_and_then("refused")) for issuer in SPARE_ISSUERS},
        # once a breaker has opened, nobody waits any more
        refusal(): reads("waited", "quick"),
        pace("auth"): reads("slow"),
        # what the backend passes on from auth may come through or run out of time, and failures open a breaker
        auth_path(): reads("open", *now_and_then("broken")),
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
        Layer("auth takes 0.3 seconds or more to say that it is well", (pace("auth"),)),
        Layer("the backend refuses after a wait, as if its patience had run out", (refusal(),)),
        Layer("so auth answers too late for the backend, which waits only 0.3 to 0.5 seconds"),
    ),
    remedy=(
        "compare the duration of auth-health with the backend's budget of 0.3 to 0.5 seconds",
        (
            "keep one instance of the auth service warm, or give it more processor time: "
            "gcloud run services update auth --min-instances=1 --cpu=2"
        ),
        "or raise the backend's budget for its look at auth's health",
    ),
    verify="prober run: messages-with-our-token passes several times in a row",
    page=__doc__ or "",
)
