"""Our own clock is behind the services', by more than our tokens last.

What you see: tokens that we sign ourselves are refused by everybody, tokens that the auth service mints are accepted by
everybody, and all copies of the signing key are equal. The Date in the answers of both services lies ahead of our
clock, by minutes at least. The services are well; this is ours to mend, and must wake nobody.

Why, in five steps:
1. Our tokens are refused because, by the services' clocks, they have ended already.
2. They have because we date them by our own clock, which is behind by more than they last.
3. It is behind because somebody set it back, or because the machine slept and nothing set it when it woke.
4. Nothing did because time synchronisation is off, or refuses a step as large as that.
5. It went unnoticed because all else works with a wrong clock.

Told apart from: `verifier_clock_far_ahead` (there auth's clock alone is ahead, and the backend's agrees with ours) ·
`prober_clock_ahead` (there both services' clocks are behind ours) · `claims_rejected` (there the clocks agree) ·
`prober_secret_wrong` (there our copy of the key differs).

Remedy: set the prober's clock (`timedatectl status`, `chronyc tracking`) and let it be kept.

Verify: `prober run`: the services' clocks are within a second of ours, and `auth-validates-our-token` passes.

References: RFC 7519 §4.1.4 on `exp`; RFC 9110 §6.6.1 on Date; RFC 5905 on NTP.
"""

from prober.judge.prediction import keys_are_all_equal, only_our_tokens_refused, reads
from prober.judge.signals import accepts, clock
from prober.model.diagnosis import Cause, Layer

CAUSE = Cause(
    name="prober_clock_behind",
    family="D",
    title="the prober's own clock is behind the services'",
    predicts={
        # dated by auth, a token of ours is good; one that is dated still further back has ended all the more
        **only_our_tokens_refused(but_for=("resigned",)),
        **keys_are_all_equal(),
        clock("auth"): reads("ahead", "far_ahead"),
        clock("backend"): reads("ahead", "far_ahead"),
    },
    layers=(
        Layer(
            "our own tokens are refused everywhere",
            (accepts("local", "auth"), accepts("local", "backend"), accepts("local", "websocket")),
        ),
        Layer("tokens that auth minted are accepted everywhere", (accepts("auth", "auth"), accepts("auth", "backend"))),
        Layer("both services' clocks are ahead of ours", (clock("auth"), clock("backend"))),
        Layer("so it is our clock that is behind, and our tokens have ended before they are used"),
    ),
    remedy=(
        "look at the clock of the prober's machine: timedatectl status, or chronyc tracking",
        "let time synchronisation set it, however far: chronyc makestep, or timedatectl set-ntp true",
    ),
    verify="prober run: the clocks agree, and auth-validates-our-token passes",
    page=__doc__ or "",
    ours=True,
)
