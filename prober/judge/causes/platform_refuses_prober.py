"""The platform does not let the prober call a service: a right of ours is missing.

What you see: whatever we ask of a service is answered 403 by the platform before it, with a page of HTML in the name
of `Google Frontend`, though we show an identity token. The service has heard nothing. The prober is blind there, and
says nothing of the service: its users may be let through by another right, or by another way.

Why, in five steps:
1. We see nothing of the service because the platform answers in its place.
2. It answers itself because the account that our identity token names may not invoke the service.
3. It may not because it has no `roles/run.invoker` on it.
4. It has none because the service was made anew, or its policy was replaced by one without us.
5. It was replaced because policies are deployed with a service, and nobody deploys for the prober.

Told apart from: `identity_token_rejected` (there the platform says 401: it does not believe the token) ·
`platform_refuses_everybody` (there we show no token, as everybody should be let through) · `edge_blocks_request`
(there a page of somebody else answers, and only at some paths) · `service_credentials_missing` and its kin (there the
service itself refuses, in JSON).

Remedy: let the prober's account invoke the service, by the first command of the report.

Verify: `prober run`: no step is blind with `own_access`.

References: Cloud Run, «Authenticating service-to-service»; docs/cloud-run.md.
"""

from prober.judge.prediction import reads
from prober.judge.signals import admission
from prober.model.diagnosis import Cause, Layer

CAUSE = Cause(
    name="platform_refuses_prober",
    family="P",
    title="the platform does not let the prober call a service",
    predicts={
        admission("auth"): reads("admitted", "no_right"),
        admission("backend"): reads("admitted", "no_right"),
    },
    layers=(
        Layer("the platform answers in place of a service: 403", (admission("auth"), admission("backend"))),
        Layer("it takes our identity token, and the account that it names has no right to call the service"),
        Layer("so the prober's account has no roles/run.invoker there; what others may do is not known from here"),
    ),
    remedy=(
        (
            "let the prober's account call the service: gcloud run services add-iam-policy-binding SERVICE "
            "--member=serviceAccount:PROBER_ACCOUNT --role=roles/run.invoker"
        ),
        "deploy that binding with the service, so that the next deploy keeps it",
    ),
    verify="prober run: no step is blind because of the platform",
    page=__doc__ or "",
    ours=True,
)
