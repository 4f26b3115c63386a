"""The backend has no signing key, and nobody has noticed yet.

What you see: everything accepts everything. The platform says that the backend is started without a signing key; the
comparison of keys, where there is one, cannot be made. The backend asks the auth service about every token, so it does
without. On the day auth does not answer and the backend falls back to checking by itself, every user is turned away.

Why, in five steps:
1. Nobody is refused because the backend leaves the checking to the auth service.
2. It will refuse everybody when it has to check by itself: in a fallback, or after a change of mode.
3. It will because it has no key to check with.
4. It has none because its environment has no JWT_SECRET_STAGING, or its description names another.
5. It went unnoticed because nothing checks required settings before a deploy.

Told apart from: `jwt_secret_drift_latent` (there it has a key, and another one) · `token_signing_broken` (there it is
the auth service that has none).

Remedy: map JWT_SECRET_STAGING into the backend, in the version that the auth service has, before the fallback needs it.

Verify: `prober run`: `configuration` passes, and the secrets match.

References: incident report 001, where a fallback to the backend's own key turned an outage of auth into refusals.
"""

from prober.judge.prediction import auth_is_well, backend_is_well, reads
from prober.judge.signals import accepts, configured
from prober.model.diagnosis import Cause, Layer

CAUSE = Cause(
    name="jwt_secret_missing_latent",
    family="D",
    title="the backend has no signing key, unnoticed while it asks auth about every token",
    predicts={**auth_is_well(), **backend_is_well(), configured("backend", "jwt_secret"): reads("absent")},
    layers=(
        Layer(
            "the backend is started without a signing key, as its platform says", (configured("backend", "jwt_secret"),)
        ),
        Layer(
            "nobody is refused yet, because the backend asks auth about every token",
            (accepts("local", "backend"), accepts("auth", "backend"), accepts("local", "websocket")),
        ),
        Layer("so a fallback to the backend's own key would turn everybody away"),
    ),
    remedy=(
        "map JWT_SECRET_STAGING into the backend, in the version that the auth service has",
        "deploy the backend at a quiet hour; nothing is broken yet",
    ),
    verify="prober run: configuration passes, and the secrets match",
    page=__doc__ or "",
)
