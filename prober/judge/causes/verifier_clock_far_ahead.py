"""The auth service's clock is minutes ahead: by it, short tokens have ended before they are used.

What you see: tokens that we sign ourselves, and that last five minutes, are refused by auth and by the backend, which
asks it. Tokens that auth mints are accepted, for it dates them by the same wrong clock. All keys are equal, and the
Date in auth's answers is more than a minute ahead of ours. Other services that sign short tokens are refused as well.

Why, in five steps:
1. A short token is refused because, by auth's clock, it has ended already.
2. It has because auth compares `exp` with a clock that is further ahead than the token lasts.
3. The clock is ahead because nothing sets it: time synchronisation of that machine is off, or failed.
4. Auth's own tokens pass because it dates and checks them by the same clock.
5. It went unnoticed because users only ever bring tokens from auth.

Told apart from: `claims_rejected` (there the clocks agree) · `prober_clock_ahead` (there both services' clocks are
behind ours) · `service_clock_skew` (there our tokens pass, and it is auth's fresh ones that the backend refuses) ·
`prober_secret_wrong` (there our copy of the key differs).

Remedy: mend the clock under the auth service: `timedatectl status`, `chronyc tracking`; on a platform that keeps the
clock for you, replace the instance.

Verify: `prober run`: auth's clock is within a second of ours, and `auth-validates-our-token` passes.

References: RFC 7519 §4.1.4 on `exp`; RFC 9110 §6.6.1 on Date; RFC 5905 on NTP.
"""

from prober.judge.prediction import keys_are_all_equal, only_our_tokens_refused, reads
from prober.judge.signals import accepts, clock
from prober.model.diagnosis import Cause, Layer

CAUSE = Cause(
    name="verifier_clock_far_ahead",
    family="D",
    title="the auth service's clock is minutes ahead, so short tokens have ended before they are used",
    predicts={
        # auth's own dates are good by its own clock; ours are not, whoever they name
        **only_our_tokens_refused(but_for=("resigned",)),
        **keys_are_all_equal(),
        clock("auth"): reads("far_ahead"),
        clock("backend"): reads("ok"),
    },
    layers=(
        Layer(
            "short tokens are refused everywhere",
            (accepts("local", "auth"), accepts("local", "backend"), accepts("local", "websocket")),
        ),
        Layer("tokens that auth minted are accepted everywhere", (accepts("auth", "auth"), accepts("auth", "backend"))),
        Layer("auth's clock is more than a minute ahead", (clock("auth"),)),
        Layer("the backend's clock agrees with ours", (clock("backend"),)),
        Layer("so by auth's clock a token that lasts a few minutes has ended before it is used"),
    ),
    remedy=(
        "look at the clock of the machine that runs the auth service: timedatectl status, or chronyc tracking",
        "let time synchronisation set it, or replace the instance, and restart the auth service",
        "expect tokens that auth minted meanwhile to last longer than they should, and to be refused at first",
    ),
    verify="prober run: auth's clock agrees with ours, and auth-validates-our-token passes",
    page=__doc__ or "",
)
