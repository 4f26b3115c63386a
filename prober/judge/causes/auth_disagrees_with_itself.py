"""The auth service does not believe the tokens that it mints itself.

What you see: the mint hands out a token, and the same service refuses it a moment later; so does the backend, which
asks it. Tokens that we sign with the key we hold are accepted everywhere, and the keys that the services show are
equal. Nobody who logs in gets any further.

Why, in five steps:
1. The user is refused because the auth service says that their token is not valid.
2. It says so because the signature does not hold under the key that it checks by.
3. It does not hold because the token was signed with another key.
4. The two keys differ because the code that signs and the code that checks read different names, e.g. JWT_SECRET_KEY
   here and JWT_SECRET_STAGING there; or because two instances run with two versions of the secret.
5. It went unnoticed because no check after a deploy mints a token and shows it to the same service.

Told apart from: `jwt_secret_drift` (there auth accepts its own tokens, and only the backend refuses) ·
`token_signing_broken` (there nothing is minted at all) · `service_clock_skew` (there auth accepts its own tokens, and
the backend refuses them for a few seconds) · `claims_rejected` and `prober_secret_wrong` (there it is our tokens that
are refused, and auth's pass) · `test_user_revoked` (there ours are refused as well).

Remedy: let the auth service sign and check with one key under one name; remove every other name from its environment
and deploy it, all instances at once.

Verify: `prober run`: `auth-validates-own-token` passes several times in a row.

References: incident report 002, which suspects that one service reads its key under several names; RFC 7515 §5.2.
"""

from prober.judge.prediction import (
    DOORS,
    at_every_door,
    keys_are_equal,
    now_and_then,
    reads,
    spare_tokens,
)
from prober.judge.signals import accepts, health, mint, secrets, words
from prober.model.diagnosis import Cause, Layer

CAUSE = Cause(
    name="auth_disagrees_with_itself",
    family="D",
    title="the auth service refuses the tokens that it mints itself",
    predicts={
        health("auth"): reads("ok"),
        health("backend"): reads("ok"),
        mint(): reads("ok"),
        accepts("auth", "auth"): now_and_then("refused"),
        accepts("local", "auth"): reads("accepted"),
        # one instance of several may be in order, and a door that was tried once may have met that one
        **at_every_door("accepted", *now_and_then("refused"), issuers=("auth",)),
        **at_every_door("accepted", issuers=("local",)),
        **spare_tokens("auth", "backend", reading="accepted"),
        **keys_are_equal(),
        secrets("prober", "auth"): reads("equal"),
        words(): reads("invalid_token", "token_rejected"),
    },
    layers=(
        Layer(
            "tokens that auth minted are refused",
            (accepts("auth", "auth"), *(accepts("auth", door) for door in DOORS)),
        ),
        Layer("auth itself minted them a moment ago", (mint(),)),
        Layer("tokens that we sign are accepted", (accepts("local", "auth"), accepts("local", "backend"))),
        Layer(
            "the same claims signed with the key we hold are accepted, so it is the key and not the claims",
            (accepts("resigned", "auth"), accepts("resigned", "backend")),
        ),
        Layer("so auth signs with one key and checks by another"),
    ),
    remedy=(
        (
            "look for more than one signing key in the auth service's environment, e.g. JWT_SECRET_KEY beside "
            "JWT_SECRET_STAGING: gcloud run services describe auth --format=export"
        ),
        "let it sign and check with the one key that the backend holds, and remove the other names",
        "deploy all instances of the auth service at once; tokens minted meanwhile are worthless",
    ),
    verify="prober run, several times: auth-validates-own-token and messages-with-auth-token pass",
    page=__doc__ or "",
)
