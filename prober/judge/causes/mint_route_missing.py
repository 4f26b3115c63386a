"""The auth service has no mint route where the tests look for it.

What you see: the mint for test users answers 404 (or 405); whatever needs a token from it cannot even start. Tokens
that we sign ourselves pass everywhere.

Why, in five steps:
1. The tests fail because they get no token.
2. They get none because the address they ask answers «not found».
3. It is not found because this build of the auth service does not have the route, or has it under another path.
4. The build lacks it because it is an old one, or because a guard leaves test routes out of it.
5. It went unnoticed because path and build are written down in different places.

Told apart from: `bypass_key_absent`, `bypass_key_mismatch` and `bypass_key_not_sent` (there the route answers and
speaks of the key) · `token_signing_broken` (there it answers 500).

Remedy: compare the auth service's version with the one you meant to deploy, and the path in probes.yaml with that
build's: /auth/e2e/test-auth in today's services, /auth/e2e-test-auth in the reports'.

Verify: `prober run`: `mint` passes.

References: incident report 004 for the route; RFC 9110 §15.5.5 on 404 and §15.5.6 on 405.
"""

from prober.judge.prediction import reads
from prober.judge.signals import accepts, health, mint
from prober.model.diagnosis import Cause, Layer

CAUSE = Cause(
    name="mint_route_missing",
    family="M",
    title="the auth service has no mint route where the tests look for it",
    predicts={
        mint(): reads("route_missing"),
        health("auth"): reads("ok"),
        accepts("local", "auth"): reads("accepted"),
    },
    layers=(
        Layer("no token can be minted for the test user", (mint(),)),
        Layer("auth is up and accepts tokens that we sign ourselves", (health("auth"), accepts("local", "auth"))),
        Layer("so only the route is missing: an older build, or a guard that leaves test routes out"),
    ),
    remedy=(
        "compare the version in auth's health answer with the one that was to be deployed, and deploy that",
        "compare the mint path in probes.yaml with the routes of that build",
    ),
    verify="prober run: mint passes",
    page=__doc__ or "",
)
