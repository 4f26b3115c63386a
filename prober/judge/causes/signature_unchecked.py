"""Signatures are not checked: a forged token is let in.

What you see: everything is green with good tokens. A token with the right claims, signed with a key that we made up a
moment ago, is accepted too; a request without any token is still refused. No probe with a good token can see this.
Anybody can be anybody: treat it as an open door.

Why, in five steps:
1. A forged token is let in because its claims are read and its signature is not checked.
2. It is not checked because verification is switched off where the token is decoded.
3. It is switched off because that was the quickest way past a mismatch of keys.
4. It stayed so because with good tokens everything works.
5. It went unnoticed because no test brings a forged one.

Told apart from: `ws_open_to_anyone` (there a request without a token is let in too) · `expiry_unchecked` (there the
forged token is refused and only the expired one is let in).

Remedy: check the signature wherever a token is decoded, with the algorithms listed by name; then compare the keys, for
their drift could not be seen meanwhile.

Verify: `prober run`: every control with a forged token is refused again.

References: CWE-347; RFC 8725 §2.1 and §3.1; RFC 7515 §5.2.
"""

from prober.judge.prediction import DOORS, reads
from prober.judge.signals import accepts, control
from prober.model.diagnosis import Cause, Layer

_VERIFIERS = ("auth", *DOORS)

CAUSE = Cause(
    name="signature_unchecked",
    family="H",
    title="signatures are not checked, and a forged token is let in",
    predicts={
        # one verifier may check while another does not; a request without a token is refused by both
        **{control("forged", verifier): reads("accepted", "refused") for verifier in _VERIFIERS},
        **{control("expired", verifier): reads("refused") for verifier in _VERIFIERS},
        **{control("none", verifier): reads("refused") for verifier in _VERIFIERS},
    },
    layers=(
        Layer(
            "auth is failing OPEN: a forged token is accepted",
            tuple(control("forged", verifier) for verifier in _VERIFIERS),
        ),
        Layer(
            "a request without a token is still refused, so the door as such is closed",
            tuple(control("none", verifier) for verifier in _VERIFIERS),
        ),
        Layer("good tokens pass, so nothing looks wrong", (accepts("local", "backend"), accepts("local", "websocket"))),
        Layer("so claims are read without a check of the signature"),
    ),
    remedy=(
        "check the signature wherever a token is decoded, and name the allowed algorithms",
        "deploy, treat sessions opened meanwhile as untrusted, and rotate JWT_SECRET_STAGING if it was weakened too",
        "then compare the signing keys: a drift could not be seen as long as nobody checked",
    ),
    verify="prober run: the controls with a forged token are refused",
    page=__doc__ or "",
    masks=("jwt_secret_drift", "prober_secret_wrong"),
)
