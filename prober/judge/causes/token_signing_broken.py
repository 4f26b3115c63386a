"""The auth service has no key to sign with.

What you see: the mint answers 500, and the auth service refuses every token it is shown, ours included; the backend,
which asks it, refuses them too. Auth's health check is green all the while.

Why, in five steps:
1. Nobody gets a token because signing fails.
2. Every token there is gets refused because checking it fails the same way.
3. Both fail because the auth service has no usable signing key.
4. It has none because JWT_SECRET_STAGING is unset, or so short that it is silently passed over.
5. It was deployed so because the health check does not try to sign anything.

Told apart from: `auth_down` (there the health check fails too) · `prober_secret_wrong` (there the mint works, and what
it mints is accepted) · `bypass_key_absent` and its kin (there the mint speaks of the bypass key, and auth accepts our
tokens).

Remedy: give the auth service its signing key: at least 32 characters, under the name that its build reads.

Verify: `prober run`: `mint` passes, then everything behind it.

References: RFC 7518 §3.2 on the length of the key.
"""

from prober.judge.prediction import at_every_door, reads, spare_tokens
from prober.judge.signals import accepts, configured, credentials, health, mint, words
from prober.model.diagnosis import Cause, Layer

CAUSE = Cause(
    name="token_signing_broken",
    family="M",
    title="the auth service has no key to sign or check tokens with",
    predicts={
        mint(): reads("broken"),
        health("auth"): reads("ok"),
        health("backend"): reads("ok"),
        accepts("local", "auth"): reads("refused", "crashed"),
        **at_every_door("refused", issuers=("local",)),
        # whoever signed and whomever it names: no signature can be checked
        **spare_tokens("auth", "backend", reading="refused"),
        credentials(): reads("refused"),
        words(): reads("invalid_token", "token_rejected"),
        # … or it is too short
        configured("auth", "jwt_secret"): reads("absent", "present"),
    },
    layers=(
        Layer("the backend refuses good tokens", (accepts("local", "backend"), accepts("local", "websocket"))),
        Layer("auth itself refuses them when asked directly", (accepts("local", "auth"),)),
        Layer("auth is up, and fails to mint", (health("auth"), mint())),
        Layer("so it has no usable signing key: JWT_SECRET_STAGING is unset or too short there"),
    ),
    remedy=(
        "set JWT_SECRET_STAGING in the auth service's environment, at least 32 characters, from the shared secret",
        "deploy the auth service and read its start-up log for the name of the key it took",
    ),
    verify="prober run: mint passes, then everything behind it",
    page=__doc__ or "",
    masks=("jwt_secret_drift", "bypass_key_absent", "bypass_key_mismatch", "service_credentials_missing"),
)
