"""The auth service expects another service id than the backend has.

What you see: the backend turns every user away, while the auth service accepts the same tokens when it is asked
without service headers. Asked with the service id that we and the backend hold, it answers `invalid_service_id`, and
its text names the id that it would take.

Why, in five steps:
1. The user is refused because the backend holds the token for invalid.
2. It holds it for invalid because its question to the auth service was itself refused.
3. That was refused because the auth service expects another name in X-Service-ID.
4. It expects another because a build or a setting of the auth service changed the expected id.
5. It was deployed so because the id is written down in two places and nothing compares them.

Told apart from: `service_id_drift_at_backend` (there auth accepts the id that we hold) ·
`service_secret_drift_at_auth` (there auth complains of the secret) · `service_credentials_absent_at_auth` (there auth
says that it has nothing to compare with) · `jwt_secret_drift` (there the signing keys differ).

Remedy: bring the auth service's expected id and the backend's SERVICE_ID together; the answer to `service-credentials`
names the id that auth expects now.

Verify: `prober run`: `service-credentials` passes, then `messages-with-our-token`.

References: incident report 000; RFC 6749 §2.2 on client identifiers.
"""

from prober.judge.prediction import auth_yes_backend_no, keys_are_equal, reads
from prober.judge.signals import accepts, credentials, versions, words
from prober.model.diagnosis import Cause, Layer

CAUSE = Cause(
    name="service_id_drift_at_auth",
    family="E",
    title="the auth service expects another service id",
    predicts={
        **auth_yes_backend_no(),
        credentials(): reads("wrong_id"),
        **keys_are_equal(),
        words(): reads("invalid_token", "token_rejected"),
        versions("service_id"): reads("differ"),
    },
    layers=(
        Layer("the backend refuses good tokens", (accepts("local", "backend"), accepts("local", "websocket"))),
        Layer("auth accepts the same tokens when asked directly", (accepts("local", "auth"), accepts("auth", "auth"))),
        Layer("auth refuses whoever introduces itself by the id that we and the backend hold", (credentials(),)),
        Layer("so auth expects another id: its build or its SERVICE_ID changed"),
    ),
    remedy=(
        "read the expected id in the evidence of service-credentials: auth's answer names it",
        "set the auth service back to the id that the backend sends, or give the backend the new SERVICE_ID",
        "deploy whichever you changed; if a new auth revision brought this, rolling it back is quicker",
    ),
    verify="prober run: service-credentials passes, then messages-with-our-token",
    page=__doc__ or "",
)
