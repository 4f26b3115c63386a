"""Expiry is not checked: a token from yesterday is let in.

What you see: everything is green with good tokens. A token that ended an hour ago, signed with the right key, is
accepted too; a forged one and none at all are still refused. Whoever once found a token keeps it for ever.

Why, in five steps:
1. An expired token is let in because its `exp` is not compared with the clock.
2. It is not compared because that check is switched off, or its leeway is enormous.
3. It was switched off because clocks disagreed and users were thrown out.
4. It stayed so because with fresh tokens everything works.
5. It went unnoticed because no test brings an old one.

Told apart from: `signature_unchecked` (there a forged token is let in) · `ws_open_to_anyone` (there a request without
any token is let in too).

Remedy: check `exp` wherever a token is decoded, with a leeway of seconds; mend the clocks instead.

Verify: `prober run`: every control with an expired token is refused again.

References: RFC 7519 §4.1.4; CWE-613.
"""

from prober.judge.prediction import DOORS, reads
from prober.judge.signals import accepts, control
from prober.model.diagnosis import Cause, Layer

_VERIFIERS = ("auth", *DOORS)

CAUSE = Cause(
    name="expiry_unchecked",
    family="H",
    title="expiry is not checked, and a token from yesterday is let in",
    predicts={
        # one verifier may check while another does not; a forged token and none are refused by both
        **{control("expired", verifier): reads("accepted", "refused") for verifier in _VERIFIERS},
        **{control("forged", verifier): reads("refused") for verifier in _VERIFIERS},
        **{control("none", verifier): reads("refused") for verifier in _VERIFIERS},
    },
    layers=(
        Layer(
            "auth is failing OPEN: an expired token is accepted",
            tuple(control("expired", verifier) for verifier in _VERIFIERS),
        ),
        Layer(
            "a forged token is still refused, so signatures are checked",
            tuple(control("forged", verifier) for verifier in _VERIFIERS),
        ),
        Layer("good tokens pass, so nothing looks wrong", (accepts("local", "backend"), accepts("local", "websocket"))),
        Layer("so the token's end is not compared with the clock"),
    ),
    remedy=(
        "check `exp` wherever a token is decoded, with a leeway of a few seconds at most",
        "deploy, and look for sessions that live on tokens long expired",
    ),
    verify="prober run: the controls with an expired token are refused",
    page=__doc__ or "",
)
