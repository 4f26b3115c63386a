"""The usual ways to write a secret down."""

import base64
import hashlib
import json
from html import escape
from urllib.parse import quote

import pytest

from prober.model.forms import encoded, forms

VALUE = 'Zk3-v9Qp_7/Lw2"Xs8&Rt5+Yb1'
RAW = VALUE.encode()


@pytest.mark.parametrize(
    "written",
    [
        VALUE,
        json.dumps(VALUE)[1:-1],
        escape(VALUE),
        quote(VALUE, safe=""),
        RAW.hex(),
        base64.b64encode(RAW).decode().rstrip("="),
        base64.urlsafe_b64encode(RAW).decode().rstrip("="),
    ],
)
def test_what_can_be_turned_back_is_a_form(written):
    """As it stands, escaped for JSON, HTML and URLs, in hex and in both alphabets of base64."""
    assert written in set(encoded(VALUE))


@pytest.mark.parametrize("value", ["Zk3-v9Qp_7.Lw2~Xs8", "a&b-c-d-e-f", "a+b/c", "ü-is-no-ascii", "line\n", ""])
def test_what_needs_no_escape_is_written_in_fewer_ways(value):
    """And in none fewer than there are; whatever JSON, HTML or an address writes otherwise is a form of its own."""
    written = list(encoded(value))

    assert {value, json.dumps(value)[1:-1], escape(value), quote(value, safe="~")} <= set(written)
    assert (value == quote(value, safe="")) is (len(written) == 8)


@pytest.mark.parametrize("before", ["", "a", "ab", "user:"])
def test_base64_is_known_wherever_the_secret_begins(before):
    """As in Basic credentials: what stands before moves every letter."""
    within = base64.b64encode(before.encode() + RAW + b"!").decode()

    assert any(form[:-1] in within for form in encoded(VALUE) if len(form) > len(VALUE))


@pytest.mark.parametrize("name", ["md5", "sha1", "sha224", "sha256", "sha384", "sha512"])
@pytest.mark.parametrize("end", ["", "\n"])
def test_a_hash_is_a_form(name, end):
    """Whoever has it can try guesses in peace; also that of a copy with a newline at its end."""
    digest = hashlib.new(name, (VALUE + end).encode()).digest()
    written = {digest.hex(), base64.b64encode(digest).decode(), base64.urlsafe_b64encode(digest).decode()}

    assert written <= set(forms(VALUE))
    assert not written & set(encoded(VALUE))


@pytest.mark.parametrize(
    ("address", "parts"),
    [
        ("postgresql://prober:hunter2-hunter2@db.internal:5432/prober", {"hunter2-hunter2", "/prober"}),
        ("https://hooks.example/services/T0/B0", {"/services/T0/B0"}),
        ("tgram://1234567890:AAfoo/987", {"1234567890:AAfoo/987"}),
        ("https://token@hooks.example", {"token"}),
    ],
)
def test_of_an_address_its_host_is_no_secret(address, parts):
    """It stands in every message about it; but where a service has no host, its token may stand there."""
    plain = {form for form in forms(address) if form in address and len(form) > 1}

    assert parts == plain
