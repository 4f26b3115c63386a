"""The auth service's clock is ahead of the backend's, and the backend checks tokens by itself.

What you see: the backend refuses tokens that the auth service has only just minted, and accepts the same tokens some
seconds later. Our own tokens, which are dated half a minute back, always pass. Auth accepts everything; all keys are
equal. Users who log in are thrown out once, and are let in when they try again.

Why, in five steps:
1. A fresh token is refused because, by the backend's clock, it was issued in the future.
2. It was because the auth service dates it by its own clock, and that is ahead.
3. The backend minds because it checks tokens itself and allows no leeway.
4. The clocks differ because time synchronisation of the machine under auth is off, or failed.
5. It went unnoticed because a few seconds later everything is in order.

Told apart from: `jwt_secret_drift` (there the keys differ, and waiting does not help) · `auth_disagrees_with_itself`
(there auth refuses its own tokens too) · `verifier_clock_far_ahead` (there auth's clock is so far ahead that our short
tokens have ended by it) · `prober_clock_ahead` (there both services' clocks are behind ours) · `mixed_revisions`
(there refusals come and go with the revision that answers).

Remedy: mend the clock under the auth service (`timedatectl status`, `chronyc tracking`), and let the backend allow a
leeway of a few seconds.

Verify: `prober run`: auth's clock is within a second of ours, and `messages-with-auth-token` passes at the first try.

References: RFC 7519 §4.1.4-4.1.6, which suggest a small leeway; RFC 9110 §6.6.1 on Date.
"""

from prober.judge.prediction import (
    DOORS,
    at_every_door,
    auth_is_well,
    keys_are_equal,
    now_and_then,
    reads,
    spare_tokens,
)
from prober.judge.signals import accepts, clock, health, mint, secrets, words
from prober.model.diagnosis import Cause, Layer

CAUSE = Cause(
    name="service_clock_skew",
    family="D",
    title="the auth service's clock is ahead of the backend's",
    predicts={
        **auth_is_well(),
        **spare_tokens("auth", reading="accepted"),
        health("backend"): reads("ok"),
        mint(): reads("ok"),
        clock("auth"): reads("ahead", "far_ahead"),
        clock("backend"): reads("ok"),
        # it heals while the token waits: a door that is tried late may accept it
        **at_every_door("accepted", *now_and_then("refused"), issuers=("auth",)),
        accepts("auth", "backend"): now_and_then("refused"),
        **at_every_door("accepted", issuers=("local",)),
        **spare_tokens("backend", reading="accepted"),
        # auth's own dates
        accepts("resigned", "backend"): reads("accepted", *now_and_then("refused")),
        **keys_are_equal(),
        secrets("prober", "auth"): reads("equal"),
        words(): reads("invalid_token"),
    },
    layers=(
        Layer("the backend refuses tokens that auth has just minted", tuple(accepts("auth", door) for door in DOORS)),
        Layer("it accepts ours, which are dated back", (accepts("local", "backend"), accepts("local", "websocket"))),
        Layer("auth accepts both when asked directly", (accepts("auth", "auth"), accepts("local", "auth"))),
        Layer("auth's clock is ahead", (clock("auth"),)),
        Layer("so to the backend, whose clock is right, a fresh token comes from the future"),
    ),
    remedy=(
        "look at the clock of the machine that runs the auth service: timedatectl status, or chronyc tracking",
        "let time synchronisation set it, and restart the auth service",
        "let the backend allow a leeway of a few seconds when it checks iat, nbf and exp",
    ),
    verify="prober run: auth's clock agrees with ours, and messages-with-auth-token passes at the first try",
    page=__doc__ or "",
)
