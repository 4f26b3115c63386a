"""The breaker opens after failures in a row and lets one through when its time has passed."""

from prober.lab.breaker import Breaker


def test_failures_in_a_row_open_it():
    """The third failure opens the breaker, not the second."""
    breaker = Breaker(3, 60)
    seen = []
    for _ in range(3):
        breaker.failed()
        seen.append(breaker.is_open)

    assert [False, False, True] == seen


def test_a_success_begins_the_count_anew():
    """Failures that are not in a row open nothing."""
    breaker = Breaker(2, 60)
    breaker.failed()
    breaker.succeeded()
    breaker.failed()

    assert breaker.state()["state"] == "closed"


def test_it_recovers():
    """When its time has passed an open breaker is half open, and a success closes it."""
    breaker = Breaker(3, 0, is_open=True)
    before = breaker.state()["state"]
    breaker.succeeded()

    assert ("half_open", "closed") == (before, breaker.state()["state"])


def test_it_can_begin_open():
    """A breaker made open is open."""
    assert Breaker(3, 60, is_open=True).state()["state"] == "open"
