"""The backend's service credentials cannot be sent: they contain a character that no header may carry.

What you see: the backend turns every user away within milliseconds, and speaks of an illegal header or of a validation
that failed with an error of its HTTP client. The auth service is well, accepts the same tokens when it is asked
directly, and accepts the service credentials from the vault. After a few requests the backend's breaker opens, and
from then on it says that auth is unreachable.

Why, in five steps:
1. The user is refused because the backend's question to the auth service was never sent.
2. It was never sent because the HTTP client will not put such a value into a header.
3. The value is illegal because SERVICE_SECRET or SERVICE_ID ends in a newline.
4. It does because the secret was made with a command that ends its output with one.
5. It went unnoticed because a newline cannot be seen, and others strip it.

Told apart from: `service_secret_drift_at_backend` (there auth was asked, and said no; and the platform, where it can
be asked, says that the two run with different versions) · `breaker_open` (there nothing
is wrong with the header; the words are the same once the breaker has opened, and then only the service secret tells:
here the backend does not let us in with the one from the vault) · `jwt_secret_drift` (there the signing
keys differ).

Remedy: write the secret again without the newline, and deploy the backend.

Verify: `prober run`: `messages-with-our-token` and `websocket-with-our-token` pass.

References: RFC 9110 §5.5 on what a header's value may contain.
"""

from prober.judge.prediction import auth_yes_backend_no, keys_are_equal, now_and_then, reads
from prober.judge.signals import accepts, breaker, configured, credentials, service_secret, words
from prober.model.diagnosis import Cause, Layer

CAUSE = Cause(
    name="service_header_illegal",
    family="E",
    title="the backend's service credentials contain a character that no header may carry",
    predicts={
        **auth_yes_backend_no(),
        credentials(): reads("accepted"),
        **keys_are_equal(),
        # a call that cannot be made counts as a failure: soon the breaker answers in its stead
        words(): reads("header_illegal", "auth_unreachable"),
        breaker(): reads("closed", *now_and_then("open")),
        service_secret("backend"): reads("not_held"),
        configured("backend", "service_credentials"): reads("present"),
    },
    layers=(
        Layer("the backend refuses good tokens", (accepts("local", "backend"), accepts("local", "websocket"))),
        Layer("auth accepts the same tokens when asked directly", (accepts("local", "auth"), accepts("auth", "auth"))),
        Layer("the backend could not even put its question", (words(),)),
        Layer("so its SERVICE_SECRET or SERVICE_ID cannot be a header's value: most often it ends in a newline"),
    ),
    remedy=(
        "write SERVICE_SECRET again without a newline at its end (printf '%s', not echo), and SERVICE_ID likewise",
        "deploy the backend so that it reads the new version",
    ),
    verify="prober run: messages-with-our-token and websocket-with-our-token pass",
    page=__doc__ or "",
)
