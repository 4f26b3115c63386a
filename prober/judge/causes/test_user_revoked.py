"""The auth service has revoked the test user.

What you see: the mint hands out a token for the test user, and then everybody refuses it: auth itself, the backend's
routes and its WebSocket. Tokens that we sign for the same user meet the same end. All keys are equal, the clocks agree,
and a token for a second user is accepted. Real users notice nothing.

Why, in five steps:
1. The test user is refused because the auth service says that their tokens are not valid.
2. It says so because the user is on its list of revoked ones, or is disabled.
3. They are on it because a test logged them out everywhere, or somebody cleaned up accounts.
4. Minting does not look at that list, so tokens are still handed out.
5. It looks like a wrong key because auth gives the same answer to a bad signature and to a revoked user.

Told apart from: `test_user_unknown` (there auth accepts the user, and only the backend does not know them) ·
`prober_secret_wrong` and `claims_rejected` (there auth's own tokens are accepted) · `auth_disagrees_with_itself` (there
the tokens that we sign are accepted) · `token_signing_broken` (there the mint fails) · `validate_route_missing` (there
auth answers that it has no such route).

Remedy: take the test user off the auth service's list of revoked users, or enable the account again; then keep a test
user that no test logs out.

Verify: `prober run`: `auth-validates-own-token` and `auth-validates-our-token` pass.

References: RFC 7009 on revocation; incident report 002, which asks about the state of staging-e2e-user-001.
"""

from prober.judge.prediction import GOOD_ISSUERS, at_every_door, keys_are_equal, reads
from prober.judge.signals import accepts, clock, credentials, health, mint, secrets, words
from prober.model.diagnosis import Cause, Layer

_ASKED_AGAIN = ("auth", "backend")

CAUSE = Cause(
    name="test_user_revoked",
    family="D",
    title="the auth service has revoked the test user",
    predicts={
        health("auth"): reads("ok"),
        health("backend"): reads("ok"),
        mint(): reads("ok"),
        **{accepts(issuer, "auth"): reads("refused") for issuer in GOOD_ISSUERS},
        **at_every_door("refused"),
        # the same user however the token is made, and another one
        **{accepts(issuer, at): reads("refused") for issuer in ("resigned", "backdated") for at in _ASKED_AGAIN},
        **{accepts("second", verifier): reads("accepted") for verifier in _ASKED_AGAIN},
        **keys_are_equal(),
        secrets("prober", "auth"): reads("equal"),
        **{clock(role): reads("ok") for role in _ASKED_AGAIN},
        # asked together with a token of this user, auth may refuse for the token's sake
        credentials(): reads("accepted", "refused"),
        words(): reads("invalid_token", "token_rejected"),
    },
    layers=(
        Layer("the backend refuses the test user", (accepts("local", "backend"), accepts("local", "websocket"))),
        Layer("auth itself refuses them, whoever signed", (accepts("auth", "auth"), accepts("local", "auth"))),
        Layer("auth mints for them all the same", (mint(),)),
        Layer("the signing keys are equal", (secrets("auth", "backend"), secrets("prober", "auth"))),
        Layer("a second user is accepted", (accepts("second", "auth"), accepts("second", "backend"))),
        Layer("so it is this user: auth has them on its list of revoked ones, or has disabled the account"),
    ),
    remedy=(
        "look the token's sub up in the auth service's list of revoked users and in its user table",
        "take the test user off that list, or enable the account again",
        "keep a test user for the prober that no other test logs out, disables or deletes",
    ),
    verify="prober run: auth-validates-own-token and auth-validates-our-token pass",
    page=__doc__ or "",
    masks=(
        "service_credentials_missing",
        "service_secret_drift_at_backend",
        "service_id_drift_at_backend",
        "test_user_unknown",
    ),
)
