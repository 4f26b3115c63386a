"""The backend crashes again and again, and is started anew each time.

What you see: the backend answers, then does not, then answers again; connections are cut in between. Its uptime is
never more than a moment, or is less than it was the last time. The auth service is well. Whoever retries gets through,
and so the complaint is that it is «flaky».

Why, in five steps:
1. The user is cut off because the process that served them ended.
2. It ended because it crashed or was killed: an exception nobody caught, too little memory, a failed liveness check.
3. It crashes each time because whatever brings it about is still there after a restart.
4. It is there because it came with the last revision, with its settings, or with what users ask of it.
5. Nobody noticed because the platform starts it again within seconds, and the health check is green in between.

Told apart from: `backend_down` (there it does not answer at all: a loop that was down for the whole of a run looks
like that too, so run again) · `backend_warming_up` (there the backend says that it is starting, and then stays up) ·
`mixed_revisions` (there two revisions answer in turn) · `ws_crash_after_accept` (there only the socket breaks, each
time, and the process lives on).

Remedy: read the last lines before the end: `kubectl logs deployment/backend --previous`, or
`gcloud run services logs read backend --limit=100`. Exit code 137 is too little memory; a traceback names the line.

Verify: `prober run`, several times over five minutes: everything passes, and the uptime grows.

References: Kubernetes' documentation on CrashLoopBackOff; RFC 6455 §7.4.1 on 1006 and 1012.
"""

from prober.judge.prediction import DOORS, GOOD_ISSUERS, at_every_door, auth_is_well, reads
from prober.judge.signals import accepts, health, unsteady, uptime
from prober.model.diagnosis import Cause, Layer

# What is out for the whole of a run is down, or broken for another reason: a loop shows by coming and going.
_OUTAGES = tuple(map(unsteady, ("unreachable", "no_upstream", "timeout")))
# Cut in the middle of its words may have been the only time that somebody got to this door.
_AT_A_DOOR = (*map(unsteady, ("unanswered", "cut", "dropped", "crashed")), "cut")

CAUSE = Cause(
    name="backend_crash_loop",
    family="B",
    title="the backend crashes again and again, and is started anew each time",
    predicts={
        **auth_is_well(),
        health("backend"): reads("ok", *_OUTAGES),
        uptime("backend"): reads("young", "reset"),
        **at_every_door("accepted", *_AT_A_DOOR),
    },
    layers=(
        Layer(
            "the backend answers and does not answer in turn",
            (health("backend"), *(accepts(issuer, door) for issuer in reversed(GOOD_ISSUERS) for door in DOORS)),
        ),
        Layer("it has been up for no more than a moment, or for less than it was before", (uptime("backend"),)),
        Layer("auth is well all the while", (health("auth"), accepts("local", "auth"))),
        Layer("so its process ends and is started again: an exception, too little memory or a failed liveness check"),
    ),
    remedy=(
        (
            "read the last lines before the end: kubectl logs deployment/backend --previous, "
            "or gcloud run services logs read backend --limit=100"
        ),
        "an exit code of 137 means too little memory: raise the limit, then look for the leak",
        "roll back to the last revision whose uptime grew",
    ),
    verify="prober run, several times over five minutes: everything passes and the backend's uptime grows",
    page=__doc__ or "",
    key=(uptime("backend"),),
    masks=("ws_crash_after_accept", "ws_crash_after_auth", "ws_crash_before_auth", "backend_dependency_down"),
)
