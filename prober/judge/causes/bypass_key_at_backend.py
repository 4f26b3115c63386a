"""The bypass key lies in the backend's environment, where it must not be.

What you see: everything is green, the controls too. Only the platform says that the backend is started with the key
that opens the auth service's route for tests. Some versions of the backend switch the WebSocket's authentication off
when they find it, whatever its value: the next deploy of such a version lets everybody in.

Why, in five steps:
1. Everybody is let in, on the day a version of the backend heeds the key.
2. It can heed it because the key is in its environment.
3. It is there because it was set for both services, when tests failed for lack of it.
4. It was set for both because nobody wrote down which of them needs it: the auth service alone does.
5. It goes unnoticed because a key that nobody heeds changes nothing that anybody sees.

Told apart from: `ws_open_to_anyone` (there a stranger is welcomed already) · `bypass_key_absent` (there the auth
service lacks the key).

Remedy: take E2E_OAUTH_SIMULATION_KEY out of the backend's environment; leave it in the auth service's.

Verify: `prober run`: `configuration` passes, and so does `mint`.

References: incident report 004, whose fix brings this about; CWE-489.
"""

from prober.judge.prediction import reads
from prober.judge.signals import control, kept_out
from prober.model.diagnosis import Cause, Layer

CAUSE = Cause(
    name="bypass_key_at_backend",
    family="H",
    title="the bypass key lies in the backend's environment, where it can switch authentication off",
    predicts={
        kept_out("backend", "bypass_key"): reads("present"),
        control("none", "websocket"): reads("refused"),
        control("forged", "websocket"): reads("refused"),
    },
    layers=(
        Layer("the backend is started with the bypass key, as its platform says", (kept_out("backend", "bypass_key"),)),
        Layer("the WebSocket still refuses strangers", (control("none", "websocket"), control("forged", "websocket"))),
        Layer("so the door stays shut only as long as no version of the backend heeds the key"),
    ),
    remedy=(
        "take E2E_OAUTH_SIMULATION_KEY out of the backend's environment; the auth service alone needs it",
        "deploy the backend; a running process keeps the environment that it was started with",
    ),
    verify="prober run: configuration passes, and so does mint",
    page=__doc__ or "",
)
