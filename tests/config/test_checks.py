"""Rules that the files in `bad/` do not show from every side; each of those files is held to its exact complaint."""

import pytest

from prober.config.checks import check, door
from prober.config.tree import grow
from prober.config.view import view

MESSAGES = "get: /messages, token: local, needs: [health]"


@pytest.fixture
def findings(good):
    """What the checks say of the changed good file."""

    def judge(*changes: tuple[str, str], more: str = "") -> list[str]:
        return [finding.wrong for finding in check(view(grow(good(*changes, more=more), "good.yaml").value))]

    return judge


def test_the_good_file_is_good(findings):
    """The tests below change one thing each."""
    assert [] == findings()


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:8081", "http://[::1]:8081", "http://localhost", "http://a.localhost", "https://a.example"]
)
def test_a_token_may_go_unencrypted_to_this_machine_only(findings, url):
    """Loopback addresses cannot be overheard."""
    assert [] == findings(("https://api.example", url))


def test_a_token_may_go_unencrypted_by_leave(findings):
    """A cluster's own network may be trusted, if somebody says so."""
    assert [] == findings(('"https://api.example"', '"http://backend", allow_http: true'))


def test_an_open_socket_is_an_open_wire_too(findings):
    """Though requests are encrypted."""
    more = "      - {name: socket, probe: websocket, service: backend, path: /ws, token: local}\n"
    changes = ('"https://api.example"', '"https://api.example", websocket_url: "ws://api.example"')

    assert ["would carry tokens or secrets unencrypted"] == findings(changes, more=more)


def test_a_service_that_is_sent_nothing_worth_stealing_may_be_asked_openly(findings):
    """A health route needs no secret."""
    more = "      - {name: up, probe: http, service: other, get: /health}\n"

    assert [] == findings(
        ("identities:", '  other: {role: other, url: "http://other.example"}\nidentities:'), more=more
    )


def test_the_bypass_route_may_send_a_header_that_speaks_of_tests(findings):
    """It is what the route asks for; only steps with a good token must not."""
    assert [] == findings(("post: /mint,", 'post: /mint, headers: {X-E2E-Bypass-Key: "{secret:service}"},'))


def test_two_circles_are_two_complaints(findings):
    """Cutting one must not hide the other."""
    more = "".join(f"      - {{name: t{n}, probe: tcp, service: auth, after: t{n ^ 1}}}\n" for n in range(4))

    assert ["waits for itself: t0 → t1 → t0", "waits for itself: t2 → t3 → t2"] == sorted(findings(more=more))


def test_too_many_steps_are_too_many(findings):
    """2,000 in all chains together; and nobody wants all of them within half a minute."""
    more = "".join(f"      - {{name: t{n}, probe: tcp, service: auth}}\n" for n in range(1997))

    assert {"have 2001 steps together", "is less than the schedule alone asks of auth: 66.6 a second"} == set(
        findings(more=more)
    )


def test_a_control_without_a_token_stands_beside_a_good_token_too(findings):
    """A step that sends no token at all may be a control."""
    more = "      - {name: anyone, probe: http, service: backend, get: /messages, expect: refused}\n"

    assert [] == findings(more=more)


def test_wrong_credentials_may_be_refused_with_a_good_token(findings):
    """There it is not the token that is tried."""
    step = "probe: service_credentials, service: auth, post: /validate, token: local, needs: [mint]"
    more = f"      - {{name: known, {step}}}\n      - {{name: unknown, {step}, expect: refused}}\n"

    assert [] == findings(more=more)


def test_a_subprotocol_without_the_token_never_sends_it(findings):
    """The carrier alone is no place."""
    socket = "probe: websocket, service: backend, path: /ws, token: local, carrier: subprotocol"
    more = f"      - {{name: one, {socket}}}\n      - {{name: two, {socket}, subprotocols: jwt-auth}}\n"

    assert ["is never sent"] == findings(more=more)


@pytest.mark.parametrize(
    ("step", "wrong"),
    [
        ('headers: {X-A: "{secret:service}"}, subprotocols: "{secret:service}"', ["cannot stand here"]),
        ("welcome: {a..: b}", ["is not JMESPath"]),
        ("identity: [user_id, a.., max(b)]", ["is not JMESPath"]),
    ],
)
def test_a_socket_is_read_to_the_last_of_its_texts(findings, step, wrong):
    """Subprotocols come back from the server, expressions are looked up in frames."""
    more = f"      - {{name: socket, probe: websocket, service: backend, path: /ws, token: local, {step}}}\n"

    assert wrong == findings(more=more)


def test_every_expression_is_read(findings):
    """In services, in issuers, and where secrets are compared; a header's name is no expression."""
    wrong = findings(
        ('url: "https://auth.example"', 'url: "https://auth.example", tells: {version: ["header:x-v", a..]}'),
        ("post: /mint,", "post: /mint, token_at: b..,"),
        more="      - {name: match, probe: secret_match, secret: jwt, method: hash, "
        'parties: {prober: {}, auth: {ask: /proof, hash: c.., headers: {X-A: "{token}"}}}}\n',
    )

    assert ["cannot stand here", *["is not JMESPath"] * 3] == wrong


def test_a_form_knows_the_same_door_as_the_step_built_from_it(document, plan):
    """The check of the controls and the judge's own pairing must agree."""
    more = (
        "      - {name: socket, probe: websocket, service: backend, path: /ws, token: local}\n"
        "      - {name: valid, probe: validate, service: auth, post: /validate, token: local}\n"
        "      - {name: stream, probe: stream, service: auth, post: /stream, token: local}\n"
    )
    forms = {step.name: door(step) for step in document(more=more).chains["main"].steps if step.probe != "mint"}

    assert {step.name: step.door for step in plan(more=more).chains["main"].steps if step.kind != "mint"} == forms


FORGED = ("issuers:\n", "issuers:\n  bad: {mint: forged, like: local}\n")


@pytest.mark.parametrize("name", ["production", "Prod", "prod-eu", "eu_live", "acme.prd.2"])
def test_whatever_is_called_production_is_production(findings, name):
    """A region beside the word makes it nothing else: no token is forged there."""
    assert "forges tokens in production" in findings(FORGED, ("environment: staging", f"environment: {name}"))


@pytest.mark.parametrize("name", ["staging", "pre-production", "preprod", "non-prod", "delivery", "product-team"])
def test_what_is_not_called_production_is_not(findings, name):
    """A word that holds the word, or takes it back, is another."""
    assert "forges tokens in production" not in findings(FORGED, ("environment: staging", f"environment: {name}"))


def test_a_key_for_tests_is_sent_nowhere_in_production(findings):
    """Not by a step of its own either, whatever it calls the header."""
    production, key = (
        ("environment: staging", "environment: production"),
        ("  jwt: env:", "  bypass: env:KEY\n  jwt: env:"),
    )
    more = '      - {name: up, probe: http, service: auth, get: /health, headers: {X-Key: "{secret:bypass}"}}\n'

    assert "sends a key for tests in production" in findings(production, key, more=more)
    assert "sends a key for tests in production" not in findings(key, more=more)
