"""The platform does not take our identity token for a service.

What you see: whatever we ask of a service is answered 401 by the platform before it, with a page of HTML in the name
of `Google Frontend` and `www-authenticate: Bearer error="invalid_token"`, though we show an identity token. The
service has heard nothing. The prober is blind there, and says nothing of the service.

Why, in five steps:
1. We see nothing of the service because the platform answers in its place.
2. It answers itself because it does not believe our identity token.
3. It does not because the token is for another audience, is out of date, or was not signed by Google.
4. It is for another audience because that is the address we ask, unless `audience:` is written, and the platform knows
   the service by another: its own run.app address, or a custom audience.
5. Nobody noticed because the two are the same until the service gets a domain of its own.

Told apart from: `platform_refuses_prober` (there the platform says 403: it knows us, and we may not call) ·
`platform_refuses_everybody` (there we show no token) · `prober_clock_behind` and `prober_clock_ahead` (our clock does
not matter here: the token is made by the platform, by its own) · `prober_secret_wrong` (there the services refuse, in
JSON).

Remedy: write the audience that the platform expects, `services.NAME.identity_token.audience`.

Verify: `prober run`: no step is blind with `own_access`.

References: Cloud Run, «Authenticating service-to-service» and «Set custom audiences»; RFC 6750 §3.1;
docs/cloud-run.md.
"""

from prober.judge.prediction import reads
from prober.judge.signals import admission
from prober.model.diagnosis import Cause, Layer

CAUSE = Cause(
    name="identity_token_rejected",
    family="P",
    title="the platform does not take our identity token",
    predicts={
        admission("auth"): reads("admitted", "distrusted"),
        admission("backend"): reads("admitted", "distrusted"),
    },
    layers=(
        Layer("the platform answers in place of a service: 401", (admission("auth"), admission("backend"))),
        Layer("it does not believe the identity token that we show"),
        Layer("so the token is for another audience than the service has, or is out of date"),
    ),
    remedy=(
        "write the service's run.app address, or its custom audience, as services.NAME.identity_token.audience",
        "where the token comes from a file, see that something keeps it fresh",
    ),
    verify="prober run: no step is blind because of the platform",
    page=__doc__ or "",
    ours=True,
)
