"""Our own tokens carry claims that the services no longer want.

What you see: tokens that we sign ourselves are refused by everybody, tokens that the auth service mints are accepted by
everybody, and all copies of the signing key are equal. The claims of an auth-minted token, signed anew with our key,
are accepted too. So real users are served; this is ours to mend, and must wake nobody.

Why, in five steps:
1. Our tokens are refused although their signature holds.
2. They are refused because a claim is missing, or has a value that the services do not expect.
3. The services expect another one because their issuer name, audience or token type changed.
4. Ours did not change with them because our claims are written down in probes.yaml.
5. It went unnoticed because users' tokens come from the auth service, which changed on both sides at once.

Told apart from: `prober_secret_wrong` (there our copy of the key differs, and auth's claims signed by us are refused
too) · `prober_clock_ahead` (there the services' clocks are behind ours, and a token dated far back is accepted) ·
`verifier_clock_far_ahead` (there auth's clock is minutes ahead, and only short tokens are refused) ·
`auth_disagrees_with_itself` (there it is auth's own tokens that are refused).

Remedy: let auth mint a token, read its claims, and write the same into the `claims` of the local issuer in probes.yaml:
`iss`, `aud`, `token_type` and `env` first.

Verify: `prober run`: `auth-validates-our-token` and `messages-with-our-token` pass.

References: RFC 7519 §4.1 on registered claims; RFC 8725 §3.8-3.11 on checking issuer, audience and type.
"""

from prober.judge.prediction import keys_are_all_equal, only_our_tokens_refused, reads
from prober.judge.signals import accepts, clock, secrets
from prober.model.diagnosis import Cause, Layer

CAUSE = Cause(
    name="claims_rejected",
    family="D",
    title="the prober's own tokens carry claims that the services no longer want",
    predicts={
        # another date or another subject does not mend the other claims
        **only_our_tokens_refused(but_for=("resigned",)),
        **keys_are_all_equal(),
        clock("auth"): reads("ok"),
        clock("backend"): reads("ok"),
    },
    layers=(
        Layer(
            "our own tokens are refused everywhere",
            (accepts("local", "auth"), accepts("local", "backend"), accepts("local", "websocket")),
        ),
        Layer("tokens that auth minted are accepted everywhere", (accepts("auth", "auth"), accepts("auth", "backend"))),
        Layer("our key is the services' key", (secrets("prober", "auth"), secrets("prober", "backend"))),
        Layer(
            "auth's claims are accepted even when we sign them",
            (accepts("resigned", "auth"), accepts("resigned", "backend")),
        ),
        Layer("so it is our claims: the services now want another issuer, audience or token type"),
    ),
    remedy=(
        "compare the claims of an auth-minted token with ours: iss, aud, token_type, type and env",
        "write the values that auth uses now into the claims of the local issuer in probes.yaml",
        "restart the prober; the services need nothing",
    ),
    verify="prober run: auth-validates-our-token and messages-with-our-token pass",
    page=__doc__ or "",
    ours=True,
)
