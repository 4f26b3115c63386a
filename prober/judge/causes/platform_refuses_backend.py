"""The platform does not let the backend call the auth service.

What you see: the backend turns every user away, and looks as if auth had rejected the token, while auth, which stands
behind a platform that wants to know who calls, accepts the same token from us, since we show an identity token. What
the backend passes on from auth, such as /auth/config, fails too, and its breaker stays closed: it does get answers,
and quickly.

Why, in five steps:
1. The user is refused because the backend got a 403 when it asked whether the token is good.
2. It got one, but not from auth: the platform before auth answered, with a page of HTML.
3. The platform answered because the backend's account may not invoke auth, or because the backend shows no identity
   token.
4. It may not because auth was made private, or deployed anew with a policy that does not name the backend.
5. Nobody noticed because to the backend a 403 means that auth said no: it counts it as an answer.

Told apart from: `service_id_drift_at_backend` and `service_credentials_missing` (there auth itself refuses, and what
the backend passes on from auth still comes through) · `backend_cannot_reach_auth` (there the backend gets no answer
and says that auth is unreachable) · `platform_refuses_prober` (there it is we who are not let through) ·
`jwt_secret_drift` (there the keys differ).

Remedy: let the backend's account invoke auth, by the first command of the report; and see that the backend shows an
identity token for auth's address.

Verify: `prober run`: `messages-with-our-token` passes; the backend's /auth/config, which it fetches from auth, answers
200.

References: Cloud Run, «Authenticating service-to-service»; docs/cloud-run.md.
"""

from prober.judge.prediction import auth_yes_backend_no, keys_are_equal, reads
from prober.judge.signals import accepts, admission, auth_path, credentials, health, service_secret, words
from prober.model.diagnosis import Cause, Layer

CAUSE = Cause(
    name="platform_refuses_backend",
    family="F",
    title="the platform does not let the backend call the auth service",
    predicts={
        **auth_yes_backend_no(),
        admission("auth"): reads("admitted"),
        auth_path(): reads("broken"),
        credentials(): reads("accepted"),
        **keys_are_equal(),
        words(): reads("token_rejected"),
        service_secret("backend"): reads("held"),
    },
    layers=(
        Layer("the backend refuses good tokens", (accepts("local", "backend"), accepts("local", "websocket"))),
        Layer("auth accepts the same tokens from us", (health("auth"), accepts("local", "auth"))),
        Layer("what the backend passes on from auth does not come through", (auth_path(),)),
        Layer("auth stands behind a platform that lets us through, by our identity token", (admission("auth"),)),
        Layer("so the platform answers the backend's questions in auth's place: its account may not call auth"),
    ),
    remedy=(
        (
            "let the backend's account call auth: gcloud run services add-iam-policy-binding AUTH "
            "--member=serviceAccount:BACKEND_ACCOUNT --role=roles/run.invoker"
        ),
        "see that the backend shows an identity token whose audience is auth's address",
        (
            "find the refused calls: gcloud logging read "
            "'resource.labels.service_name=\"AUTH\" httpRequest.status=403' --limit=20"
        ),
    ),
    verify="prober run: messages-with-our-token passes",
    page=__doc__ or "",
    key=(admission("auth"),),
)
