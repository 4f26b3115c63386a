"""A document becomes a plan."""

from ipaddress import ip_network

import pytest
from pydantic import TypeAdapter, ValidationError

from prober.config import schema
from prober.model.alarm import Severity
from prober.model.caller import Admission, Scope
from prober.model.chain import (
    Carrier,
    Expectation,
    ForgedIssuer,
    HttpStep,
    IdentityToken,
    Load,
    NoToken,
    Proof,
    RouteIssuer,
    SecretMatchStep,
    Shows,
    Want,
)
from prober.model.heartbeat import Heartbeat
from prober.model.notice import Receiver
from prober.model.platform import USUAL_NAMES, PlatformKind, Thing
from prober.model.reach import NOT_BEYOND, Reach, networks

LAST = -1


def test_every_kind_of_step_is_built(plan):
    """Each form has its step."""
    more = (
        "      - {name: stream, probe: stream, service: backend, get: /s, token: local, expect: {first_event: a}}\n"
        "      - {name: valid, probe: validate, service: auth, post: /validate, token: local}\n"
        "      - {name: known, probe: service_credentials, service: auth, post: /validate}\n"
        "      - {name: socket, probe: websocket, service: backend, path: /ws, token: none, expect: refused}\n"
        "      - {name: open, probe: websocket, service: backend, path: /ws, token: local, carrier: subprotocol}\n"
        "      - {name: public, probe: websocket, service: backend, path: /public}\n"
        "      - {name: same, probe: secret_match, secret: jwt, method: hash, parties: {us: {}, auth: {ask: /h}}}\n"
        "      - {name: tcp, probe: tcp, service: auth}\n"
        "      - {name: tls, probe: tls, service: auth, expect: {days_left: 7}}\n"
    )
    kinds = [step.kind for step in plan(more=more).chains["main"].steps]

    assert [
        *("http", "mint", "http", "http"),
        *("stream", "validate", "service_credentials", *["websocket"] * 3, "secret_match", "tcp", "tls"),
    ] == kinds


@pytest.mark.parametrize(
    ("written", "built"),
    [
        ("{}", IdentityToken(audience="https://api.example")),
        ("{from: none}", None),
        (
            "{audience: 32555940559.apps.example, from: file:/run/token, header: Proxy-Authorization}",
            IdentityToken(audience="32555940559.apps.example", source="file:/run/token", header="Proxy-Authorization"),
        ),
    ],
)
def test_an_identity_token_is_for_its_service_unless_written(plan, written, built):
    """Cloud Run wants the service's own address as audience; `none` is for an environment that needs no token."""
    address = 'url: "https://api.example"'

    made = plan((address, f"{address}, identity_token: {written}"))

    assert (built, None) == (made.services["backend"].identity_token, made.services["auth"].identity_token)


def test_a_connection_is_fresh_unless_its_request_wants_a_kept_one(plan):
    """That of a step, or of an issuer."""
    more = (
        "      - {name: kept, probe: http, service: backend, get: /a, connection: kept}\n"
        "      - {name: shown, probe: http, service: backend, get: /a, connection: fresh}\n"
        "      - {name: asked, probe: mint, token: route}\n"
    )
    steps = {
        step.name: step
        for step in plan(("service: auth, post: /mint", "service: auth, post: /mint, connection: kept"), more=more)
        .chains["main"]
        .steps
    }

    assert [True, False, False, True] == [
        steps["kept"].request.keeps_connection,
        steps["shown"].request.keeps_connection,
        steps["health"].request.keeps_connection,
        steps["asked"].token.request.keeps_connection,
    ]


def test_names_become_what_they_name(plan):
    """A step holds its service and its issuer, an imitation the issuer that it imitates."""
    built = plan()
    step, forged = built.chains["main"].step("messages"), built.issuers["forged"]

    assert isinstance(forged, ForgedIssuer)
    assert (built.services["backend"], built.issuers["local"], built.issuers["local"]) == (
        step.service,
        step.token,
        forged.like,
    )


def test_a_mint_step_is_at_the_service_that_its_issuer_asks(plan):
    """Nobody need write it twice."""
    built = plan()
    route = built.issuers["route"]

    assert isinstance(route, RouteIssuer)
    assert built.chains["main"].step("mint").service is route.request.service


def test_a_request_says_method_and_path(plan):
    """In capitals, as it is sent."""
    step = plan(("get: /health", "head: /health")).chains["main"].step("health")

    assert isinstance(step, HttpStep)
    assert ("HEAD", "/health", Shows.HEALTH) == (step.request.method, step.request.path, step.shows)


def test_a_short_expectation_is_a_whole_one(plan):
    """`refused` alone says all that is usual."""
    assert Expectation(want=Want.REFUSED) == plan().chains["main"].step("refuses").expect


def test_an_expectation_knows_the_tokens_user(plan):
    """`{subject}` is known before anything is sent; the judge compares plain values."""
    change = ("token: local, needs: [health]}", 'token: local, expect: {status: [200, 204], json: {id: "{subject}"}}}')
    expect = plan(change).chains["main"].step("messages").expect

    assert Expectation(statuses=(200, 204), json={"id": "tester-1"}) == expect


def test_claims_know_the_user_they_are_made_for(plan):
    """An imitation for another user speaks of that one."""
    built = plan(
        ("secret: jwt}", 'secret: jwt, claims: {email: "{email}"}}'),
        ("issuers:", "  other: {subject: other-1, email: other@example.com}\nissuers:"),
        ("like: local}", "like: local, identity: other}"),
    )
    forged = built.issuers["forged"]

    assert isinstance(forged, ForgedIssuer)
    assert ("other-1", {"email": "other@example.com"}) == (forged.like.identity.subject, forged.like.claims)


def test_an_expired_token_has_a_model_too(plan):
    """The right key, too late."""
    built = plan(("  none:", "  expired: {mint: expired, like: local}\n  none:"))

    assert (built.issuers["local"], True) == (built.issuers["expired"].like, isinstance(built.issuers["none"], NoToken))


@pytest.mark.parametrize(
    ("written", "ping", "pong"),
    [
        ("", '{"type":"ping"}', {"type": "pong"}),
        (", ping: hi, pong: {kind: pong}", "hi", {"kind": "pong"}),
        (", pong: ack", '{"type":"ping"}', {"type": "ack"}),
        (", ping: false", "", {"type": "pong"}),
    ],
)
def test_what_answers_a_ping_may_be_said(plan, written, ping, pong):
    """As a condition, as a type, or that there is no ping."""
    step = f"name: socket, probe: websocket, service: backend, path: /ws, token: local{written}"
    socket = plan(more=f"      - {{{step}}}\n").chains["main"].steps[LAST]

    assert (ping, pong) == (socket.ping, socket.pong)


def test_a_socket_is_built_with_all_it_says(plan):
    """And with the model's own defaults for the rest."""
    step = (
        "name: socket, probe: websocket, service: backend, path: /ws, token: local, carrier: subprotocol, "
        "welcome: {type: hello}, identity: user, grace: 1s, expect: {close: [1008, 4401]}, timeout: 8s"
    )
    socket = plan(more=f"      - {{{step}}}\n").chains["main"].steps[LAST]

    assert (
        Carrier.SUBPROTOCOL,
        {"type": "hello"},
        ("user",),
        1.0,
        (1008, 4401),
        8.0,
        ("jwt-auth", "jwt.{token:base64url}"),
    ) == (
        socket.carrier,
        socket.welcome,
        socket.identity_at,
        socket.grace_seconds,
        socket.expect.close_codes,
        socket.deadline_seconds,
        socket.subprotocols,
    )


def test_a_comparison_asks_everybody_but_ourselves(plan):
    """With POST for a proof, which is bound to the environment."""
    match = "{name: match, probe: secret_match, secret: jwt, method: proof, parties: {prober: {}, auth: {ask: /proof}}}"
    step = plan(more=f"      - {match}\n").chains["main"].steps[LAST]

    assert isinstance(step, SecretMatchStep)
    assert (Proof.KEYED, "staging", "auth", [None, "POST"]) == (
        step.method,
        step.environment,
        step.service.name,
        [party.request and party.request.method for party in step.parties],
    )


def test_a_plan_knows_secrets_by_reference_only(plan):
    """And the name of the one whose bearer may start runs."""
    built = plan(("services:", "trigger: {secret: service}\nservices:"))

    assert ({"jwt": "env:JWT_SECRET", "service": "env:SERVICE_SECRET"}, "service") == (
        built.secrets,
        built.admission.callers[0].secret,
    )


def test_who_may_ask_what(plan):
    """The one token that may everything, and others beside it."""
    written = "trigger:\n  secret: service\n  callers:\n    - {name: ci, secret: jwt}\n"
    written += "    - {name: ops, secret: jwt, may: [read, admin]}\n  per_minute: 2\n  burst: 1\n  reading: token\n"
    admission = plan(("services:", f"{written}services:")).admission

    assert [("trigger", set(Scope)), ("ci", {Scope.RUN}), ("ops", {Scope.READ, Scope.ADMIN})] == [
        (caller.name, caller.scopes) for caller in admission.callers
    ]
    assert (2, 1, False) == (admission.per_minute, admission.burst, admission.reads_are_open)


def test_without_a_trigger_nobody_may_ask(plan):
    """And everybody may read."""
    assert Admission() == plan().admission


def test_times_become_seconds(plan):
    """Interval, deadline, jitter, and the share that must pass."""
    chain = plan(
        ("    steps:", "    interval: 1m\n    deadline: 25s\n    jitter: 500ms\n    threshold: 99%\n    steps:")
    )

    assert (60.0, 25.0, 0.5, 0.99) == (
        chain.chains["main"].interval_seconds,
        chain.chains["main"].deadline_seconds,
        chain.chains["main"].jitter_seconds,
        chain.chains["main"].threshold,
    )


def test_receivers_are_told_of_all_unless_they_say_otherwise(plan):
    """Of every chain, and of pages and tickets."""
    told = "external_url: https://prober.example/\nnotify:\n  - {name: all, url: file:/run/all}\n"
    built = plan(more=f"{told}  - {{name: ops, url: env:OPS_URL, chains: main, severities: page}}\n")

    everything = Receiver(name="all", url="file:/run/all", severities=(Severity.PAGE, Severity.TICKET))
    pages = Receiver(name="ops", url="env:OPS_URL", chains=("main",), severities=(Severity.PAGE,))
    assert {"all": everything, "ops": pages} == built.receivers
    assert "https://prober.example" == built.external_url


def test_the_address_of_a_receiver_is_a_secret_beside_the_others(plan):
    """Under a name that no secret of `secrets:` can have."""
    built = plan(more="notify: [{name: jwt, url: env:OPS_URL}]\n")

    assert {"jwt": "env:JWT_SECRET", "service": "env:SERVICE_SECRET", "notify:jwt": "env:OPS_URL"} == built.references


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ("", None),
        ("heartbeat: {url: env:HEARTBEAT_URL}\n", Heartbeat(url="env:HEARTBEAT_URL")),
        ("heartbeat: {url: file:/run/beat, method: post}\n", Heartbeat(url="file:/run/beat", method="POST")),
    ],
)
def test_a_heartbeat_is_a_reference_among_the_secrets(more, expected, plan):
    """So that its address is looked up, and blotted out, as they are."""
    built = plan(more=more)

    assert expected == built.heartbeat
    assert built.references == {**built.secrets, **({"heartbeat:url": expected.url} if expected else {})}


def test_the_self_test_comes_every_ten_minutes_unless_written(plan):
    """In seconds."""
    assert (600.0, 60.0) == (plan().selftest_seconds, plan(more="selftest: {interval: 1m}\n").selftest_seconds)


def test_names_lead_to_the_open_internet_unless_written(plan):
    """A word stands for its networks; a network for itself."""
    assert NOT_BEYOND == plan().reach
    assert (
        Reach((*networks("private"), ip_network("127.0.0.2/32")))
        == plan(more="addresses: [private, 127.0.0.2]\n").reach
    )


def test_a_budget_is_twenty_a_second_unless_written(plan):
    """Of each host."""
    assert Load(requests_per_second=20.0, burst=60) == plan().load
    assert Load(requests_per_second=5.0, burst=10) == plan(more="budget: {requests_per_second: 5, burst: 10}\n").load


ASKED = ('url: "https://api.example"', 'url: "https://api.example", platform: {{{}}}')
STEP = "      - {name: configuration, probe: platform}\n"


def on(written):
    """The good file with the backend on a platform."""
    return (ASKED[0], ASKED[1].format(written))


def test_a_service_on_cloud_run_is_asked_at_google(plan):
    """What its role needs is looked for under the usual names, and no secret is asked about."""
    found = plan(on("cloud_run: projects/p/locations/l/services/s")).services["backend"].platform

    assert (PlatformKind.CLOUD_RUN, "projects/p/locations/l/services/s") == (found.kind, found.place)
    assert ("https://run.googleapis.com", "https://secretmanager.googleapis.com") == (found.api, found.secrets_api)
    assert (None, False) == (found.ca_file, found.asks_versions)
    assert (Thing.JWT_SECRET, Thing.SERVICE_ID, Thing.SERVICE_SECRET) == found.required
    assert ((Thing.BYPASS_KEY,), USUAL_NAMES) == (found.forbidden, found.names)


def test_a_deployment_is_asked_for_in_the_cluster_we_run_in(plan):
    """By the account that is mounted into our pod; who writes another address says whom to trust there."""
    found = plan(on("kubernetes: staging/backend")).services["backend"].platform
    other = plan(on('kubernetes: staging/backend, api: "https://k8s.example"')).services["backend"].platform

    assert ("https://kubernetes.default.svc", "/var/run/secrets/kubernetes.io/serviceaccount/ca.crt") == (
        found.api,
        found.ca_file,
    )
    assert ("https://k8s.example", None) == (other.api, other.ca_file)


def test_a_thing_without_a_name_is_not_asked_for(plan):
    """A service may do without; and what the config adds is asked for beside it."""
    written = "kubernetes: a/b, names: {service_id: [], jwt_secret: KEY}, requires: [A], forbids: B, port: 80"
    found = plan(on(written)).services["backend"].platform

    assert (Thing.JWT_SECRET, Thing.SERVICE_SECRET) == found.required
    assert (("KEY",), ("A",), ("B",), 80) == (found.names[Thing.JWT_SECRET], found.requires, found.forbids, found.port)


def test_a_step_asks_all_platforms_there_are(plan):
    """Or those of the services it names."""
    both = (
        on("kubernetes: a/b"),
        ('url: "https://auth.example"', 'url: "https://auth.example", platform: {kubernetes: a/c}'),
    )
    named = STEP.replace("platform}", "platform, services: backend}")

    assert ["auth", "backend"] == [each.name for each in plan(*both, more=STEP).chains["main"].steps[-1].services]
    assert ["backend"] == [each.name for each in plan(*both, more=named).chains["main"].steps[-1].services]


@pytest.mark.parametrize("written", ['cloud_run: ""', "", 'kubernetes: "${KUBERNETES:-}"'])
def test_where_nobody_can_be_asked_the_step_is_no_part_of_the_chain(plan, written):
    """So one file serves where there is a platform and where there is none."""
    found = plan(on(written), more=STEP)

    assert found.services["backend"].platform is None
    assert "configuration" not in [step.name for step in found.chains["main"].steps]


@pytest.mark.parametrize(
    "reference",
    [
        "gcp:projects/staging-1/secrets/JWT_SECRET",
        "gcp:projects/example.com:staging/secrets/jwt/versions/7",
        "gcp:projects/p/locations/europe-west1/secrets/jwt/versions/latest",
        "vault:secret/staging/auth#jwt_secret",
        "vault:kv/auth#jwt@3",
    ],
)
def test_a_manager_is_named_by_the_shape_of_its_places(reference):
    """That is all there is to be checked without asking it."""
    adapter = TypeAdapter(schema.Reference)

    assert reference == adapter.validate_python(reference)


@pytest.mark.parametrize(
    "reference",
    ["gcp:staging/jwt", "gcp:projects/p/secrets/s/versions/0", "vault:secret/auth", "vault:auth#k", "aws:x"],
)
def test_what_is_no_place_of_a_manager_is_complained_of(reference):
    """Before anybody is asked."""
    with pytest.raises(ValidationError):
        TypeAdapter(schema.Reference).validate_python(reference)


def test_chains_that_take_the_same_steps_share_them(plan):
    """What thousands of chains have in common is kept once; a step that differs in one word is another."""
    copies = "".join(
        f"  {name}:\n    steps:\n"
        f"      - {{name: open, probe: http, service: auth, get: /open}}\n"
        f"      - {{name: last, probe: http, service: auth, get: {path}, needs: [open]}}\n"
        for name, path in (("one", "/same"), ("two", "/same"), ("three", "/other"))
    )
    built = plan(more=copies).chains

    assert built["one"].steps is built["two"].steps
    assert built["one"].steps[0] is built["three"].steps[0]
    assert built["one"].steps[1] != built["three"].steps[1]
    assert "/other" == built["three"].steps[1].request.path
