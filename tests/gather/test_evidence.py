import json

import pytest

from prober.gather.evidence import JSON_BYTES, JSON_DEPTH, blotting, is_clear, shown, shown_headers, shown_json, sparing
from prober.model.secret import Redactor, Secret

KEY = 'k/e"y+with=signs'
REDACT = Redactor([Secret("bypass", KEY)])
TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ1In0.c2lnbmF0dXJl"


@pytest.mark.parametrize(
    "written",
    [KEY, json.dumps(KEY), json.dumps(KEY).replace("/", "\\/"), json.dumps(KEY).replace("+", "\\u002b")],
    ids=["plain", "quoted", "slash", "unicode"],
)
def test_a_secret_is_not_hidden_by_how_it_is_written(written):
    """JSON may escape any character; the secret is found all the same."""
    text = shown(f"you sent {written}!", REDACT)

    assert "[bypass]" in text
    assert KEY not in text


def test_redaction_comes_before_the_cut():
    """Half a token at the edge would not be recognised as one."""
    text = shown("x" * 2030 + " " + TOKEN, Redactor())

    assert "x" * 2030 + " [token]" == text


def test_the_cut_is_counted_in_bytes():
    """A body of three-byte characters has no more room than one of letters."""
    assert 2046 == len(shown("€" * 5000, Redactor()).encode())


def test_what_moves_a_cursor_is_mended():
    """An answer cannot paint on a terminal, start a line in a log, or turn the direction of writing."""
    assert "a�[31mb�c\nd" == shown("a\x1b[31mb\u202ec\nd", Redactor())


def test_only_headers_that_tell_something_are_kept():
    """Cookies and whatever else a target sets stay where they are."""
    headers = [("Set-Cookie", "session=1"), ("Content-Type", "text/plain"), ("X-Secret", "1"), ("Retry-After", "3")]

    assert {"content-type": "text/plain", "retry-after": "3"} == shown_headers(headers, Redactor())


def test_a_location_is_redacted_however_it_is_encoded():
    """A redirect that carries the key in its query does not show it."""
    headers = [("Location", "https://other.test/?key=k%2Fe%22y%2Bwith%3Dsigns")]

    assert {"location": "https://other.test/?key=[bypass]"} == shown_headers(headers, REDACT)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ordinary", True),
        ("", True),
        (KEY, False),
        (KEY[2:], False),
        (f"a {TOKEN}", False),
        ("a\x1b[31m", False),
        ("a\u202eb", False),
        ("ü", False),
        ("a\\u002b", False),
        ("x" * 2049, False),
    ],
)
@pytest.mark.parametrize("at", range(3))
def test_what_is_clear_may_be_shown_as_it_is(text, expected, at):
    """Whichever text it is that is not, and whatever stands before it."""
    texts = ["first", "the-second", "third"]
    texts[at] = text

    assert expected is is_clear(texts, REDACT)
    assert not expected or texts == [shown(each, REDACT) for each in texts]


@pytest.mark.parametrize(
    ("text", "spares"),
    [
        ("ordinary\n\tlines", True),
        ("x" * JSON_BYTES, False),
        (KEY, False),
        (KEY[2:], False),
        (f"a {TOKEN}", False),
        ("ü", False),
        ("a\\u002b", False),
        ("a\0b", False),
    ],
)
@pytest.mark.parametrize("at", range(3))
def test_what_holds_nothing_is_looked_through_once(text, spares, at):
    """And where anything might, each part of it by itself."""
    texts, asked = ["first", "the-second", "third"], []
    texts[at] = text

    def redact(said):
        asked.append(said)
        return REDACT(said)

    spared = sparing(texts, redact)
    looked = len(asked)

    assert [REDACT(each) for each in texts] == [spared(each) for each in texts]
    assert looked <= 1
    assert spares is (looked == len(asked))


@pytest.mark.parametrize("length", range(12, 17))
@pytest.mark.parametrize("before", range(6))
def test_a_piece_in_one_of_many_texts_is_found(length, before):
    """Wherever it comes to stand where they stand side by side, in a body as in headers."""
    redact, piece = Redactor([Secret("jwt", "Zk3-v9Qp_7Lw2Xs8Rt5Yb1Nc6")]), "Zk3-v9Qp_7Lw2Xs8"[:length]
    headers = [("Server", "x" * before), ("Via", piece)]

    assert {"server": "x" * before, "via": "[jwt]"} == shown_headers(headers, redact)
    assert {"x" * before: "[jwt]"} == shown_json(json.dumps({"x" * before: piece}).encode(), redact)


def test_every_string_in_json_is_redacted():
    """Values, names, and what lies deep inside."""
    raw = json.dumps({"a": [{"token": TOKEN}], KEY: 1, "n": None, "x": 1.5}).encode()

    assert {"a": [{"token": "[token]"}], "[bypass]": 1, "n": None, "x": 1.5} == shown_json(raw, REDACT)


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"]
)
def test_no_encoding_of_json_hides_a_secret(encoding):
    """A body of two bytes a letter reads as ASCII with something in between."""
    redact, value = Redactor([Secret("jwt", "Zk3-v9Qp_7Lw2Xs8Rt5Yb1Nc6")]), "Zk3-v9Qp_7Lw2Xs8"
    found = shown_json(f'{{"a": "{value}"}}'.encode(encoding), redact)

    assert {"a": "[jwt]"} == found


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"<html>",
        b"\xff\xfe\xfd",
        b"[" * 100_000,
        b"[" * (JSON_DEPTH + 1) + b"]" * (JSON_DEPTH + 1),
        b"[NaN]",
        b"[1e999]",
        b"[" + b"9" * 5000 + b"]",
        b'"' + b"x" * JSON_BYTES + b'"',
    ],
    ids=["empty", "html", "bytes", "bomb", "deep", "nan", "infinity", "number", "long"],
)
def test_what_is_not_ordinary_json_is_none(raw):
    """Whatever a target sends, reading it ends, and ends without an error."""
    assert shown_json(raw, Redactor()) is None


def test_json_of_the_allowed_depth_is_read():
    """The bound lets through what it says."""
    raw = b"[" * JSON_DEPTH + b"1" + b"]" * JSON_DEPTH

    assert json.loads(raw) == shown_json(raw, Redactor())


@pytest.mark.parametrize("wide", [[[]] * 2 * JSON_DEPTH, {"in a text": "[" * 2 * JSON_DEPTH}])
def test_what_is_wide_or_says_brackets_is_not_deep(wide):
    """Only where there are as many brackets as the bound is each of them followed."""
    assert wide == shown_json(json.dumps(wide).encode(), Redactor())


def test_a_lone_surrogate_is_mended():
    """What cannot be written as UTF-8 could not be stored either."""
    assert ["a?"] == shown_json(b'["a\\ud800"]', Redactor())


def test_a_token_of_no_known_shape_is_blotted_out_by_itself():
    """Opaque tokens look like any text; what is known besides is blotted out as ever."""
    redact = blotting(REDACT, Secret("token", "opaque-T0k3n"))

    assert redact("opaque-T0k3n") == "[token]"
    assert blotting(REDACT, None) is REDACT
