"""Programs read who has stopped what, and what stands still for it."""

from datetime import timedelta

from prober.model.pause import Pause, Stopped
from prober.publish.paused import pause_document, stopped_document
from tests import builders as b

PAUSE = Pause(service="auth", reason="a load test", by="ops", since=b.NOON, until=b.NOON + timedelta(hours=1))
TOLD = {
    "service": "auth",
    "since": "2026-09-08T12:00:00.000Z",
    "until": "2026-09-08T13:00:00.000Z",
    "by": "ops",
    "reason": "a load test",
}


def test_a_pause_is_told_whole_but_for_addresses():
    """Where a service is stays with us."""
    assert TOLD == pause_document(PAUSE)


def test_what_stands_still_for_it_is_told_by_name():
    """Services at the same place, and chains, in order."""
    stopped = Stopped(pauses=(PAUSE,), services={"b": PAUSE, "a": PAUSE}, chains={"validation": PAUSE})

    assert {"pauses": [TOLD], "services": ["a", "b"], "chains": ["validation"]} == stopped_document(stopped)
