"""Defaults that hang on other parts of the file."""

MESSAGES = "get: /messages, token: local, needs: [health]"


def test_sockets_are_where_requests_go(document):
    """With https becomes wss, and with http ws."""
    services = document(("https://api.example", "http://api.example/base")).services

    assert ["wss://auth.example", "ws://api.example/base"] == [each.websocket_url for each in services.values()]


def test_an_issuer_mints_for_the_first_user_and_an_imitation_for_its_models(document):
    """Unless another is named."""
    issuers = document(
        ("issuers:", "  other: {subject: other-1, email: o@example.com}\nissuers:"),
        ("local: {", "local: {identity: other, "),
    ).issuers

    assert {"local": "other", "route": "tester", "forged": "other", "none": "tester"} == {
        name: issuer.identity for name, issuer in issuers.items()
    }


def test_a_token_without_another_place_travels_as_the_bearer(document):
    """And nothing does where there is no token to send."""
    other = "  - {name: other, probe: http, service: backend, get: /other, token: none, expect: refused}\n"
    steps = document(more=f"    {other}").chains["main"].steps

    assert [{}, {"Authorization": "Bearer {token}"}, {"Authorization": "Bearer {token}"}, {}] == [
        step.headers for step in steps if step.probe == "http"
    ]


def test_a_token_with_a_place_travels_there_only(document):
    """A header or the JSON body."""
    step = document((MESSAGES, 'post: /messages, token: local, json: {jwt: "{token}"}')).chains["main"].steps[2]

    assert {} == step.headers


def test_a_chain_has_no_longer_than_its_interval(document):
    """Nor a step longer than its chain."""
    chain = document(("    steps:", "    interval: 6s\n    deadline: 3s\n    steps:")).chains["main"]
    short = document(("    steps:", "    interval: 6s\n    steps:")).chains["main"]

    assert (3.0, 3.0, 6.0, 5.0) == (chain.deadline, chain.steps[0].timeout, short.deadline, short.steps[0].timeout)


def test_a_party_is_asked_at_the_service_of_its_name(document):
    """We ourselves are not asked."""
    match = "{name: match, probe: secret_match, secret: jwt, method: proof, parties: {prober: {}, auth: {ask: /proof}}}"
    parties = document(more=f"      - {match}\n").chains["main"].steps[-1].parties

    assert {"prober": None, "auth": "auth"} == {name: party.service for name, party in parties.items()}
