"""The platform says that a service is not there.

What you see: whatever is asked of a service, its health check too, is answered 404 by the platform before it, with a
page of HTML in the name of `Google Frontend`. The service has heard nothing.

Why, in five steps:
1. The user finds nothing because the request never came to the service.
2. It never came because the platform knows no service at this address, or none for those who come this way.
3. It knows none because the service was deleted, renamed or moved to another region; or its ingress is `internal`, and
   the request came from the internet.
4. Its ingress is because somebody closed it, or deployed it anew from a file that says so.
5. Nobody noticed because a request from within the network still arrives.

Told apart from: `mint_route_missing`, `validate_route_missing` and `ws_path_missing` (there the service itself answers
404, at one path) · `backend_down` and `auth_down` (there an edge answers 502, 503 or 504) ·
`platform_refuses_everybody` (there the platform says 403).

Remedy: compare the address with that of the service, then its ingress with where its users come from.

Verify: `prober run`: the health checks pass.

References: Cloud Run, «Restrict network ingress»; docs/cloud-run.md.
"""

from prober.judge.prediction import reads
from prober.judge.signals import admission
from prober.model.diagnosis import Cause, Layer

CAUSE = Cause(
    name="platform_hides_service",
    family="X",
    title="the platform says that a service is not there",
    predicts={
        admission("auth"): reads("admitted", "hidden"),
        admission("backend"): reads("admitted", "hidden"),
    },
    layers=(
        Layer("the platform answers in place of a service: 404", (admission("auth"), admission("backend"))),
        Layer("so there is no service at this address, or its ingress is closed to those who come from here"),
    ),
    remedy=(
        "compare the address: gcloud run services describe SERVICE --format='value(status.url)'",
        "compare its ingress: gcloud run services describe SERVICE --format='yaml(metadata.annotations)'",
        "where only the internal network may call it, run the prober in that network",
    ),
    verify="prober run: the health checks pass",
    page=__doc__ or "",
)
