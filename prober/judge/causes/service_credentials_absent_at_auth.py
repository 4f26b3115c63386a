"""The auth service has no service secret to compare with.

What you see: the backend turns every user away, while the auth service accepts the same tokens when it is asked
without service headers. Asked with service credentials, ours or the backend's, it answers `service_not_configured`.

Why, in five steps:
1. The user is refused because the backend holds the token for invalid.
2. It holds it for invalid because its question to the auth service was itself refused.
3. That was refused because the auth service cannot check X-Service-Secret: it has nothing to compare it with.
4. It has nothing because its own environment lacks SERVICE_ID or SERVICE_SECRET.
5. It was deployed so because nothing checks required secrets before a deploy.

Told apart from: `service_credentials_missing` (there the backend lacks them, and auth accepts ours) ·
`service_secret_drift_at_auth` and `service_id_drift_at_auth` (there auth has something to compare with, and says what
is wrong) · `jwt_secret_drift` (there the signing keys differ).

Remedy: give the auth service its SERVICE_ID and SERVICE_SECRET, and deploy it.

Verify: `prober run`: `service-credentials` passes, then `messages-with-our-token`.

References: incident report 000, which looked for this on the other side; RFC 6749 §2.3 on client authentication.
"""

from prober.judge.prediction import auth_yes_backend_no, keys_are_equal, reads
from prober.judge.signals import accepts, configured, credentials, service_secret, words
from prober.model.diagnosis import Cause, Layer

CAUSE = Cause(
    name="service_credentials_absent_at_auth",
    family="E",
    title="the auth service has no service secret to compare with",
    predicts={
        **auth_yes_backend_no(),
        credentials(): reads("not_configured"),
        **keys_are_equal(),
        words(): reads("invalid_token", "token_rejected"),
        service_secret("auth"): reads("not_held"),
        service_secret("backend"): reads("held"),
        configured("auth", "service_credentials"): reads("absent"),
    },
    layers=(
        Layer("the backend refuses good tokens", (accepts("local", "backend"), accepts("local", "websocket"))),
        Layer("auth accepts the same tokens when asked directly", (accepts("local", "auth"), accepts("auth", "auth"))),
        Layer("asked as a service, auth says that service authentication is not configured", (credentials(),)),
        Layer(
            "so SERVICE_ID or SERVICE_SECRET is missing in the auth service's environment",
            (configured("auth", "service_credentials"),),
        ),
    ),
    remedy=(
        "set SERVICE_ID and SERVICE_SECRET in the auth service's environment, from the secret the backend reads",
        "deploy the auth service; a running process does not see new environment variables",
    ),
    verify="prober run: service-credentials passes, then messages-with-our-token",
    page=__doc__ or "",
)
