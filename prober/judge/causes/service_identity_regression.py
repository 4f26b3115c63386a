"""A new backend revision acts as itself where it should act as the user.

What you see: one route, the stream that runs the agent, answers 403 to a perfectly good token, often with the words
«Not authenticated»; the messages and the WebSocket let the same user in. It began with a deploy: look at the backend's
revision or version before and after the first failure. The fourth incident report is this one.

Why, in five steps:
1. The user is refused on that route because the agent call behind it was refused.
2. That call was refused because it came as `service:netra-backend` and bore no user's token.
3. It came as the service because the code that finds the user did not find one, and fell back to the service's
   identity.
4. It did not find one because a refactoring made the user optional where it used to be required.
5. That reached staging because no test calls the route as a user and looks at whom the inner call acts for.

Told apart from: `service_credentials_missing` and its kin (there every route refuses) · `upgrade_header_stripped`
(there the WebSocket refuses and the routes accept) · `jwt_secret_drift` (there the signing keys differ and every route
refuses).

Remedy: roll the backend back to the revision before; then make the user required again where the agent is called.

Verify: `prober run`: the stream accepts our token again; `messages-with-our-token` still does.

References: incident report 003; CWE-441 on the confused deputy.
"""

from prober.judge.prediction import GOOD_ISSUERS, auth_is_well, backend_is_well, reads
from prober.judge.signals import accepts, deploy, words
from prober.model.diagnosis import Cause, Layer

CAUSE = Cause(
    name="service_identity_regression",
    family="E",
    title="the backend acts as itself where it should act as the user",
    predicts={
        **auth_is_well(),
        **backend_is_well(),
        **{accepts(issuer, "stream"): reads("refused") for issuer in GOOD_ISSUERS},
        words(): reads("header_missing", "inter_service"),
        # a deploy is where to look first; a flag or a setting can bring it about as well
        deploy("backend"): reads("changed", "unchanged"),
    },
    layers=(
        Layer("the stream refuses good tokens", (accepts("local", "stream"), accepts("auth", "stream"))),
        Layer(
            "the backend's other routes and its WebSocket accept the same tokens",
            (accepts("local", "backend"), accepts("local", "websocket")),
        ),
        Layer(
            "auth accepts them too, so neither keys nor service credentials are to blame", (accepts("local", "auth"),)
        ),
        Layer(
            "the backend's revision is another one than in the last run that passed",
            (deploy("backend"),),
            when="changed",
        ),
        Layer("so the stream's inner call does not act for the user: it acts as the service itself"),
    ),
    remedy=(
        "compare the backend's revision now with the one before the first failure, and roll back to that one",
        "require the user's identity where the agent is called, instead of falling back to the service's own",
    ),
    verify="prober run: the stream accepts our token, and messages-with-our-token still passes",
    page=__doc__ or "",
)
