"""The auth service compares with a stale service secret.

What you see: the backend turns every user away, while the auth service accepts the same tokens when it is asked
without service headers. Asked with the service credentials from the vault, it answers `invalid_service_secret`: to us
as to the backend.

Why, in five steps:
1. The user is refused because the backend holds the token for invalid.
2. It holds it for invalid because its question to the auth service was itself refused.
3. That was refused because the secret in X-Service-Secret is not the one the auth service holds.
4. It is not because the secret was rotated in the vault, and the auth service still runs with the version before.
5. It still does because a rotation restarts nobody, and nothing compares the two copies afterwards.

Told apart from: `service_secret_drift_at_backend` (there auth accepts the vault's copy) · `service_id_drift_at_auth`
(there auth complains of the id) · `service_credentials_absent_at_auth` (there auth says that it has nothing to compare
with) · `jwt_secret_drift` (there the signing keys differ). If the backend accepts tokens all the same, it is our own
copy of the service secret that is stale.

Remedy: point the auth service's SERVICE_SECRET at the version in the vault, and deploy the auth service.

Verify: `prober run`: `service-credentials` passes, then `messages-with-our-token`.

References: incident report 000; RFC 6749 §2.3.1 on client passwords.
"""

from prober.judge.prediction import auth_yes_backend_no, keys_are_equal, reads
from prober.judge.signals import accepts, credentials, service_secret, versions, words
from prober.model.diagnosis import Cause, Layer

CAUSE = Cause(
    name="service_secret_drift_at_auth",
    family="E",
    title="the auth service holds a stale service secret",
    predicts={
        **auth_yes_backend_no(),
        credentials(): reads("wrong_secret"),
        **keys_are_equal(),
        words(): reads("invalid_token", "token_rejected"),
        service_secret("auth"): reads("not_held"),
        service_secret("backend"): reads("held"),
        versions("service_secret"): reads("differ"),
    },
    layers=(
        Layer("the backend refuses good tokens", (accepts("local", "backend"), accepts("local", "websocket"))),
        Layer("auth accepts the same tokens when asked directly", (accepts("local", "auth"), accepts("auth", "auth"))),
        Layer("auth refuses whoever brings the service secret from the vault", (credentials(),)),
        Layer(
            "so auth compares with another one: its SERVICE_SECRET is an older version", (versions("service_secret"),)
        ),
    ),
    remedy=(
        "compare the version of SERVICE_SECRET mapped into the auth service with the newest one in the vault",
        "map the newest version into the auth service and deploy it; the backend needs no change",
    ),
    verify="prober run: service-credentials passes, then messages-with-our-token",
    page=__doc__ or "",
)
