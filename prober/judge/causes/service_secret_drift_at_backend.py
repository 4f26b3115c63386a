"""The backend sends a stale service secret.

What you see: the backend turns every user away, over REST and over the WebSocket. The auth service is well: it accepts
the same tokens when it is asked directly, and it accepts the service secret from the vault. Often this begins after a
rotation, when only one of the two services has been restarted since.

Why, in five steps:
1. The user is refused because the backend holds the token for invalid.
2. It holds it for invalid because its question to the auth service was itself refused.
3. That was refused because X-Service-Secret is not the secret that the auth service compares with.
4. It is not because the secret was rotated, and the backend still runs with the version before.
5. It still does because a rotation restarts nobody, and nothing compares the two copies afterwards.

Told apart from: `service_secret_drift_at_auth` (there auth refuses the vault's copy too) · `jwt_secret_drift` (there
the signing keys differ; here every copy is equal) · `service_header_illegal` (there the backend speaks of an illegal
header). From outside it cannot be told apart from `service_id_drift_at_backend`, nor from
`service_credentials_missing` unless the backend itself says that its credentials are missing,
or its platform says what it is started with (docs/attestation.md).

Remedy: point the backend's SERVICE_SECRET at the version that the auth service reads, and deploy the backend.

Verify: `prober run`: `messages-with-our-token` passes and `service-credentials` still does.

References: incident report 000, which asks that all services' copies be rotated together; RFC 6749 §2.3 on client
authentication.
"""

from prober.judge.prediction import auth_yes_backend_no, keys_are_equal, reads
from prober.judge.signals import accepts, configured, credentials, service_secret, versions, words
from prober.model.diagnosis import Cause, Layer

CAUSE = Cause(
    name="service_secret_drift_at_backend",
    family="E",
    title="the backend sends a stale service secret",
    predicts={
        **auth_yes_backend_no(),
        credentials(): reads("accepted"),
        **keys_are_equal(),
        words(): reads("invalid_token", "token_rejected"),
        service_secret("backend"): reads("not_held"),
        configured("backend", "service_credentials"): reads("present"),
        versions("service_secret"): reads("differ"),
    },
    layers=(
        Layer("the backend refuses good tokens", (accepts("local", "backend"), accepts("local", "websocket"))),
        Layer("auth accepts the same tokens when asked directly", (accepts("local", "auth"), accepts("auth", "auth"))),
        Layer("auth also accepts the service secret from the vault", (credentials(),)),
        Layer(
            "so the backend asks with another one: its SERVICE_SECRET is an older version",
            (versions("service_secret"),),
        ),
    ),
    remedy=(
        "compare the version of SERVICE_SECRET mapped into the backend with the one mapped into the auth service",
        "map the same version into both and deploy the backend; a running process keeps what it read at start",
    ),
    verify="prober run: messages-with-our-token and websocket-with-our-token pass",
    page=__doc__ or "",
)
