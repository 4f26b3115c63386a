"""Our own copy of the signing key is wrong.

What you see: tokens that we sign ourselves are refused by everybody, tokens that the auth service minted are accepted
by everybody, and auth's and the backend's keys are equal. Staging is well. This is ours to mend, and must wake nobody.

Why, in five steps:
1. Our tokens are refused because their signature does not hold.
2. It does not hold because we sign with a key that nobody else has.
3. Nobody else has it because the key was rotated, and our copy was not.
4. Ours was not because the prober reads it from a place of its own.
5. It went unnoticed because our copy was never compared with theirs.

Told apart from: `jwt_secret_drift` (there the backend refuses auth's tokens too) · `token_signing_broken` (there the
mint is broken) · `claims_rejected`, `prober_clock_ahead` and `verifier_clock_far_ahead` (there the keys are equal, and
the claims of an auth-minted token are accepted when we sign them). If no auth-minted token can be had and no key can be
compared, those remain possible.

Remedy: give the prober the key that the services use now: the `secret:` of its issuer.

Verify: `prober run`: the secrets match, and `messages-with-our-token` passes.

References: RFC 7515 §5.2 on checking a signature; incident report 002, which could not tell a tester's key from a
service's.
"""

from prober.judge.prediction import only_our_tokens_refused, reads
from prober.judge.signals import accepts, clock, secrets, words
from prober.model.diagnosis import Cause, Layer

CAUSE = Cause(
    name="prober_secret_wrong",
    family="D",
    title="our own copy of the signing key is wrong",
    predicts={
        # whatever the claims, it is we who sign
        **only_our_tokens_refused(),
        clock("auth"): reads("ok"),
        clock("backend"): reads("ok"),
        secrets("prober", "auth"): reads("different", "differ_by_white_space"),
        secrets("prober", "backend"): reads("different", "differ_by_white_space"),
        secrets("auth", "backend"): reads("equal"),
        words(): reads("invalid_token"),
    },
    layers=(
        Layer(
            "our own tokens are refused everywhere",
            (accepts("local", "auth"), accepts("local", "backend"), accepts("local", "websocket")),
        ),
        Layer("tokens that auth minted are accepted everywhere", (accepts("auth", "auth"), accepts("auth", "backend"))),
        Layer(
            "auth's own claims are refused too once we sign them",
            (accepts("resigned", "auth"), accepts("resigned", "backend")),
        ),
        Layer("so we sign with a key that nobody else has", (secrets("prober", "auth"), secrets("prober", "backend"))),
    ),
    remedy=(
        "set what the prober signs with (JWT_SECRET_STAGING as shipped) to the services' version, without a newline",
        "restart the prober; staging itself needs nothing",
    ),
    verify="prober run: the secrets match, and messages-with-our-token passes",
    page=__doc__ or "",
    ours=True,
)
