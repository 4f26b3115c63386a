"""What failed while we stood still is ours, unless no standing still brings it about."""

import pytest

from prober.judge.stall import STALL_SECONDS, excused
from prober.judge.verdict import judge
from prober.judge.walk import Walk
from prober.model.observation import CUT, Match
from prober.model.trouble import TroubleKind, Whose
from prober.model.verdict import Outcome, Reason, Verdict
from tests import builders as b

LONG = 3.0


def judged(step, seen, seconds=LONG):
    """What a look comes to during which we stood still for so long."""
    return judge(step, b.look(seen, stalled_seconds=seconds))


@pytest.mark.parametrize(
    ("step", "seen"),
    [
        (b.http_step(), b.trouble(TroubleKind.TIMEOUT)),
        (b.http_step(), b.trouble(TroubleKind.RESET)),
        (b.http_step(), b.trouble(TroubleKind.UNREACHABLE)),
        (b.http_step(), b.trouble(TroubleKind.PROTOCOL)),
        (b.http_step(), b.http(401)),
        (b.http_step(), b.http(408)),
        (b.websocket_step(), b.refused_late(1008)),
        (b.websocket_step(), b.refused_late(CUT)),
        (b.websocket_step(), b.welcomed(ponged=False)),
        (b.mint_step(), b.trouble(TroubleKind.TIMEOUT)),
    ],
)
def test_what_comes_of_being_late_is_ours(step, seen):
    """Deadlines, peers that hang up, tokens that expire: BLIND, with how long we stood still."""
    result = judged(step, seen)

    assert Verdict.FAIL is judged(step, seen, 0.0).verdict
    assert (Verdict.BLIND, Reason.OWN_STALL, Whose.PROBER) == (result.verdict, result.reason, result.origin)
    assert result.detail.endswith("; but the prober itself stood still for 3.0 s meanwhile")
    assert result.outcome in (None, Outcome.UNCLEAR)


@pytest.mark.parametrize(
    ("step", "seen", "reason"),
    [
        (b.http_step(token=b.FORGED, expect=b.REFUSED), b.http(200), Reason.ACCEPTED),
        (b.secret_match_step(), b.secrets_seen(auth_backend=Match.DIFFERENT), Reason.MISMATCH),
        (b.websocket_step(), b.welcomed(identity="somebody-else"), Reason.IDENTITY),
        (b.http_step(), b.trouble(TroubleKind.CONNECTION_REFUSED), Reason.CONNECTION_REFUSED),
        (b.http_step(), b.trouble(TroubleKind.TLS), Reason.TLS),
        (b.http_step(), b.trouble(TroubleKind.DNS), Reason.DNS),
    ],
)
def test_what_is_so_however_late_stays_the_targets(step, seen, reason):
    """An open door above all: no stall of ours hides one."""
    result = judged(step, seen)

    assert (Verdict.FAIL, reason, Whose.TARGET) == (result.verdict, result.reason, result.origin)


def test_a_busy_moment_excuses_nothing():
    """Below half a second the target's failure is the target's."""
    seen = b.trouble(TroubleKind.TIMEOUT)

    verdicts = [judged(b.http_step(), seen, seconds).verdict for seconds in (0.0, STALL_SECONDS - 0.01, STALL_SECONDS)]
    assert [Verdict.FAIL, Verdict.FAIL, Verdict.BLIND] == verdicts


@pytest.mark.parametrize("step", [b.http_step(), b.http_step(token=b.FORGED, expect=b.REFUSED)])
def test_what_held_held(step):
    """A step that passed, or is moot, is left alone."""
    seen = b.http(401 if step.is_control else 200)
    result = judged(step, seen)

    assert (Verdict.PASS, result) == (result.verdict, excused(result))


def test_what_a_run_did_not_get_to_is_ours_too():
    """The chain's deadline passed while we stood still; without a stall it is moot, as ever."""
    chain = b.chain(b.http_step("a"))
    ended = {}
    for seconds in (0.0, LONG):
        walk = Walk(chain)
        walk.ready()
        walk.abandon(seconds)
        ended[seconds] = walk.results()[0]

    assert (Verdict.SKIP, Reason.CHAIN_DEADLINE, None) == (ended[0.0].verdict, ended[0.0].reason, ended[0.0].origin)
    assert (Verdict.BLIND, Reason.OWN_STALL, Whose.PROBER) == (
        ended[LONG].verdict,
        ended[LONG].reason,
        ended[LONG].origin,
    )
    assert "the chain's 20 s were over; but the prober itself stood still for 3.0 s meanwhile" == ended[LONG].detail


def test_who_waits_for_it_is_told_that_we_could_not_look():
    """And not that it failed."""
    first, second = b.http_step("first"), b.http_step("second", needs=("first",))
    walk = Walk(b.chain(first, second))
    walk.ready()
    walk.record(judge(first, b.look(b.trouble(TroubleKind.TIMEOUT), stalled_seconds=LONG)))
    walk.ready()

    assert "needs first, which we could not look at" == walk.results()[1].detail
