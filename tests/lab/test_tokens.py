"""A token holds if its signature and each of its claims do, to the second."""

import jwt
import pytest

from prober.lab.tokens import Rules, check, mint

NOW = 1_800_000_000.0
RULES = Rules("k" * 48, "netra-auth-service")
GOOD = {
    "sub": "someone",
    "iat": NOW,
    "exp": NOW + 1,
    "jti": "1",
    "iss": "netra-auth-service",
    "token_type": "access",
}


def signed(claims, key=RULES.secret, **more):
    return jwt.encode(claims, key, "HS256", **more)


def test_a_minted_token_holds():
    """What is minted under some rules holds under them."""
    claims = check(mint("someone", "a@b", RULES, NOW), RULES, NOW)

    assert claims is not None
    assert claims["sub"] == "someone"


def test_a_minted_token_has_the_shape_of_the_reports():
    """Its length, dots and prefix are those the reports show."""
    token = mint("staging-e2e-user-001", "staging-e2e-user-001@staging.example", RULES, NOW)

    assert 370 <= len(token) <= 500
    assert token.count(".") == 2
    assert token.startswith("eyJhbGciOiJI")


def test_no_two_minted_tokens_are_the_same():
    """Each token has a `jti` of its own."""
    assert mint("a", "", RULES, NOW) != mint("a", "", RULES, NOW)


@pytest.mark.parametrize(
    "change",
    [
        {"exp": NOW - 1},
        {"exp": NOW},
        {"exp": None},
        {"exp": str(NOW + 60)},
        {"exp": float("nan")},
        {"exp": True},
        {"iat": NOW + 1},
        {"iat": NOW - 86_401},
        {"iat": None},
        {"nbf": NOW + 1},
        {"sub": ""},
        {"sub": 7},
        {"jti": None},
        {"iss": "netra-auth-service-v2"},
        {"token_type": "refresh"},
        {"token_type": None},
        {"aud": "elsewhere"},
        {"aud": ["elsewhere", "netra-platform"]},
    ],
    ids=str,
)
def test_a_claim_that_is_off_makes_it_fail(change):
    """There is no leeway and no guessing: one wrong claim and the token does not hold."""
    claims = {name: value for name, value in (GOOD | change).items() if value is not None}

    assert check(signed(claims), RULES, NOW) is None


def test_the_base_of_that_table_holds():
    """Without a change the claims of the table above hold, with any of the known audiences too."""
    assert check(signed(GOOD), RULES, NOW) is not None
    assert check(signed(GOOD | {"aud": "netra-backend"}), RULES, NOW) is not None


@pytest.mark.parametrize(
    "token",
    [
        "",
        "junk",
        "a.b.c",
        signed(GOOD, "x" * 48),
        signed(GOOD)[:-4],
        signed(GOOD).rpartition(".")[0] + ".",
        jwt.encode(GOOD, None, "none"),
        jwt.encode(GOOD, RULES.secret + "k" * 16, "HS512"),
        signed(GOOD, headers={"crit": ["b64"], "b64": False}),
        jwt.api_jws.PyJWS().encode(b"[]", RULES.secret, "HS256"),
    ],
)
def test_a_token_that_is_none_or_not_ours_fails(token):
    """Junk, other keys, other algorithms and broken signatures never hold."""
    assert check(token, RULES, NOW) is None


def test_unchecked_means_unchecked():
    """With its check switched off, a wrong signature or an old date is let through."""
    lax = Rules(RULES.secret, RULES.issuer, check_signature=False, check_expiry=False)

    assert check(signed(GOOD | {"exp": NOW - 9}, "x" * 48), lax, NOW) is not None


def test_while_the_key_is_rotated_a_token_of_either_holds():
    """Of no third one; and what is minted is signed with the key itself."""
    rules = Rules("n" * 48, "netra-auth-service", also=(RULES.secret,))

    held = [check(signed(GOOD, key), rules, NOW) is not None for key in ("n" * 48, RULES.secret, "t" * 48)]
    assert [True, True, False] == held
    assert check(mint("someone", "", rules, NOW), RULES, NOW) is None
