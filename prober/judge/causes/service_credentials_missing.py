"""The backend has no service credentials, and the auth service demands them.

What you see: every user is turned away by the backend, over REST and over the WebSocket (401, 403 or close 1008),
while the auth service accepts the very same token when it is asked directly. The first incident report is this one.

Why, in five steps:
1. The user is refused because the backend holds the token for invalid.
2. It holds it for invalid because its question to the auth service was itself refused.
3. That was refused because the question came without X-Service-ID and X-Service-Secret.
4. They are missing because the backend's environment has no SERVICE_ID or SERVICE_SECRET.
5. It was deployed so because nothing checks required secrets before a deploy.

Told apart from: `jwt_secret_drift` (there the secrets differ; here every copy is equal) ·
`service_secret_drift_at_auth` (there auth refuses the vault's copy too) · `auth_down` (there auth answers nobody).
From outside it cannot be told apart from `service_secret_drift_at_backend` and `service_id_drift_at_backend` unless
the backend's own words reach us, or its platform says what it is started with (docs/attestation.md).

Remedy: give the backend its SERVICE_ID and SERVICE_SECRET from the same secret the auth service reads, and deploy it.

Verify: `prober run` turns green; `messages-with-our-token` passes and `service-credentials` still does.

References: incident report 000; RFC 6749 §2.3 on client authentication.
"""

from prober.judge.prediction import auth_yes_backend_no, keys_are_equal, reads
from prober.judge.signals import accepts, configured, credentials, service_secret, words
from prober.model.diagnosis import Cause, Layer

CAUSE = Cause(
    name="service_credentials_missing",
    family="E",
    title="the backend has no service credentials",
    predicts={
        **auth_yes_backend_no(),
        credentials(): reads("accepted"),
        **keys_are_equal(),
        words(): reads("inter_service", "invalid_token"),
        service_secret("backend"): reads("not_held"),
        configured("backend", "service_credentials"): reads("absent"),
    },
    layers=(
        Layer("the backend refuses good tokens", (accepts("local", "backend"), accepts("local", "websocket"))),
        Layer("auth accepts the same tokens when asked directly", (accepts("local", "auth"), accepts("auth", "auth"))),
        Layer("auth also accepts the service credentials from the vault", (credentials(),)),
        Layer(
            "so the backend asks without them: SERVICE_ID or SERVICE_SECRET is missing there",
            (configured("backend", "service_credentials"),),
        ),
    ),
    remedy=(
        "set SERVICE_ID and SERVICE_SECRET in the backend's environment, from the secret the auth service reads",
        "deploy the backend; a running process does not see new environment variables",
    ),
    verify="prober run: messages-with-our-token and websocket-with-our-token pass",
    page=__doc__ or "",
)
