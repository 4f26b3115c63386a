"""The backend checks tokens by another key than the auth service signs with.

What you see: the auth service mints tokens and accepts them, and the backend refuses the very same ones, over REST and
over the WebSocket (401, 403 or close 1008). The comparison of signing keys says so directly: auth's and the backend's
differ, and ours is auth's. The third incident report is this one.

Why, in five steps:
1. The user is refused because the signature does not hold under the backend's key.
2. It does not hold because the backend checks by itself, with a key that is not the one auth signs with.
3. The keys differ because each service reads its own: JWT_SECRET_STAGING here, JWT_SECRET_KEY or JWT_SECRET there.
4. Each reads its own because several names and several sources are tried in turn, and the first that answers wins.
5. It went unnoticed because nothing compares the keys in use after a deploy.

Told apart from: `service_credentials_missing` and its kin (there the keys are equal) · `jwt_secret_drift_latent`
(there the backend asks auth, so nobody is refused yet) · `prober_secret_wrong` (there the backend accepts what auth
minted) · `auth_disagrees_with_itself` (there auth refuses its own tokens) · `mixed_revisions` (there the refusals and
the comparison of keys come and go) · `service_header_illegal` and `breaker_open` (there the backend speaks of
something else than the token). Behind `auth_down` it shows as a fallback with a key that is not ours; as long as
auth's key cannot be asked for, `prober_secret_wrong` would look the same.

Remedy: map one secret, in one version and under one name, into both services, and deploy both. Compare with care for a
newline at the end: some services strip it and some do not.

Verify: `prober run`: the secrets match, and `messages-with-our-token` passes.

References: incident report 002, and 001 for the fallback; RFC 7515 §5.2 on checking a signature; RFC 7518 §3.2.
"""

from prober.judge.prediction import auth_yes_backend_no, reads
from prober.judge.signals import accepts, auth_path, breaker, credentials, secrets, service_secret, versions, words
from prober.model.diagnosis import Cause, Layer

# It checks by itself: whether it could reach auth is beside the point.
_BESIDE_THE_POINT = (auth_path(), breaker())

CAUSE = Cause(
    name="jwt_secret_drift",
    family="D",
    title="the backend checks tokens by another key than the auth service signs with",
    predicts={
        **{signal: values for signal, values in auth_yes_backend_no().items() if signal not in _BESIDE_THE_POINT},
        credentials(): reads("accepted"),
        secrets("auth", "backend"): reads("different", "differ_by_white_space"),
        secrets("prober", "backend"): reads("different", "differ_by_white_space"),
        secrets("prober", "auth"): reads("equal"),
        words(): reads("invalid_token"),
        service_secret("backend"): reads("held"),
        # other names, or white space, may be at fault as well
        versions("jwt_secret"): reads("equal", "differ"),
    },
    layers=(
        Layer("the backend refuses good tokens", (accepts("local", "backend"), accepts("local", "websocket"))),
        Layer("auth accepts the same tokens when asked directly", (accepts("auth", "auth"), accepts("local", "auth"))),
        Layer(
            "the backend holds another signing key",
            (secrets("auth", "backend"), secrets("prober", "backend")),
        ),
        Layer("so the two read their key from different places: names, versions or sources of JWT_SECRET differ"),
    ),
    remedy=(
        "map the same version of JWT_SECRET_STAGING into both services, without a newline at its end",
        "remove JWT_SECRET_KEY and JWT_SECRET where they are left over, so that no other name can win",
        "deploy both services; a running process keeps the key it read at start",
    ),
    verify="prober run: the secrets match, and messages-with-our-token and websocket-with-our-token pass",
    page=__doc__ or "",
)
