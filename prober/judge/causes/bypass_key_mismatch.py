"""The auth service holds another bypass key than we do.

What you see: the mint for test users answers 401 and says that the bypass key is invalid; whatever needs a token from
it cannot even start. Tokens that we sign ourselves pass everywhere.

Why, in five steps:
1. The tests fail because they get no token.
2. They get none because the auth service does not recognise the bypass key they show.
3. It does not because the two copies differ: one was rotated, or carries a newline or quotes.
4. They differ because the key lives in two places, and each is maintained by hand.
5. It went unnoticed because nobody mints a token right after a change of secrets.

Told apart from: `bypass_key_absent` (there the auth service has no key and says so) · `bypass_key_not_sent` (there it
says that a key is required) · `mint_route_missing` (there the route answers 404).

Remedy: bring E2E_OAUTH_SIMULATION_KEY in the auth service and in the prober to the same version of the secret.

Verify: `prober run`: `mint` passes.

References: incident report 004 on where the key lives; RFC 9110 §15.5.2 on 401.
"""

from prober.judge.prediction import reads
from prober.judge.signals import accepts, configured, health, mint
from prober.model.diagnosis import Cause, Layer

CAUSE = Cause(
    name="bypass_key_mismatch",
    family="M",
    title="the auth service holds another bypass key than the tests, so they get no tokens",
    predicts={
        mint(): reads("wrong_key"),
        health("auth"): reads("ok"),
        accepts("local", "auth"): reads("accepted"),
        configured("auth", "bypass_key"): reads("present"),
    },
    layers=(
        Layer("no token can be minted for the test user", (mint(),)),
        Layer("auth is up and accepts tokens that we sign ourselves", (health("auth"), accepts("local", "auth"))),
        Layer("so the key we show is not the key auth holds: the copies of E2E_OAUTH_SIMULATION_KEY differ"),
    ),
    remedy=(
        "map the same version of E2E_OAUTH_SIMULATION_KEY into the auth service and into the prober",
        "look for a newline or quotes around either copy",
        "deploy the auth service, or restart the prober, whichever held the older copy",
    ),
    verify="prober run: mint passes",
    page=__doc__ or "",
)
