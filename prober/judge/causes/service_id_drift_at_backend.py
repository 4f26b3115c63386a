"""The backend introduces itself by a service id that the auth service does not expect.

What you see: the backend turns every user away, over REST and over the WebSocket. The auth service is well: it accepts
the same tokens when it is asked directly, and it accepts the service id and secret that we hold.

Why, in five steps:
1. The user is refused because the backend holds the token for invalid.
2. It holds it for invalid because its question to the auth service was itself refused.
3. That was refused because X-Service-ID names a service that the auth service does not know.
4. It names another because the backend's SERVICE_ID was renamed, or carries a suffix of its environment.
5. It was deployed so because the id is written down in two places and nothing compares them.

Told apart from: `service_id_drift_at_auth` (there auth refuses our id too, and its answer names the id it expects) ·
`jwt_secret_drift` (there the signing keys differ; here every copy is equal) · `service_header_illegal` (there the
backend speaks of an illegal header). From outside it cannot be told apart from `service_secret_drift_at_backend`, nor
from `service_credentials_missing` unless the backend itself says that its credentials are missing,
or its platform says what it is started with (docs/attestation.md).

Remedy: set the backend's SERVICE_ID to the id that the auth service expects, and deploy the backend.

Verify: `prober run`: `messages-with-our-token` passes and `service-credentials` still does.

References: incident report 000 («Service ID configured: False»); RFC 6749 §2.2 on client identifiers.
"""

from prober.judge.prediction import auth_yes_backend_no, keys_are_equal, reads
from prober.judge.signals import accepts, configured, credentials, service_secret, versions, words
from prober.model.diagnosis import Cause, Layer

CAUSE = Cause(
    name="service_id_drift_at_backend",
    family="E",
    title="the backend introduces itself by a service id that auth does not expect",
    predicts={
        **auth_yes_backend_no(),
        credentials(): reads("accepted"),
        **keys_are_equal(),
        words(): reads("invalid_token", "token_rejected"),
        service_secret("backend"): reads("held"),
        configured("backend", "service_credentials"): reads("present"),
        versions("service_id"): reads("differ"),
    },
    layers=(
        Layer("the backend refuses good tokens", (accepts("local", "backend"), accepts("local", "websocket"))),
        Layer("auth accepts the same tokens when asked directly", (accepts("local", "auth"), accepts("auth", "auth"))),
        Layer("auth also accepts the service id that we hold", (credentials(),)),
        Layer(
            "so the backend asks under another name: its SERVICE_ID is not the one auth expects",
            (versions("service_id"),),
        ),
    ),
    remedy=(
        "compare SERVICE_ID in the backend's environment with the id the auth service expects, letter by letter",
        "set the backend's SERVICE_ID to that id and deploy the backend",
    ),
    verify="prober run: messages-with-our-token and websocket-with-our-token pass",
    page=__doc__ or "",
)
