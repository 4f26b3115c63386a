"""The backend has no service credentials, or wrong ones, and auth does not mind.

What you see: everything is green for users. Only the secret comparison is turned away: the backend does not let us in
with the service secret from the vault, so it does not hold it. No probe with a token can see this.

Why, in five steps:
1. The backend turns away whoever brings the vault's service secret because it holds none, or another.
2. It serves users all the same because the auth service checks service credentials only when both headers are there.
3. The headers are not there because SERVICE_ID or SERVICE_SECRET is missing in the backend's environment.
4. They are missing because nothing checks required secrets before a deploy.
5. Nobody noticed because every user is served; what fails open meanwhile is revocation.

Told apart from: `service_credentials_missing` (there auth demands the headers, and every user is turned away).

Remedy: give the backend the SERVICE_ID and SERVICE_SECRET from the vault before auth begins to demand them.

Verify: `prober run`: secret-match compares the backend too.

References: the staging contract: absent service headers are tolerated, wrong ones refused; CWE-636.
"""

from prober.judge.prediction import auth_is_well, backend_is_well, reads
from prober.judge.signals import accepts, configured, credentials, service_secret, versions
from prober.model.diagnosis import Cause, Layer

CAUSE = Cause(
    name="service_credentials_missing_tolerated",
    family="E",
    title="the backend does not hold the service secret, and auth does not mind",
    predicts={
        **auth_is_well(),
        **backend_is_well(),
        credentials(): reads("accepted"),
        service_secret("auth"): reads("held"),
        service_secret("backend"): reads("not_held"),
        # … or wrong ones
        configured("backend", "service_credentials"): reads("absent", "present"),
        versions("service_secret"): reads("equal", "differ"),
    },
    layers=(
        Layer(
            "the backend does not hold the service secret from the vault",
            (service_secret("backend"), configured("backend", "service_credentials"), versions("service_secret")),
        ),
        Layer("auth accepts that same secret", (credentials(), service_secret("auth"))),
        Layer("users are served all the same", (accepts("local", "backend"), accepts("local", "websocket"))),
        Layer("so the backend holds no service secret, or another, and auth tolerates that for now"),
    ),
    remedy=(
        "set SERVICE_ID and SERVICE_SECRET in the backend's environment, from the secret the auth service reads",
        "then let the auth service demand them: until it does, a revoked token may pass",
    ),
    verify="prober run: secret-match compares prober, auth and backend",
    page=__doc__ or "",
)
