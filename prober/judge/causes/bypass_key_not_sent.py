"""We do not send the bypass key.

What you see: the mint for test users answers 401 and says that a key is required, or the prober tells at once that it
holds none. Everything else passes. This is ours to mend: staging is well.

Why, in five steps:
1. No token is minted because the request came without a bypass key.
2. It came without one because the prober has none, or puts it where the route does not look.
3. It has none because its own E2E_OAUTH_SIMULATION_KEY is not set, or is empty.
4. It is not set because the prober was deployed without its secrets.
5. It went unnoticed because an empty variable looks like a set one.

Told apart from: `bypass_key_mismatch` (there we send a key, and it is the wrong one) · `bypass_key_absent` (there the
auth service has none).

Remedy: set E2E_OAUTH_SIMULATION_KEY for the prober, and send it in the X-E2E-Bypass-Key header of the mint request.

Verify: `prober check` finds the secret; `prober run`: `mint` passes.

References: incident report 004; RFC 9110 §15.5.2 on 401.
"""

from prober.judge.prediction import reads
from prober.judge.signals import accepts, health, mint
from prober.model.diagnosis import Cause, Layer

CAUSE = Cause(
    name="bypass_key_not_sent",
    family="M",
    title="the prober does not send its bypass key",
    predicts={
        mint(): reads("key_required", "key_not_held"),
        health("auth"): reads("ok"),
        accepts("local", "auth"): reads("accepted"),
    },
    layers=(
        Layer("no token can be minted for the test user", (mint(),)),
        Layer("auth is up and accepts tokens that we sign ourselves", (health("auth"), accepts("local", "auth"))),
        Layer("so it is our request that lacks the key: the prober has no E2E_OAUTH_SIMULATION_KEY, or misplaces it"),
    ),
    remedy=(
        "set E2E_OAUTH_SIMULATION_KEY in the prober's environment; an empty value counts as none",
        "check that the mint request in probes.yaml sends it as X-E2E-Bypass-Key",
    ),
    verify="prober check finds the secret; prober run: mint passes",
    page=__doc__ or "",
    ours=True,
)
