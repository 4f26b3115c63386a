"""Requests for the backend are sent to a port at which it does not listen.

What you see: what `backend_down` looks like: every route and the WebSocket end in an error of a gateway. The platform
says why: the port that it sends requests to is not the one at which the backend listens.

Why, in five steps:
1. The user sees an error because nobody answers at the port that requests are sent to.
2. Nobody does because the backend listens at another.
3. It does because its port is written in its code or its start command, and not taken from the platform.
4. The two came apart because one of them was changed: in the build, or in the service's description.
5. It was deployed so because nothing asked the new revision whether it answers.

Told apart from: `backend_down` (there the ports agree, or nobody can be asked about them).

Remedy: let the backend listen at the port that the platform tells it (`PORT` on Cloud Run), or describe the right one.

Verify: `prober run`: `configuration` passes, then `backend-health`.

References: Cloud Run's container contract on the port; the Kubernetes API on `containerPort`.
"""

from prober.judge.prediction import at_every_door, auth_is_well, reads
from prober.judge.signals import accepts, health, port
from prober.model.diagnosis import Cause, Layer

CAUSE = Cause(
    name="backend_port_wrong",
    family="B",
    title="requests for the backend are sent to a port at which it does not listen",
    predicts={
        **auth_is_well(),
        health("backend"): reads("unreachable", "no_upstream", "timeout"),
        **at_every_door("unanswered"),
        port("backend"): reads("differs"),
    },
    layers=(
        Layer("the backend does not answer its health check", (health("backend"),)),
        Layer("auth is well, so this is the backend alone", (health("auth"), accepts("local", "auth"))),
        Layer("its platform sends requests to another port than the one at which it listens", (port("backend"),)),
    ),
    remedy=(
        "let the backend listen at the port that its platform tells it: PORT on Cloud Run",
        "or describe the right one: gcloud run services update backend --port=PORT, or `containerPort`, `targetPort`",
    ),
    verify="prober run: configuration passes, then backend-health",
    page=__doc__ or "",
    key=(port("backend"),),
)
