"""A deploy was announced, and the old revision of the backend still answers.

What you see: whoever deployed said which revision would serve from now on, and the backend's answers name another one.
Users are served as before, for nothing is broken; but what the deploy was to mend is not mended either, and whoever
tests now tests the wrong build.

Why, in five steps:
1. The fault that the deploy was to mend is still there because the code that runs is the code from before.
2. It runs because traffic still goes to the revision before.
3. Traffic goes there because the new revision never became ready, or was deployed without traffic.
4. It never became ready because it fails its start-up check; or a pin on an older revision was left behind.
5. Nobody noticed because the pipeline ends when the image is pushed, not when it answers.

Told apart from: `mixed_revisions` (there both revisions answer in one run) · `backend_warming_up` (there the backend
says itself that it is still starting) · `backend_down` (there nothing answers).

Remedy: ask the platform who gets the traffic (`gcloud run services describe backend --format='value(status.traffic)'`,
or `kubectl rollout status deployment/backend`). Send it to the new revision once that is ready; read the new
revision's start-up log if it is not.

Verify: `prober run`: the backend's answers name the announced revision.

References: incident report 003, where the revision before and after was the evidence; Humble and Farley, «Continuous
Delivery», on deploying the same artefact everywhere.
"""

from prober.judge.prediction import auth_is_well, backend_is_well, reads
from prober.judge.signals import accepts, health, revision
from prober.model.diagnosis import Cause, Layer

CAUSE = Cause(
    name="stale_revision",
    family="X",
    title="a deploy was announced, and the old revision of the backend still answers",
    predicts={
        **auth_is_well(),
        **backend_is_well(),
        revision("backend"): reads("other"),
    },
    layers=(
        Layer("the backend answers as another revision than the announced one", (revision("backend"),)),
        Layer("it is up and serves users", (health("backend"), accepts("local", "backend"))),
        Layer("so traffic never moved to the new revision: it did not become ready, or nobody sent traffic its way"),
    ),
    remedy=(
        (
            "see who gets the traffic: gcloud run services describe backend --format='value(status.traffic)', "
            "or kubectl rollout status deployment/backend"
        ),
        "if the new revision is not ready, read its start-up log and mend that first",
        "if it is ready, send traffic to it: gcloud run services update-traffic backend --to-latest",
    ),
    verify="prober run: the backend answers as the announced revision",
    page=__doc__ or "",
)
