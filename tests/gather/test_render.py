import base64
import json
from urllib.parse import parse_qs

import pytest

from prober.gather.render import Blanks, Fill, outgoing, own_headers
from prober.gather.token import Token
from prober.model.chain import Identity, Request
from prober.model.errors import SecretUnavailable
from prober.model.secret import Secret
from prober.model.trace import span_id
from tests.builders import BACKEND, traits
from tests.gather.peers import SECRET, keyring

VALUE = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ1In0.c2ln"
TOKEN = Token(Secret("token", VALUE), traits())
WRAPPED = base64.urlsafe_b64encode(VALUE.encode()).decode().rstrip("=")
USER = Identity(name="user", subject="user-001", email="a+b@staging.test")


def fill(token=TOKEN, identity=USER):
    """What fills in for a user with a token."""
    return Fill(keyring(), identity, token)


def ask(**more):
    """A request with sane defaults."""
    return Request(**{"service": BACKEND, "method": "GET", "path": "/api"} | more)


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("nothing to fill", "nothing to fill"),
        ("Bearer {token}", f"Bearer {VALUE}"),
        ("jwt.{token:base64url}", f"jwt.{WRAPPED}"),
        ("{subject} {email}", "user-001 a+b@staging.test"),
        ("{secret:jwt}", SECRET),
        ('{"type":"ping"} {other} {}', '{"type":"ping"} {other} {}'),
    ],
)
def test_placeholders_are_filled_and_other_braces_stay(template, expected):
    """JSON in a template is no template."""
    assert expected == fill().text(template)


def test_base64url_has_no_padding():
    """A `=` is no token character, so a subprotocol could not carry it (RFC 9110 §5.6.2)."""
    assert "=" not in fill(Token(Secret("token", "a"), traits())).text("{token:base64url}")


def test_what_a_value_holds_is_not_filled_again():
    """A target that mints `{secret:jwt}` as a token does not get our key."""
    sly = Token(Secret("token", "{secret:jwt}"), traits())

    assert "{secret:jwt} user-001" == fill(sly).text("{token} {subject}")


def test_without_token_and_identity_theirs_come_out_empty():
    """No token at all is a value too: a validator is asked about the empty one."""
    assert "[] []" == fill(token=None, identity=None).text("[{token}] [{email}]")


def test_a_missing_secret_is_said():
    """What is not there is not filled in by nothing."""
    with pytest.raises(SecretUnavailable):
        fill().text("{secret:other}")


def test_every_string_in_a_tree_is_filled():
    """Strings at any depth; numbers, nulls and names as they are."""
    tree = {"token": "{token}", "deep": [{"{email}": "{email}"}, 1, None, True]}

    assert {"token": VALUE, "deep": [{"{email}": USER.email}, 1, None, True]} == fill().tree(tree)


def test_a_request_is_filled_in():
    """Address, method, body, trust, and what a body is."""
    request = ask(method="POST", path="/auth/validate", json={"token": "{token}", "token_type": "access"})

    out = outgoing(request, fill(), run_id="run-1", stream=True)

    assert ("POST", "http://backend.test/auth/validate", None, True) == (out.method, out.url, out.ca_file, out.stream)
    assert {"token": VALUE, "token_type": "access"} == json.loads(out.body)
    assert {"X-Probe-Run": "run-1", "Content-Type": "application/json"} == out.headers


def test_a_targets_trace_is_found_by_the_run():
    """The id of the run is the id of the trace, and its first half that of the span."""
    run_id = "0123456789abcdef0123456789abcdef"

    assert {"X-Probe-Run": run_id, "traceparent": f"00-{run_id}-{span_id(run_id, 'mint')}-01"} == own_headers(
        run_id, "mint"
    )
    assert {"X-Probe-Run": "by hand"} == own_headers("by hand")


def test_a_form_is_sent_as_a_form():
    """OAuth's endpoints want `a=b&c=d` and its content type; a token in it is sent there and not as a bearer too."""
    request = ask(method="POST", path="/introspect", form={"token": "{token}", "hint": "a&b"})

    out = outgoing(request, fill(), run_id="run-1", bearer=True)

    assert {"token": [VALUE], "hint": ["a&b"]} == parse_qs(out.body.decode())
    assert {"X-Probe-Run": "run-1", "Content-Type": "application/x-www-form-urlencoded"} == out.headers


@pytest.mark.parametrize("keeps", [True, False])
def test_a_connection_is_kept_where_the_request_says_so(keeps):
    """And nowhere else."""
    assert keeps is outgoing(ask(keeps_connection=keeps), fill(), run_id="run-1").keep


def test_values_in_a_path_are_percent_encoded():
    """A `+` in an address is not a space."""
    out = outgoing(ask(path="/users/{subject}?email={email}&x=1"), fill(), run_id="run-1")

    assert "http://backend.test/users/user-001?email=a%2Bb%40staging.test&x=1" == out.url


def test_a_token_travels_as_a_bearer():
    """The ordinary way, when the request says nothing else."""
    out = outgoing(ask(), fill(), run_id="run-1", bearer=True)

    assert f"Bearer {VALUE}" == out.headers["Authorization"]
    assert out.body is None


def test_a_request_tells_which_token_it_holds():
    """So that it is blotted out of the answer, whoever put the request together; what is only shown holds none."""
    shown = outgoing(ask(), Blanks(USER, has_token=True), run_id="run-1", bearer=True)

    assert TOKEN.secret is outgoing(ask(), fill(), run_id="run-1").token
    assert (None, None) == (shown.token, outgoing(ask(), fill(token=None), run_id="run-1").token)


@pytest.mark.parametrize(
    "more",
    [
        {"path": "/ws?token={token}"},
        {"headers": {"X-Token": "{token}"}},
        {"headers": {"X-Token": "jwt.{token:base64url}"}},
        {"json": {"deep": [{"token": "{token}"}]}},
    ],
    ids=["path", "header", "wrapped", "body"],
)
def test_a_request_that_places_the_token_itself_gets_no_bearer(more):
    """Two ways at once would leave open which of them was accepted."""
    out = outgoing(ask(**more), fill(), run_id="run-1", bearer=True)

    assert "Authorization" not in out.headers


def test_a_header_of_the_request_wins_in_any_case():
    """What the config says is sent once, and ours of that name is not."""
    out = outgoing(ask(headers={"authorization": "Basic eA=="}), fill(), run_id="run-1", bearer=True)

    assert {"X-Probe-Run": "run-1", "authorization": "Basic eA=="} == out.headers


def test_without_a_token_its_header_is_left_out():
    """`Bearer` and nothing behind it is not the same as no header."""
    request = ask(headers={"Authorization": "Bearer {token}", "X-Service-ID": "backend"})

    out = outgoing(request, fill(token=None), run_id="run-1")

    assert {"X-Probe-Run": "run-1", "X-Service-ID": "backend"} == out.headers


def test_none_of_our_own_headers_opens_a_door():
    """Some backends switch auth off for a header whose name holds `test` or `e2e`."""
    names = " ".join(own_headers("run-1")).lower()

    assert "test" not in names
    assert "e2e" not in names


def test_random_is_fresh_each_time_it_is_filled_in():
    """Forty-three visible characters, such as a secret may have."""
    first, second = fill().text("{random} {random}").split()

    assert (43, 43) == (len(first), len(second))
    assert first != second
