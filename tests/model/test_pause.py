"""A pause tells who has stopped what, and holds until its time is over."""

from dataclasses import replace
from datetime import timedelta

import pytest

from prober.model.pause import EVERYTHING, OURSELVES, Pause
from tests import builders as b

PAUSE = Pause(service="auth", reason="a load test", by="ops", since=b.NOON)
HOUR = timedelta(hours=1)


def test_it_holds_until_somebody_lifts_it_or_its_time_is_over():
    """To the moment."""
    timed = replace(PAUSE, until=b.NOON + HOUR)

    assert [True, True, False] == [timed.holds(b.NOON), timed.holds(b.NOON + HOUR * 0.99), timed.holds(b.NOON + HOUR)]
    assert PAUSE.holds(b.NOON + 10_000 * HOUR)


@pytest.mark.parametrize(
    ("change", "text", "remedy"),
    [
        ({}, "auth is paused since 2026-09-08 12:00:00 UTC by ops: a load test", "lift it: prober resume auth"),
        (
            {"service": EVERYTHING, "until": b.NOON + HOUR},
            "everything is paused since 2026-09-08 12:00:00 UTC by ops, until 2026-09-08 13:00:00 UTC: a load test",
            "lift it: prober resume --all",
        ),
        (
            {"service": EVERYTHING, "by": OURSELVES},
            "everything is paused since 2026-09-08 12:00:00 UTC by prober: a load test",
            "it ends by itself as soon as the store can be read",
        ),
    ],
)
def test_it_says_who_and_why_and_how_it_is_lifted(change, text, remedy):
    """In one sentence, wherever somebody meets it."""
    pause = replace(PAUSE, **change)

    assert (text, remedy) == (str(pause), pause.remedy)
