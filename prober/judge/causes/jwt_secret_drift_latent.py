"""The backend holds another signing key, and nobody has noticed yet.

What you see: everything accepts everything; only the comparison of signing keys says that the backend's differs. The
backend asks the auth service about every token, so its own key lies idle. On the day auth does not answer and the
backend falls back to that key, every user is turned away at once.

Why, in five steps:
1. The keys differ because each service reads its own copy: another name, another version, another source.
2. Nobody is refused because the backend leaves the checking to the auth service.
3. It will refuse everybody when it has to check by itself: in a fallback, or after a change of mode.
4. That is when it is least welcome, because auth is down already.
5. It stays hidden because no request with a good token can see it: only a comparison of keys does.

Told apart from: `jwt_secret_drift` (there the backend refuses already) · `prober_secret_wrong` (there it is our copy
that differs, and our tokens are refused).

Remedy: map one secret, in one version and under one name, into both services, before the fallback needs it.

Verify: `prober run`: the secrets match.

References: incident report 001, where this drift turned an outage of auth into refusals everywhere.
"""

from prober.judge.prediction import auth_is_well, backend_is_well, reads
from prober.judge.signals import accepts, secrets, versions
from prober.model.diagnosis import Cause, Layer

CAUSE = Cause(
    name="jwt_secret_drift_latent",
    family="D",
    title="the backend holds another signing key, unnoticed while it asks auth about every token",
    predicts={
        **auth_is_well(),
        **backend_is_well(),
        secrets("auth", "backend"): reads("different", "differ_by_white_space"),
        secrets("prober", "backend"): reads("different", "differ_by_white_space"),
        secrets("prober", "auth"): reads("equal"),
        # other names, or white space, may be at fault as well
        versions("jwt_secret"): reads("equal", "differ"),
    },
    layers=(
        Layer(
            "the backend's signing key is not auth's",
            (secrets("auth", "backend"), secrets("prober", "backend")),
        ),
        Layer(
            "nobody is refused yet, because the backend asks auth about every token",
            (accepts("local", "backend"), accepts("auth", "backend"), accepts("local", "websocket")),
        ),
        Layer("so a fallback to the backend's own key would turn everybody away"),
    ),
    remedy=(
        "map the same version of JWT_SECRET_STAGING into both services, without a newline at its end",
        "deploy the backend at a quiet hour; nothing is broken yet",
    ),
    verify="prober run: the secrets match, and everything still passes",
    page=__doc__ or "",
)
