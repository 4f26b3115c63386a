"""How each kind of text in the file is read."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prober.config.values import (
    Flaw,
    close_code,
    duration_text,
    moment,
    moment_text,
    number,
    percentage,
    ratio,
    seconds,
    some_seconds,
    url,
)


@pytest.mark.parametrize(
    ("text", "expected"), [("30s", 30.0), ("250ms", 0.25), ("5m", 300.0), ("1h", 3600.0), ("1.5s", 1.5), ("0s", 0.0)]
)
def test_a_duration_is_a_number_with_its_unit(text, expected):
    """From milliseconds to hours."""
    assert expected == seconds(text)


@pytest.mark.parametrize("value", [30, True, None, "30", "s", "1 s", "-1s", "1d", "1e3s", "9" * 400 + "h"])
def test_what_has_no_unit_is_no_duration(value):
    """Whether 30 means seconds or milliseconds is not guessed."""
    with pytest.raises(Flaw, match="is not a duration"):
        seconds(value)


def test_a_number_without_a_unit_is_told_the_likely_one():
    """Most who write 30 mean seconds."""
    with pytest.raises(Flaw) as refused:
        seconds(30)

    assert "write 30s" == refused.value.wanted


def test_a_time_to_wait_is_longer_than_nothing():
    """A deadline of no time would fail every step."""
    with pytest.raises(Flaw, match="is no time at all"):
        some_seconds("0ms")


@given(st.integers(0, 10**9))
def test_a_duration_survives_being_written(milliseconds):
    """What `effective` prints is read as what it was."""
    assert milliseconds / 1000 == pytest.approx(seconds(duration_text(milliseconds / 1000)))


@pytest.mark.parametrize(
    ("duration", "text"),
    [(0.0, "0s"), (0.25, "250ms"), (30.0, "30s"), (300.0, "5m"), (7200.0, "2h"), (0.0001, "0.0001s")],
)
def test_a_duration_is_written_in_the_largest_unit_that_fits(duration, text):
    """5m, not 300s."""
    assert text == duration_text(duration)


@pytest.mark.parametrize(
    ("value", "expected"), [("95%", 0.95), (0.95, 0.95), ("0.95", 0.95), (1, 1.0), ("99.5%", 0.995)]
)
def test_a_ratio_is_a_percentage_or_a_share(value, expected):
    """Both are common."""
    assert expected == ratio(value)


@pytest.mark.parametrize("value", [95, 0, "0%", "101%", -0.1, True, "most", None])
def test_a_ratio_lies_between_nothing_and_all(value):
    """95 is refused rather than taken for 95%."""
    with pytest.raises(Flaw, match="is not a ratio"):
        ratio(value)


def test_a_ratio_is_written_as_a_percentage():
    """95%, without a tail of zeros."""
    assert ["95%", "99.5%", "100%"] == list(map(percentage, (0.95, 0.995, 1.0)))


def test_a_number_may_be_text():
    """A variable gives text."""
    assert [14.0, 14.5, -1.0] == [number("14"), number(14.5), number("-1")]


@pytest.mark.parametrize(("name", "code"), [("normal", 1000), ("policy_violation", 1008), ("Going-Away", 1001)])
def test_the_name_of_a_close_code_is_answered_with_its_number(name, code):
    """RFC 6455 §7.4.1."""
    with pytest.raises(Flaw) as refused:
        close_code(name)

    assert f"write {code}" == refused.value.wanted


@pytest.mark.parametrize("value", [0, 999, 5000, True, None, "soon", 1000.5])
def test_a_close_code_has_four_digits(value):
    """From 1000 to 4999."""
    with pytest.raises(Flaw, match="write a number such as 1008"):
        close_code(value)


def test_an_address_loses_its_trailing_slash():
    """Paths begin with one."""
    assert "https://auth.example/base" == url(("http", "https"))("https://auth.example/base/")


@pytest.mark.parametrize(
    ("address", "wrong"),
    [
        ("https://a b", "holds characters that no address holds"),
        ("https://me:pw@host", "carries a user or a password"),
        ("https://host?a", "carries a query or a fragment"),
        ("https://host#a", "carries a query or a fragment"),
        ("https://", "names no host"),
        ("https://host:0", "has a port that is none"),
        ("https://host:99999", "is not an address"),
        ("https://[::1", "is not an address"),
        ("ftp://host", "is not an address that begins with http:// or https://"),
        ("/path", "is not an address that begins with http:// or https://"),
    ],
)
def test_an_address_is_a_host_and_nothing_that_could_leak(address, wrong):
    """No user, no password, no query: addresses are shown and logged."""
    with pytest.raises(Flaw) as refused:
        url(("http", "https"))(address)

    assert wrong == refused.value.wrong


@pytest.mark.parametrize("text", ["2026-11-22T09:00:00Z", "2026-11-22t10:00:00+01:00", "2026-11-22 08:30:00.000-00:30"])
def test_a_moment_is_one_wherever_it_was_written(text):
    """Every offset of RFC 3339, and both cases."""
    assert datetime(2026, 11, 22, 9, tzinfo=UTC) == moment(text)


@pytest.mark.parametrize(
    "value", ["2026-11-22", "2026-11-22T09:00:00", "2026-02-30T09:00:00Z", "0001-01-01T00:00:00+14:00", 9, None]
)
def test_what_says_no_single_moment_is_refused(value):
    """Without an offset, nobody knows which; some are on no calendar."""
    with pytest.raises(Flaw, match="is not a moment"):
        moment(value)


@given(st.datetimes(timezones=st.just(UTC), min_value=datetime(1000, 1, 1)))  # noqa: DTZ001 - hypothesis wants it bare
def test_a_moment_survives_being_written(at):
    """What `effective` prints is read as what it was."""
    assert at == moment(moment_text(at))
