"""The proof is bound to a key, a purpose and everything said, and shows nothing of the key."""

import pytest
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from prober.lab import proof

NONCE = proof.encoded(bytes(range(32)))


def test_the_derived_key_is_hkdf():
    """Our HKDF gives what another implementation of RFC 5869 gives."""
    known = HKDF(SHA256(), 32, salt=None, info=b"prober-secret-match").derive(b"secret" * 8)

    assert known == proof.derived_key("secret" * 8, "prober-secret-match")


def test_two_answers_are_never_the_same():
    """The service's own nonce makes each proof a new one."""
    answers = [proof.answer("s" * 48, "staging", "auth", NONCE, 0.0) for _ in range(2)]

    assert answers[0]["mac"] != answers[1]["mac"]


def test_an_answer_can_be_checked_with_the_key():
    """Who holds the key computes the same proof from what was said."""
    told = proof.answer("s" * 48, "staging", "auth", NONCE, 6_000.0)
    said = ("v1", "staging", "auth", "jwt", "prober-secret-match", NONCE, str(told["nonce"]), "100")

    assert proof.mac("s" * 48, said) == told["mac"]


@pytest.mark.parametrize("nonce", [None, 5, "", "short", NONCE + "AAAA", "+" * 43])
def test_a_nonce_is_32_bytes_of_base64url(nonce):
    """Anything else is no nonce."""
    assert not proof.is_nonce(nonce)


def test_padding_does_not_matter():
    """A nonce may come with its padding or without."""
    assert proof.is_nonce(NONCE)
    assert proof.is_nonce(NONCE + "=")


@pytest.mark.parametrize("change", [{"key_id": "other"}, {"purpose": "login"}, {"nonce": ""}])
def test_only_one_key_and_purpose_can_be_asked_for(change):
    """A proof for another purpose could be used elsewhere, so there is none."""
    asked = {"nonce": NONCE, "key_id": "jwt", "purpose": "prober-secret-match"}

    assert proof.is_wanted(asked)
    assert not proof.is_wanted(asked | change)
