"""Tokens we mint ourselves."""

from dataclasses import replace

import jwt
import pytest

from prober.gather.tokens.local import current_claims, signed
from prober.gather.tokens.traits import traits
from prober.model.errors import SecretUnavailable
from prober.model.secret import Redactor, Secret
from tests.gather.peers import LOCAL, NOON, SECRET, SUBJECT, USER, StillClock, kit

NOW = int(NOON.timestamp())


async def _minted(issuer, **secrets):
    async with kit(StillClock(), **secrets) as tools:
        minted = await tools.mints.mint(issuer, tools.watch, "run-1")
    return minted.token


def _claims(token, key=SECRET, algorithms=("HS256",)):
    options = {"verify_exp": False, "verify_iat": False, "verify_aud": False}
    return jwt.decode(token.secret.reveal(), key, algorithms, options=options)


async def test_a_token_is_dated_back_and_short_lived():
    """A verifier without leeway refuses an `iat` even a second ahead; `exp` counts from now, not from `iat`."""
    claims = _claims(await _minted(replace(LOCAL, backdate_seconds=30.0, lifetime_seconds=300.0)))

    assert (claims["sub"], claims["iat"], claims["exp"]) == (SUBJECT, NOW - 30, NOW + 300)


@pytest.mark.parametrize("algorithm", ["HS256", "HS384", "HS512"])
@pytest.mark.parametrize("key_id", [None, "k/1"])
def test_a_key_that_the_library_has_seen_signs_as_the_library_does(algorithm, key_id):
    """To the letter; it looks at a key for longer than it takes to sign."""
    value = SECRET * 4  # the library would warn of a shorter one
    like, key = replace(LOCAL, algorithm=algorithm, key_id=key_id), Secret("jwt", value)
    claims = current_claims(like, USER, NOON)
    first, second = (signed(claims, key, like, "local", Redactor()).secret.reveal() for _ in range(2))
    by_library = jwt.encode(claims, value, algorithm, {"kid": key_id} if key_id else None)

    assert (by_library, by_library) == (first, second)


@pytest.mark.parametrize("key_id", [None, "k/1", f"of {SECRET}"])
@pytest.mark.parametrize("told", ["plain", f"my {SECRET}", "ü\u2028\\", ["a", {"b": 1}], 1e300, None, True])
def test_what_is_told_of_a_token_of_ours_is_what_it_says(key_id, told):
    """As whoever reads it finds out, without reading it again: also of what a config wants it to claim."""
    like, key = replace(LOCAL, claims={"told": told}, key_id=key_id), Secret("jwt", SECRET)
    redact = Redactor([key])
    token = signed(current_claims(like, USER, NOON), key, like, "local", redact)

    assert traits(token.secret.reveal(), "local", redact) == token.traits


def test_a_key_that_is_none_for_hmac_is_refused_each_time():
    """Whatever it looks like the second time; one of RSA is no word that two parties share."""
    key = Secret("jwt", "-----BEGIN PUBLIC KEY-----\nMIIBIjANBgkqhkiG9w0BAQ\n-----END PUBLIC KEY-----\n")
    for _ in range(2):
        with pytest.raises(SecretUnavailable, match="cannot sign with it by HS256"):
            signed(current_claims(LOCAL, USER, NOON), key, LOCAL, "local", Redactor())


async def test_no_two_tokens_are_the_same():
    """Verifiers cache their verdict per token: each has a `jti` of its own."""
    tokens = [await _minted(LOCAL) for _ in range(3)]

    assert len({_claims(token)["jti"] for token in tokens}) == 3


def test_configured_claims_are_merged_and_filled_in():
    """Texts may name the test user; other values stay as they are."""
    configured = {"email": "{email}", "who": "user {subject}", "permissions": ["read"], "n": 1}
    claims = current_claims(replace(LOCAL, claims=configured), USER, NOON)

    assert {name: claims[name] for name in configured} == {
        "email": USER.email,
        "who": f"user {SUBJECT}",
        "permissions": ["read"],
        "n": 1,
    }


@pytest.mark.parametrize("name", ["sub", "iat", "exp", "jti"])
def test_a_config_cannot_mint_for_others_or_for_longer(name):
    """What makes a token harmless cannot be configured away."""
    claims = current_claims(replace(LOCAL, claims={name: "admin"}), USER, NOON)

    assert claims[name] != "admin"


@pytest.mark.parametrize("algorithm", ["HS256", "HS384", "HS512"])
async def test_a_token_says_how_it_was_signed_and_by_which_key(algorithm):
    """`alg` and `kid` stand in the header, and the signature holds."""
    token = await _minted(replace(LOCAL, algorithm=algorithm, key_id="k2"), jwt=SECRET * 2)
    header = jwt.get_unverified_header(token.secret.reveal())

    assert (header, bool(_claims(token, SECRET * 2, [algorithm]))) == (
        {"alg": algorithm, "kid": "k2", "typ": "JWT"},
        True,
    )


async def test_a_short_key_signs_without_a_warning():
    """The services' own key may be short; tests run with warnings as errors."""
    token = await _minted(LOCAL, jwt="six123")

    assert token.traits.algorithm == "HS256"


@pytest.mark.parametrize("algorithm", ["RS256", "ES256", "EdDSA", "none", "XX999"])
async def test_a_key_that_does_not_fit_the_algorithm_is_our_own_fault(algorithm):
    """The complaint names secret, issuer and algorithm, and quotes no key."""
    with pytest.raises(SecretUnavailable) as refused:
        await _minted(replace(LOCAL, algorithm=algorithm))

    assert str(refused.value) == f"secret 'jwt' (issuer local): cannot sign with it by {algorithm}"


async def test_a_missing_key_is_our_own_fault():
    """Without our copy there is no token, and the error says where it was looked for."""
    with pytest.raises(SecretUnavailable, match="no reference"):
        await _minted(replace(LOCAL, secret="other"))


async def test_a_tokens_traits_tell_who_made_it():
    """The issuer's configured name and the subject are part of the traits."""
    traits = (await _minted(LOCAL)).traits

    assert (traits.issuer, traits.subject, traits.lifetime_seconds) == ("local", SUBJECT, 330.0)
