"""Two revisions of the backend serve at once, and they do not agree.

What you see: the very same request passes and fails in turn, and the backend's answers name two revisions within one
run. Comparing signing keys may say «equal» once and «different» the next time. Retrying seems to help, which is why
this hides so well.

Why, in five steps:
1. A user is let in now and refused a moment later because another instance answers.
2. It answers otherwise because it is another revision, with other settings: another key, another mode of checking.
3. Both serve because the deploy stopped half-way, or traffic is split between them on purpose.
4. Their settings differ because a revision keeps the environment that it was started with.
5. It went unnoticed because each of the two, looked at alone, is consistent.

Told apart from: `jwt_secret_drift` (there every request is refused, always) · `stale_revision` (there one revision
answers, the wrong one) · `backend_crash_loop` (there one revision comes and goes, and its uptime stays young) ·
`auth_slower_than_budget` (there refusals come and go too, from one revision, and take as long as its budget). Where
nothing shows which revision answers, a fault of one door alone, such as `ws_crash_after_auth`, may look the same: let a
step of the chain say which revision was announced.

Remedy: send all traffic to one revision, with `gcloud run services update-traffic backend --to-latest` or
`kubectl rollout undo deployment/backend`; then compare the settings of the two before trying again.

Verify: `prober run`, several times: one revision answers, and no step passes only now and then.

References: incident report 002, whose success rate of 62.5 % may be read in two ways: three of eight checks always
fail, or all do now and then; the truth table in the project's design notes.
"""

from prober.judge.prediction import DOORS, GOOD_ISSUERS, at_every_door, auth_is_well, now_and_then, reads
from prober.judge.signals import (
    READINGS,
    accepts,
    credentials,
    health,
    mint,
    revision,
    rollout,
    secrets,
    unsteady,
    words,
)
from prober.model.diagnosis import Cause, Layer

_AT_ANOTHER_REVISION = ("refused", "crashed", "dropped", "turned_out")
_ANOTHER_KEY = ("different", "differ_by_white_space")

CAUSE = Cause(
    name="mixed_revisions",
    family="X",
    title="two revisions of the backend serve at once, and they do not agree",
    predicts={
        **auth_is_well(),
        mint(): reads("ok"),
        credentials(): reads("accepted"),
        health("backend"): reads("ok"),
        revision("backend"): reads("mixed", unsteady("other")),
        rollout("backend"): reads("split", "whole"),
        # a door that was knocked at once shows what one of the two does
        **at_every_door("accepted", *now_and_then(*_AT_ANOTHER_REVISION)),
        words(): reads(*READINGS["words"]),
        secrets("auth", "backend"): reads("equal", *now_and_then(*_ANOTHER_KEY)),
        secrets("prober", "backend"): reads("equal", *now_and_then(*_ANOTHER_KEY)),
    },
    layers=(
        Layer(
            "the backend accepts and refuses the same tokens",
            tuple(accepts(issuer, door) for issuer in reversed(GOOD_ISSUERS) for door in DOORS),
        ),
        Layer("auth accepts them when asked directly", (accepts("local", "auth"), accepts("auth", "auth"))),
        Layer("two revisions of the backend answer within one run", (revision("backend"),)),
        Layer("so it depends on which of them answers: their settings differ, and only one has the right ones"),
    ),
    remedy=(
        (
            "see how traffic is split: gcloud run services describe backend --format='value(status.traffic)', "
            "or kubectl get pods -l app=backend"
        ),
        (
            "send all of it to one revision: gcloud run services update-traffic backend --to-latest, "
            "or kubectl rollout undo deployment/backend"
        ),
        "compare the environment of the two revisions, e.g. the versions of JWT_SECRET_STAGING and SERVICE_SECRET",
    ),
    verify="prober run, several times: one revision answers and messages-with-our-token passes each time",
    page=__doc__ or "",
    key=(revision("backend"),),
)
