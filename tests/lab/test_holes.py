"""The holes of the lab; that the controls find them is shown in tests/controls."""

import time

import jwt
import pytest

from prober.lab.holes import HOLES, claims_by_hole, is_sound, lets_in
from prober.lab.tokens import Rules, check, mint

KEY = "k" * 48
RULES = Rules(KEY, "issuer")


def test_a_good_token_is_sound_and_needs_no_hole():
    """The strict rules let it in."""
    token = mint("user", "u@example.com", RULES, time.time())

    assert is_sound(token)
    assert check(token, RULES, time.time())


@pytest.mark.parametrize("token", ["", ".", "..", "a.b.c", "{}", "é.é.é", "x" * 20_000])
def test_garbage_is_refused_with_every_claim_checked(token):
    """None of the parsers falls over."""
    assert check(token, RULES, time.time()) is None


@pytest.mark.parametrize("token", ["", ".", "..", "a.b.c", "{}", "é.é.é", "x" * 20_000, "[1].[2].[3]"])
def test_garbage_brings_no_hole_down(token):
    """With all of them open it is taken for somebody, or for nobody; there is no exception."""
    assert claims_by_hole(token, KEY, HOLES, {"sub": "anyone"}) in ({"sub": "anyone"}, None)


def test_without_a_hole_nothing_is_let_through():
    """A forged token has no claims."""
    forged = jwt.encode({"sub": "user"}, "f" * 48, "HS256")

    assert claims_by_hole(forged, KEY, (), {}) is None


def test_without_a_hole_no_header_lets_in():
    """Not even the ones that holes look for."""
    headers = {"authorization": "Basic eA==", "x-forwarded-user": "admin"}

    assert (False, True) == (lets_in(headers, ()), lets_in(headers, ("headers_trusted",)))
