"""Our own clock is ahead of the services'.

What you see: tokens that we sign ourselves are refused by everybody, tokens that the auth service mints are accepted by
everybody, and all copies of the signing key are equal. The Date in the answers of both services lies behind our clock.
A token of ours that is dated far back is accepted. The services are well; this is ours to mend, and must wake nobody.

Why, in five steps:
1. Our tokens are refused because, by the services' clocks, they were issued in the future.
2. They were because we date them by our own clock, which is ahead.
3. It is ahead because nothing sets it: time synchronisation is off, or the machine slept and woke.
4. The services allow no leeway, so even a second counts, and we date back only by half a minute.
5. It went unnoticed because all else works with a wrong clock.

Told apart from: `claims_rejected` (there the clocks agree, and a token dated far back is refused too) ·
`prober_secret_wrong` (there our copy of the key differs) · `service_clock_skew` and `verifier_clock_far_ahead` (there
auth's clock is ahead of ours, and not behind).

Remedy: set the prober's clock (`timedatectl status`, `chronyc tracking`) and let it be kept. Until then, a longer
`backdate` of the local issuer in probes.yaml helps.

Verify: `prober run`: the services' clocks are within a second of ours, and `auth-validates-our-token` passes.

References: RFC 7519 §4.1.6 on `iat`; RFC 9110 §6.6.1 on Date; RFC 5905 on NTP.
"""

from prober.judge.prediction import keys_are_all_equal, only_our_tokens_refused, reads
from prober.judge.signals import accepts, clock
from prober.model.diagnosis import Cause, Layer

CAUSE = Cause(
    name="prober_clock_ahead",
    family="D",
    title="the prober's own clock is ahead of the services'",
    predicts={
        # dated by auth, or dated far back, a token of ours is good; another subject does not change its date
        **only_our_tokens_refused(but_for=("resigned", "backdated")),
        **keys_are_all_equal(),
        clock("auth"): reads("behind", "far_behind"),
        clock("backend"): reads("behind", "far_behind"),
    },
    layers=(
        Layer(
            "our own tokens are refused everywhere",
            (accepts("local", "auth"), accepts("local", "backend"), accepts("local", "websocket")),
        ),
        Layer("tokens that auth minted are accepted everywhere", (accepts("auth", "auth"), accepts("auth", "backend"))),
        Layer("both services' clocks are behind ours", (clock("auth"), clock("backend"))),
        Layer(
            "a token of ours that is dated far back is accepted",
            (accepts("backdated", "auth"), accepts("backdated", "backend")),
        ),
        Layer("so it is our clock that is ahead, and our tokens come from the future"),
    ),
    remedy=(
        "look at the clock of the prober's machine: timedatectl status, or chronyc tracking",
        "let time synchronisation set it: timedatectl set-ntp true",
        "until then, raise backdate of the local issuer in probes.yaml above the offset",
    ),
    verify="prober run: the clocks agree, and auth-validates-our-token passes",
    page=__doc__ or "",
    ours=True,
)
