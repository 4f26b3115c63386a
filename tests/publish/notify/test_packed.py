"""A notice comes back from its text as it went in."""

import json
from datetime import timedelta

import pytest

from prober.model.notice import Kind
from prober.publish.notify.packed import packed, unpacked
from tests.publish.notify.webhook import NOON, notice

NOTICES = [
    notice(),
    notice(suspects=(), text="«what»", link="https://prober.example/"),
    notice(kind=Kind.RESOLVED, until=NOON + timedelta(minutes=3, microseconds=1)),
    notice(kind=Kind.RESOLVED, since=None, until=NOON),
]


@pytest.mark.parametrize("each", NOTICES)
def test_what_was_packed_comes_back(each):
    """Moments, words and causes are the values they were."""
    assert each == unpacked(packed(each))


def test_the_text_of_a_newer_version_is_read():
    """Two versions share one database while one replaces the other."""
    told = json.loads(packed(notice()))
    told["colour"] = "red"
    told["suspects"][0]["likelihood"] = 0.9

    assert notice() == unpacked(json.dumps(told))
