"""The auth service does not look at service credentials.

What you see: everything is green. But when we ask the auth service as the backend would, with a service secret that we
have just made up, it answers as if the secret were right. So whoever reaches auth can pass for the backend: ask about
any token, and whatever else only a service may.

Why, in five steps:
1. A stranger is taken for the backend because auth does not compare the secret that they bring.
2. It does not because the check is switched off, or lets through what it cannot check.
3. It was switched off because services with stale secrets were locked out one day.
4. It stayed so because with the check off everything works.
5. It went unnoticed because nobody ever brings a wrong secret on purpose.

Told apart from: `service_credentials_missing_tolerated` (there auth checks what it is shown, and only lets it be left
out) · `service_secret_drift_at_auth` (there auth checks, and refuses the right secret) · `signature_unchecked` (there
it is users' tokens that are not checked).

Remedy: let the auth service compare X-Service-ID and X-Service-Secret whenever they are sent, and refuse where it has
no SERVICE_SECRET to compare with. First make sure that the backend sends the right one: a drift could not be seen
meanwhile.

Verify: `prober run`: the control with wrong service credentials is refused, and `service-credentials` still passes.

References: incident report 000, for the lock-out that tempts one to do this; RFC 6749 §2.3.1; CWE-306 and CWE-636.
"""

from prober.judge.prediction import reads
from prober.judge.signals import accepts, control, credentials
from prober.model.diagnosis import Cause, Layer

CAUSE = Cause(
    name="service_credentials_unchecked",
    family="H",
    title="the auth service does not look at service credentials",
    predicts={
        control("credentials", "auth_as_service"): reads("accepted"),
        credentials(): reads("accepted"),
        **{control(bad, "auth"): reads("refused") for bad in ("forged", "expired")},
    },
    layers=(
        Layer(
            "auth is failing OPEN: a made-up service secret is accepted",
            (control("credentials", "auth_as_service"),),
        ),
        Layer("the right one is accepted too, so nothing looks wrong", (credentials(),)),
        Layer("users' tokens are still checked", (control("forged", "auth"), accepts("local", "auth"))),
        Layer("so auth does not compare the secret with its own, and anybody can pass for the backend"),
    ),
    remedy=(
        "make sure first that the backend sends the SERVICE_ID and SERVICE_SECRET that auth holds",
        "let auth compare both whenever they are sent, and refuse where it has nothing to compare with",
        "rotate SERVICE_SECRET once the check is on, if auth can be reached by more than the services",
    ),
    verify="prober run: the control with wrong service credentials is refused, and service-credentials still passes",
    page=__doc__ or "",
    masks=(
        "service_credentials_absent_at_auth",
        "service_secret_drift_at_auth",
        "service_secret_drift_at_backend",
        "service_id_drift_at_auth",
        "service_id_drift_at_backend",
    ),
)
