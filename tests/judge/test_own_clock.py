"""A refusal while our own clock was being set is ours, and nothing else is."""

import pytest

from prober.judge.ledger import STEP_SECONDS
from prober.judge.readings import read
from prober.judge.verdict import judge
from prober.model.trouble import TroubleKind, Whose
from prober.model.verdict import Outcome, Reason, Verdict
from tests import builders as b

HOUR = 3600.0


def judged(step, seen, seconds=HOUR):
    """What a look comes to before whose end the clock was set by so much."""
    return judge(step, b.look(seen, clock_set_seconds=seconds))


@pytest.mark.parametrize("seconds", [HOUR, -HOUR, STEP_SECONDS])
@pytest.mark.parametrize(("step", "seen"), [(b.http_step(), b.http(401)), (b.websocket_step(), b.refused_late(1008))])
def test_a_token_that_bears_two_times_is_not_refused_by_the_target(step, seen, seconds):
    """Whichever way the clock was set: BLIND, with by how much."""
    result = judged(step, seen, seconds)

    assert (Verdict.FAIL, Reason.REFUSED) == (judged(step, seen, 0.0).verdict, judged(step, seen, 0.0).reason)
    assert (Verdict.BLIND, Reason.OWN_CLOCK, Whose.PROBER) == (result.verdict, result.reason, result.origin)
    assert result.detail.endswith(f"; but the prober's own clock was set by {seconds:+.1f} s meanwhile")
    assert Outcome.UNCLEAR is result.outcome


@pytest.mark.parametrize(
    ("step", "seen", "reason"),
    [
        (b.http_step(token=b.FORGED, expect=b.REFUSED), b.http(200), Reason.ACCEPTED),
        (b.http_step(), b.http(500), Reason.STATUS),
        (b.http_step(), b.trouble(TroubleKind.TIMEOUT), Reason.TIMEOUT),
        (b.http_step(), b.http(200), Reason.OK),
    ],
)
def test_what_no_clock_brings_about_stays_as_it_is(step, seen, reason):
    """An open door, a crash, silence, and a token that was accepted all the same."""
    assert judged(step, seen, 0.0).verdict is judged(step, seen).verdict
    assert reason is judged(step, seen).reason


def test_a_clock_that_is_kept_excuses_nobody():
    """Time synchronisation moves it by less than a step at a time."""
    assert Verdict.FAIL is judged(b.http_step(), b.http(401), 0.9 * STEP_SECONDS).verdict


def test_no_cause_is_made_of_it():
    """What our clock brought about is no reading of the target."""
    step = b.http_step()

    assert {} == read(b.run(b.chain(step), judged(step, b.http(401))))
