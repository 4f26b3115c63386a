"""The backend does not know the test user.

What you see: the backend turns our test user away, over REST and over the WebSocket, while the auth service is well
and accepts the same tokens when it is asked directly. Real users may notice nothing: only this one is missing. The
socket may accept first and drop the user a moment later.

Why, in five steps:
1. The test user is refused because the backend looked them up and did not find them.
2. They were not found because their row is missing, or is filed under an id of another form.
3. It is missing because the database was reset, or filled from a copy without test users.
4. It was filled so because creating the test user is a step that somebody does by hand.
5. It looks like a refused token because the backend gives both the same words.

Told apart from: `service_credentials_missing` and its kin (there every user is refused: try a second subject) ·
`test_user_revoked` (there auth refuses the user too) · `jwt_secret_drift` (there the signing keys differ) ·
`service_header_illegal` and `breaker_open` (there the backend speaks of something else than the token). With one
subject alone it cannot be told apart from a backend whose service credentials are refused.

Remedy: create the test user again in the backend's database, under the id that its tokens carry.

Verify: `prober run`: `messages-with-our-token` and `websocket-with-our-token` pass.

References: incident report 002, which asks whether staging-e2e-user-001 exists; RFC 7519 §4.1.2 on `sub`.
"""

from prober.judge.prediction import at_sockets, auth_yes_backend_no, keys_are_equal, reads
from prober.judge.signals import accepts, credentials, service_secret, words
from prober.model.diagnosis import Cause, Layer

CAUSE = Cause(
    name="test_user_unknown",
    family="D",
    title="the backend does not know the test user",
    predicts={
        **auth_yes_backend_no(),
        # let in first, then closed with 1008 or 1011, or cut
        **at_sockets("refused", "turned_out", "dropped", "crashed"),
        # another user is known
        accepts("second", "backend"): reads("accepted"),
        credentials(): reads("accepted"),
        **keys_are_equal(),
        words(): reads("invalid_token"),
        service_secret("backend"): reads("held"),
    },
    layers=(
        Layer("the backend refuses the test user", (accepts("local", "backend"), accepts("local", "websocket"))),
        Layer("auth accepts the same tokens when asked directly", (accepts("local", "auth"), accepts("auth", "auth"))),
        Layer("auth also accepts the service credentials from the vault", (credentials(),)),
        Layer(
            "a second user is accepted, so it is the user and not the trust between services",
            (accepts("second", "backend"),),
        ),
        Layer("so the backend does not know the subject of these tokens: its row is missing or filed under another id"),
    ),
    remedy=(
        "look up the token's `sub` in the backend's database; the mint step's evidence shows it",
        "create the test user again under exactly that id",
        "try a second identity: if that one passes, it is the user and not the trust between the services",
    ),
    verify="prober run: messages-with-our-token and websocket-with-our-token pass",
    page=__doc__ or "",
)
