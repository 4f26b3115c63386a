"""Each bad token has one thing wrong."""

import base64
import hmac
import json

import pytest

from prober.gather.tokens import tampered
from prober.gather.tokens.tampered import OVERSIZED_BYTES, TAMPERINGS, WEAK_KEYS
from prober.model.chain import LocalIssuer, TamperedIssuer
from prober.model.controls import NOBODY, TAMPERED
from tests.gather.peers import NOON, SECRET, SUBJECT, USER, StillClock, kit

CLAIMS = {"iss": "auth-service", "aud": "platform", "token_type": "access"}
LIKE = LocalIssuer(name="local", identity=USER, secret="jwt", claims=CLAIMS)
NOW = int(NOON.timestamp())


async def minted(control):
    """A bad token, as it is sent."""
    issuer = TamperedIssuer(name=control, identity=USER, control=control, like=LIKE)
    async with kit(StillClock()) as tools:
        return (await tools.mints.mint(issuer, tools.watch, "run-1")).token


async def sent(control):
    """Its value."""
    return (await minted(control)).secret.reveal()


def decoded(part):
    """A part of a token, as bytes."""
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def claims(token):
    """What a token says."""
    return json.loads(decoded(token.split(".")[1]))


def header(token):
    """What its header says."""
    return json.loads(decoded(token.split(".")[0]))


def is_signed_by(token, key, digest="sha256"):
    """Whether the signature is by this key."""
    signed, _, signature = token.rpartition(".")
    return decoded(signature) == hmac.new(key.encode(), signed.encode(), digest).digest()


def test_the_table_makes_what_the_model_lists():
    """A control that the config allows can be made."""
    assert set(TAMPERED) == set(TAMPERINGS)


@pytest.mark.parametrize("control", TAMPERED)
async def test_every_bad_token_can_be_sent_and_is_fresh(control):
    """Visible ASCII in one line, never the same twice, and its traits name the issuer."""
    first, second = await minted(control), await minted(control)

    assert first.secret.reveal() != second.secret.reveal()
    assert first.secret.reveal().isascii()
    assert first.secret.reveal().isprintable()
    assert control == first.traits.issuer


#: What the claims say otherwise than a good token's.
WRONG_CLAIMS = {
    "expired-10s": {"exp": NOW - 10, "iat": NOW - 310},
    "expired-30s": {"exp": NOW - 30, "iat": NOW - 330},
    "expired-61s": {"exp": NOW - 61, "iat": NOW - 361},
    "expired-121s": {"exp": NOW - 121, "iat": NOW - 421},
    "nbf-future": {"nbf": NOW + 3600},
    "iat-future": {"iat": NOW + 3600},
    "exp-text": {"exp": f"in {NOW + 300}"},
    "exp-negative": {"exp": -1},
    "exp-huge": {"exp": 1e308, "sub": NOBODY},
    "exp-decade": {"exp": NOW + 10 * 365 * 86400, "sub": NOBODY},
    "iss-other": {"iss": "https://prober.invalid"},
    "iss-prefix": {"iss": "auth-servic"},
    "aud-other": {"aud": "https://prober.invalid"},
    "type-refresh": {"token_type": "refresh"},
    "subject-unknown": {"sub": NOBODY},
}
GOOD = {**CLAIMS, "sub": SUBJECT, "iat": NOW - 30, "exp": NOW + 300}


@pytest.mark.parametrize("control", WRONG_CLAIMS)
async def test_under_the_right_key_one_claim_is_wrong(control):
    """So that a refusal is about that claim."""
    token = await sent(control)
    said = claims(token)
    del said["jti"]

    assert ({**GOOD, **WRONG_CLAIMS[control]}, True) == (said, is_signed_by(token, SECRET))


@pytest.mark.parametrize(("control", "missing"), [("exp-missing", "exp"), ("aud-missing", "aud")])
async def test_under_the_right_key_one_claim_is_missing(control, missing):
    """The rest is there."""
    token = await sent(control)

    assert ({*GOOD, "jti"} - {missing}, True) == (set(claims(token)), is_signed_by(token, SECRET))


#: The key that signs, and what the header says beside `alg` and `typ`.
KEYS = {
    "key-empty": ("", {}),
    "kid-file": ("", {"kid": "../../../../../../../../dev/null"}),
    "kid-sql": ("prober-injected-key", {"kid": "none' UNION SELECT 'prober-injected-key' -- "}),
    "kid-command": ("prober-injected-key", {"kid": "none; printf prober-injected-key"}),
    "crit-unknown": (SECRET, {"crit": ["prober-unknown"], "prober-unknown": True}),
}


@pytest.mark.parametrize("control", KEYS)
async def test_a_token_under_a_key_that_a_verifier_must_not_use(control):
    """The claims are right: only the key can give it away."""
    token, (key, more) = await sent(control), KEYS[control]
    said = claims(token)
    del said["jti"]

    assert (GOOD, {"alg": "HS256", "typ": "JWT", **more}, True) == (said, header(token), is_signed_by(token, key))


@pytest.mark.parametrize(
    "control", ["forged-admin", "kid-unknown", "jku-foreign", "x5u-foreign", "jwk-embedded", "oversized"]
)
async def test_a_random_key_is_nobodys(control):
    """Neither ours nor empty nor weak."""
    token = await sent(control)

    assert not any(is_signed_by(token, key) for key in (SECRET, "", *WEAK_KEYS))


async def test_an_embedded_key_is_the_one_that_signs():
    """Who trusts it trusts everybody."""
    token = await sent("jwk-embedded")

    assert is_signed_by(token, decoded(header(token)["jwk"]["k"]).decode())


async def test_a_weak_key_is_one_of_the_list():
    """And the same for a whole run, so that a second look tries the same."""
    first, second = await sent("key-weak"), await sent("key-weak")
    (key,) = (key for key in WEAK_KEYS if is_signed_by(first, key))

    assert is_signed_by(second, key)


@pytest.mark.parametrize(
    ("control", "spelling"),
    [("alg-none", "none"), ("alg-none-title", "None"), ("alg-none-upper", "NONE"), ("alg-none-mixed", "nOnE")],
)
async def test_no_algorithm_is_no_signature(control, spelling):
    """The last part is empty."""
    token = await sent(control)

    assert (spelling, "") == (header(token)["alg"], token.split(".")[2])


@pytest.mark.parametrize(("control", "digest"), [("alg-hs384", "sha384"), ("alg-hs512", "sha512")])
async def test_another_algorithm_with_the_right_key(control, digest):
    """It would verify, if the verifier let the token choose."""
    assert is_signed_by(await sent(control), SECRET, digest)


@pytest.mark.parametrize(
    ("control", "shape"),
    [
        ("junk", [64]),
        ("junk-parts", [36, 128, 43]),
        ("signature-missing", [36, 0]),
        ("signature-empty", [36, 0, 0]),
        ("signature-cut", [36, 0, 35]),
        ("signature-longer", [36, 0, 51]),
        ("payload-changed", [36, 0, 43]),
    ],
)
async def test_the_parts_of_a_broken_token(control, shape):
    """Lengths in characters; the payload's is left out where there is a real one."""
    lengths = [len(part) for part in (await sent(control)).split(".")]

    assert shape == [0 if index == 1 and control != "junk-parts" else length for index, length in enumerate(lengths)]


async def test_a_changed_payload_has_the_signature_of_another():
    """It is no signature of its own."""
    token = await sent("payload-changed")

    assert (True, False) == (claims(token)["changed"], is_signed_by(token, SECRET))


async def test_a_claim_written_twice_says_two_things():
    """Which of them counts depends on the parser."""
    token = await sent("claims-twice")
    pairs = json.loads(decoded(token.split(".")[1]), object_pairs_hook=list)

    assert ([NOBODY, SUBJECT], True) == ([v for name, v in pairs if name == "sub"], is_signed_by(token, SECRET))


async def test_the_json_form_holds_a_good_signature_and_soon_ends():
    """Nothing blots this form out of a log, so it must be worthless there."""
    form = json.loads(await sent("jws-json"))
    token = f"{form['protected']}.{form['payload']}.{form['signature']}"

    assert (True, NOW + 10) == (is_signed_by(token, SECRET), claims(token)["exp"])


async def test_a_loose_signature_decodes_to_the_right_one():
    """It is written otherwise than an encoder would write it."""
    token = await sent("base64-loose")
    signature = token.rpartition(".")[2]
    canonical = base64.urlsafe_b64encode(decoded(signature)).decode().rstrip("=")

    assert (True, True) == (is_signed_by(token, SECRET), signature != canonical)


async def test_an_oversized_token_has_its_size():
    """Sixteen KiB, within a hundred bytes."""
    assert abs(len(await sent("oversized")) - OVERSIZED_BYTES) < 100


async def test_no_number_is_no_end():
    """JSON has no NaN, but parsers read it."""
    assert "NaN" in decoded((await sent("exp-nan")).split(".")[1]).decode()


@pytest.mark.parametrize("control", TAMPERED)
async def test_a_wrong_key_is_nowhere_near_ours(monkeypatch, control):
    """What is signed with another key than ours is signed with one that tells nothing of it."""
    keys, signature = [], tampered._signature

    def noted(signed, key, algorithm):
        keys.append(key)
        return signature(signed, key, algorithm)

    monkeypatch.setattr(tampered, "_signature", noted)
    await minted(control)
    wrong = [key for key in keys if key != SECRET]

    assert not any(SECRET[at : at + 6] in key for key in wrong for at in range(len(SECRET) - 5))
