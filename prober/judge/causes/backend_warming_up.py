"""The backend listens, and is still starting.

What you see: its health check answers 503 and says that start-up is in progress. Routes end in a server error or are
not answered, and the WebSocket accepts and closes again. The auth service is well. It heals by itself, as a rule within
a minute; what is not over by then is another fault.

Why, in five steps:
1. The user sees an error because the backend cannot serve yet.
2. It cannot because it was started a moment ago and is still loading: models, connections, caches.
3. It was started because of a deploy, a crash, or because no instance was left running.
4. Traffic came to it all the same because the platform takes an open port for readiness.
5. It went unnoticed because whoever looks a minute later finds everything well.

Told apart from: `backend_down` (there nobody says that anything is starting) · `backend_crash_loop` (there it comes
and goes, and never grows old) · `backend_dependency_down` (there the backend is up, and something that it needs is
not) · `ws_not_ready` (there the routes serve, and only the socket is not ready).

Remedy: wait one start-up time and look again. If this comes with every deploy, give the platform a start-up probe on
the backend's readiness route, and keep one instance warm.

Verify: `prober run`, one start-up time later: `backend-health` passes, and all behind it.

References: RFC 9110 §15.6.4 on 503 and §10.2.3 on Retry-After; Kubernetes' documentation on start-up probes.
"""

from prober.judge.prediction import DOORS, GOOD_ISSUERS, at_every_door, auth_is_well, now_and_then, reads
from prober.judge.signals import accepts, health, readiness, uptime
from prober.model.diagnosis import Cause, Layer

CAUSE = Cause(
    name="backend_warming_up",
    family="B",
    title="the backend is still starting",
    predicts={
        uptime("backend"): reads("steady", "young", "reset"),
        **auth_is_well(),
        # it heals while we look
        health("backend"): now_and_then("starting"),
        readiness("backend"): reads("ready", *now_and_then("not_ready")),
        **at_every_door("accepted", *now_and_then("crashed", "unanswered", "turned_out", "dropped")),
    },
    layers=(
        Layer("the backend says that it is still starting", (health("backend"),)),
        Layer(
            "what its doors answer meanwhile says nothing about tokens",
            tuple(accepts(issuer, door) for issuer in GOOD_ISSUERS for door in DOORS),
        ),
        Layer("auth is well, so this is the backend alone", (health("auth"), accepts("local", "auth"))),
        Layer("so it was started a moment ago, and traffic came to it before it was ready"),
    ),
    remedy=(
        "wait one start-up time, a minute at most, and run again",
        (
            "if it is still starting then, read its start-up log: "
            "gcloud run services logs read backend --limit=50, or kubectl logs deployment/backend"
        ),
        (
            "let the platform ask the backend's readiness route before it sends traffic, and keep one instance warm: "
            "gcloud run services update backend --min-instances=1"
        ),
    ),
    verify="prober run after one start-up time: backend-health passes, then look at what it was hiding",
    page=__doc__ or "",
    key=(health("backend"),),
    masks=(
        "jwt_secret_drift",
        "service_credentials_missing",
        "service_secret_drift_at_backend",
        "service_id_drift_at_backend",
        "service_identity_regression",
        "backend_cannot_reach_auth",
        "backend_dependency_down",
        "test_user_unknown",
        "ws_crash_after_accept",
        "ws_not_ready",
    ),
)
