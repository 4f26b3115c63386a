"""The auth service was deployed without its bypass key.

What you see: the mint for test users answers 503 and says that it is not configured; whatever needs a token from it
cannot even start. Tokens that we sign ourselves pass everywhere. In the fifth incident report the tests then used
other tokens, and the WebSocket's refusal of those was taken for the fault.

Why, in five steps:
1. The tests fail because they get no token.
2. They get none because the mint for test users is switched off.
3. It is switched off because the auth service has no E2E_OAUTH_SIMULATION_KEY.
4. It has none because the key exists on developers' machines and was never added to staging.
5. It was never added because nothing checks which settings the tests need before a deploy.

Told apart from: `bypass_key_mismatch` (there it says that our key is wrong) · `bypass_key_not_sent` (there it says
that a key is required) · `mint_route_missing` (there the route answers 404) · `backend_down` (a 503 too, but of the
other service and without these words).

Remedy: give E2E_OAUTH_SIMULATION_KEY to the auth service, and to the auth service only. Do not give it to the backend,
as the report proposes: there its mere presence opens the WebSocket to anyone (`ws_open_to_anyone`).

Verify: `prober run`: `mint` passes, and `websocket-refuses-no-token` still does.

References: incident report 004.
"""

from prober.judge.prediction import reads
from prober.judge.signals import accepts, configured, health, mint
from prober.model.diagnosis import Cause, Layer

CAUSE = Cause(
    name="bypass_key_absent",
    family="M",
    title="the auth service has no bypass key, so tests get no tokens",
    predicts={
        mint(): reads("not_configured"),
        health("auth"): reads("ok"),
        accepts("local", "auth"): reads("accepted"),
        # … or it is empty
        configured("auth", "bypass_key"): reads("absent", "present"),
    },
    layers=(
        Layer("no token can be minted for the test user", (mint(),)),
        Layer("auth is up and accepts tokens that we sign ourselves", (health("auth"), accepts("local", "auth"))),
        Layer("so the mint is switched off: E2E_OAUTH_SIMULATION_KEY is missing in the auth service's environment"),
    ),
    remedy=(
        "set E2E_OAUTH_SIMULATION_KEY in the auth service's environment and deploy it",
        "do not set it in the backend's environment: there it switches WebSocket authentication off",
    ),
    verify="prober run: mint passes, and websocket-refuses-no-token still does",
    page=__doc__ or "",
)
