"""Something before the backend turns requests away with a page of its own.

What you see: the backend's health check is green, and its routes or its WebSocket answer with a page of HTML, most
often a 403, in place of the JSON that the backend speaks. A request without any token gets the same page. The auth
service is well and accepts the same tokens. A 403 by status looks like a refused token; it is not one, for nobody has
looked at the token.

Why, in five steps:
1. The user is refused because the request never came to the backend.
2. It never came because a firewall, a load balancer or a sign-in page before it answered instead.
3. That answered because one of its rules matches: a path, a country, a user agent, a rate, a suspicious header.
4. The rule matches because it was written for attackers, and our requests look like theirs.
5. Nobody noticed because its status is one that the backend uses too, and dashboards count statuses.

Told apart from: `jwt_secret_drift`, `service_credentials_missing` and their kin (there the backend itself refuses, in
JSON, and says that it was the token) · `upgrade_header_stripped` (there the request arrives, and only its header is
missing) · `backend_down` (there an edge answers 502, 503 or 504, and the health check fails).

Remedy: find the rule in the log of the edge, for example with
`gcloud logging read 'resource.type="http_load_balancer" httpRequest.status=403' --limit=20`, and exempt the path or
the prober's address from it.

Verify: `prober run`: `messages-with-our-token` and `websocket-with-our-token` pass, and `messages-refuses-no-token`
is refused by the backend itself.

References: RFC 9110 §15.5.4: a 403 need not have anything to do with credentials; the staging contract on limits.
"""

from prober.judge.prediction import DOORS, GOOD_ISSUERS, at_every_door, auth_is_well, now_and_then, reads
from prober.judge.signals import accepts, health, knock
from prober.model.diagnosis import Cause, Layer

CAUSE = Cause(
    name="edge_blocks_request",
    family="X",
    title="something before the backend turns requests away with a page of its own",
    predicts={
        **auth_is_well(),
        health("backend"): reads("ok"),
        # a rule may match one path and not another, and a limit comes and goes
        **at_every_door("accepted", *now_and_then("blocked")),
        knock("backend"): reads("refused", *now_and_then("blocked")),
        knock("websocket"): reads("refused", *now_and_then("blocked")),
    },
    layers=(
        Layer(
            "a page answers where the backend should",
            tuple(accepts(issuer, door) for door in DOORS for issuer in GOOD_ISSUERS),
        ),
        Layer("a request without a token meets the same page", (knock("backend"), knock("websocket"))),
        Layer("auth accepts the same tokens, and the backend is up", (accepts("local", "auth"), health("backend"))),
        Layer(
            "so nobody has looked at the token: a firewall or load balancer before the backend has a rule against us"
        ),
    ),
    remedy=(
        (
            "find the rule that matched in the edge's log: "
            "gcloud logging read 'resource.type=\"http_load_balancer\" httpRequest.status=403' --limit=20"
        ),
        "exempt the path, or the prober's address and user agent, from that rule",
        "ask the backend's direct address: if that answers in JSON, the edge is to blame and the backend is not",
    ),
    verify="prober run: messages-with-our-token and websocket-with-our-token pass",
    page=__doc__ or "",
    masks=(
        "jwt_secret_drift",
        "service_credentials_missing",
        "service_secret_drift_at_backend",
        "service_id_drift_at_backend",
        "test_user_unknown",
        "upgrade_header_stripped",
        "ws_open_to_anyone",
    ),
)
