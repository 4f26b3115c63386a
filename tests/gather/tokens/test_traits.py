"""The shape of a token, told without verifying it."""

import base64
import json

import jwt
import pytest

from prober.gather.tokens.traits import has_bearer_prefix, traits
from prober.model.token import TokenTraits
from tests.gather.peers import SECRET, SUBJECT


def _as_it_is(text):
    return text


def _part(document):
    return base64.urlsafe_b64encode(json.dumps(document, separators=(",", ":")).encode()).rstrip(b"=").decode()


def _token(header=None, claims=None):
    return f"{_part(header or {'alg': 'HS256', 'typ': 'JWT'})}.{_part(claims or {})}.c2ln"


def test_a_tokens_shape_is_told():
    """Length, dots, prefix, header, names of claims, lifetime and subject; nothing else of it."""
    token = jwt.encode({"sub": SUBJECT, "iat": 1000, "exp": 1330}, SECRET, headers={"kid": "k1"})

    assert traits(token, "local", _as_it_is) == TokenTraits(
        length=len(token),
        dots=2,
        prefix="eyJhbGciOiJI",
        has_bearer_prefix=False,
        algorithm="HS256",
        key_id="k1",
        claims=("exp", "iat", "sub"),
        lifetime_seconds=330.0,
        issuer="local",
        subject=SUBJECT,
        header={"alg": "HS256", "kid": "k1", "typ": "JWT"},
        payload={"exp": 1330, "iat": 1000, "sub": SUBJECT},
    )


@pytest.mark.parametrize(("prefix", "expected"), [("", False), ("Bearer ", True), ("bearer ", True), ("Bearer", False)])
def test_a_bearer_prefix_inside_the_token_is_noticed(prefix, expected):
    """A token that brings its own `Bearer ` would have it twice in the header."""
    assert has_bearer_prefix(prefix + _token()) is expected


def test_a_token_behind_a_bearer_prefix_is_read_all_the_same():
    """The prefix counts in the length, and is no part of what is decoded."""
    token = f"Bearer {_token(claims={'sub': SUBJECT})}"
    seen = traits(token, "auth", _as_it_is)

    assert (seen.length, seen.prefix, seen.subject) == (len(token), "eyJhbGciOiJI", SUBJECT)


@pytest.mark.parametrize(
    "token",
    [
        "",
        ".",
        "...",
        "opaque-session-token",
        "eyJ",
        "eyJ.eyJ.eyJ",
        "é.é.é",
        f"{_part([1])}.{_part('x')}.c2ln",
        "%%%.%%%",
    ],
)
def test_garbage_has_traits_too(token):
    """Whatever a route gives as a token has a length; the start of what is no JWT is not shown."""
    seen = traits(token, "auth", _as_it_is)

    assert (seen.length, seen.prefix, seen.claims, seen.subject) == (len(token), "", (), None)


def test_endless_nesting_in_a_token_is_garbage():
    """A parser driven to its depth gives no claims, and no exception."""
    deep = base64.urlsafe_b64encode(b"[" * 100_000).decode()

    assert traits(f"{deep}.{deep}.x", "auth", _as_it_is).claims == ()


@pytest.mark.parametrize("exp", ["soon", None, True, 1e300, 10**400, [1]])
def test_a_time_that_is_no_time_gives_no_lifetime(exp):
    """`exp` and `iat` count only when they are numbers of a sane size."""
    assert traits(_token(claims={"iat": 1, "exp": exp}), "auth", _as_it_is).lifetime_seconds is None


def test_what_a_stranger_wrote_into_a_token_is_redacted_and_bounded():
    """A claim's name, a key id or a subject may quote a secret, or be endless."""
    token = _token({"alg": SECRET, "kid": SECRET * 9}, {"sub": f"is {SECRET}", f"a{SECRET}": 1, "b" * 999: 1})
    seen = traits(token, "auth", lambda text: text.replace(SECRET, "[jwt]"))

    assert (seen.algorithm, seen.subject, seen.claims) == ("[jwt]", "is [jwt]", ("a[jwt]", "b" * 64, "sub"))


def test_what_a_claim_holds_is_redacted_and_bounded_too():
    """At any depth, by whatever name; and no number that JSON does not know."""
    claims = {
        "a": [{"deep": SECRET}],
        "b": "x" * 999,
        "c": float("nan"),
        "d": 10**400,
        "e": True,
        "f": "\u202e\x1b",
        SECRET: 1,
    }
    seen = traits(_token(claims=claims), "auth", lambda text: text.replace(SECRET, "[jwt]"))

    assert seen.payload == {
        "[jwt]": 1,
        "a": '[{"deep": "[jwt]"}]',
        "b": "x" * 256,
        "c": "NaN",
        "d": f"1{'0' * 255}",
        "e": True,
        "f": "��",
    }


def test_the_signature_is_in_no_trait():
    """Whoever reads what a token says must not be able to use it."""
    token = jwt.encode({"sub": SUBJECT, "exp": 1330}, SECRET)
    signature = token.rpartition(".")[2]

    assert signature not in repr(traits(token, "local", _as_it_is))


def test_at_most_64_claims_are_named():
    """An endless list of claims does not end in the evidence."""
    token = _token(claims={f"c{number}": 1 for number in range(999)})

    assert len(traits(token, "auth", _as_it_is).claims) == 64
