"""The platform lets nobody through to a service that should be public.

What you see: whatever is asked of a service, its health check too, is answered 403 by the platform before it, with a
page of HTML in the name of `Google Frontend`. We show no identity token, as users show none. The service has heard
nothing.

Why, in five steps:
1. The user is refused because the request never came to the service.
2. It never came because the platform wants to know who invokes the service, and a browser cannot tell.
3. It wants to know because `allUsers` is no longer among those who may.
4. It is not because the service was deployed anew without the leave for unauthenticated calls, or an organisation's
   policy took it away.
5. Nobody noticed because the deploy succeeded, and the instances behind the platform are well.

Told apart from: `platform_refuses_prober` (there we show an identity token, and only our own right is known to be
missing) · `edge_blocks_request` (there a page of somebody else answers, and the health check may pass) ·
`backend_down` and `auth_down` (there nobody answers, or an edge with 502, 503 or 504) · `jwt_secret_drift` and its kin
(there the service refuses, in JSON).

Remedy: let everybody invoke the service, by the first command of the report; or, if it is no longer to be public, give
it an `identity_token:` in probes.yaml.

Verify: `prober run`: the health checks pass.

References: Cloud Run, «Allowing public (unauthenticated) access»; docs/cloud-run.md.
"""

from prober.judge.prediction import reads
from prober.judge.signals import admission
from prober.model.diagnosis import Cause, Layer

CAUSE = Cause(
    name="platform_refuses_everybody",
    family="X",
    title="the platform lets nobody through to a service that should be public",
    predicts={
        admission("auth"): reads("admitted", "nobody"),
        admission("backend"): reads("admitted", "nobody"),
    },
    layers=(
        Layer("the platform answers in place of a service: 403", (admission("auth"), admission("backend"))),
        Layer("so allUsers may not invoke the service: every user meets the same page"),
    ),
    remedy=(
        (
            "let everybody call the service again: gcloud run services add-iam-policy-binding SERVICE "
            "--member=allUsers --role=roles/run.invoker"
        ),
        "if it is meant not to be public any more, give it an identity_token in probes.yaml",
    ),
    verify="prober run: the health checks pass",
    page=__doc__ or "",
)
