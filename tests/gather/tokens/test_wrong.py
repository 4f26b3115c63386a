"""Tokens that must be refused differ from a good one in a single thing."""

import jwt
import pytest

from prober.gather.tokens import Minted, local, wrong
from prober.model.chain import ExpiredIssuer, ForgedIssuer, NoToken
from tests.gather.peers import LOCAL, NOON, SECRET, SUBJECT, USER, StillClock, kit

FORGED = ForgedIssuer(name="forged", identity=USER, like=LOCAL)
EXPIRED = ExpiredIssuer(name="expired", identity=USER, like=LOCAL)
NOW = int(NOON.timestamp())


async def _minted(issuer):
    async with kit(StillClock()) as tools:
        return await tools.mints.mint(issuer, tools.watch, "run-1")


def _claims(minted, *, verify):
    value = minted.token.secret.reveal()
    return jwt.decode(
        value, SECRET, ["HS256"], options={"verify_signature": verify, "verify_exp": False, "verify_iat": False}
    )


async def test_a_forged_token_does_not_verify():
    """Its key is not ours."""
    minted = await _minted(FORGED)

    with pytest.raises(jwt.InvalidSignatureError):
        _claims(minted, verify=True)


async def test_a_forged_token_says_all_that_a_good_one_says():
    """Subject, dates and names of claims are those of a good token: only the signature can give it away."""
    forged, good = await _minted(FORGED), await _minted(LOCAL)
    told, wanted = _claims(forged, verify=False), _claims(good, verify=False)

    assert told | {"jti": 0} == wanted | {"jti": 0}


async def test_no_forged_token_is_signed_like_another():
    """The forger's key is fresh each time."""
    signatures = {(await _minted(FORGED)).token.secret.reveal().rsplit(".", 1)[1] for _ in range(3)}

    assert len(signatures) == 3


async def test_the_library_does_not_look_at_a_key_of_the_forgers(monkeypatch):
    """Random letters are fit for HMAC; it looks at each key it has not seen for longer than signing takes."""
    monkeypatch.setattr(local, "_SIGNATURES", None)

    assert {"alg": "HS256", "typ": "JWT"} == (await _minted(FORGED)).token.traits.header


async def test_an_expired_token_verifies_and_ended_an_hour_ago():
    """Right key, right subject; issued two hours ago, and over for one."""
    claims = _claims(await _minted(EXPIRED), verify=True)

    assert (claims["sub"], claims["iat"], claims["exp"]) == (SUBJECT, NOW - 7200, NOW - 3600)


async def test_no_token_is_nothing_and_nothing_is_missing():
    """A step that is to go without a token may go."""
    minted = await _minted(NoToken(name="none", identity=USER))

    assert (minted, minted.missing) == (Minted(), None)


@pytest.mark.parametrize("issuer", [FORGED, EXPIRED])
async def test_a_wrong_token_carries_its_issuers_name(issuer):
    """Evidence tells a forged token from an expired and from a good one."""
    assert (await _minted(issuer)).token.traits.issuer == issuer.name


async def test_the_forgers_key_is_nowhere_near_ours(monkeypatch):
    """A near miss of a secret, in a target's log, would be most of it: the two have no six letters in common."""
    keys, signed = [], wrong.signed

    def noted(claims, key, *more):
        keys.append(key.reveal())
        return signed(claims, key, *more)

    monkeypatch.setattr(wrong, "signed", noted)
    for _ in range(50):
        await _minted(FORGED)

    assert [50, {len(SECRET)}] == [len(set(keys)), {len(key) for key in keys}]
    assert not any(SECRET[at : at + 6] in key for key in keys for at in range(len(SECRET) - 5))
