"""A refusal of a token that bore a wrong time of ours is ours, and nothing else is."""

from datetime import timedelta
from email.utils import format_datetime

import pytest

from prober.judge.ledger import STEP_SECONDS
from prober.judge.own_clock import book_own_time, excuse_own_dates
from prober.judge.readings import read
from prober.judge.verdict import judge
from prober.model.chain import TamperedIssuer
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


# ── a time that all services know to be wrong ────────────────────────────────────────────────────────────────────────


def told(step, seconds, status=200):
    """A step whose service answers so, by a clock that is so far ahead of ours."""
    date = format_datetime(b.NOON + timedelta(seconds=seconds), usegmt=True)
    return judge(step, b.look(b.http(status, headers={"date": date})))


def booked(auth, backend, step=None, status=401):
    """What a refusal comes to beside two services whose clocks are so far ahead of ours."""
    steps = (b.health_step(b.AUTH), b.health_step(b.BACKEND, name="backend-health"), step or b.http_step())
    looks = zip(steps, (auth, backend, backend), (200, 200, status), strict=True)
    return book_own_time(b.run(b.chain(*steps), *(told(*each) for each in looks))).results[-1]


@pytest.mark.parametrize("off", [(3600, 3600), (-3600, -3600), (301, 4000), (-31, -90)])
def test_a_token_that_was_not_good_by_any_clock_is_not_refused_by_the_target(off):
    """It had ended by then, or was issued in the future: whoever refuses it is right."""
    result = booked(*off)

    assert (Verdict.BLIND, Reason.OWN_CLOCK, Whose.PROBER) == (result.verdict, result.reason, result.origin)
    assert "by every service's clock the prober's own is" in result.detail


@pytest.mark.parametrize(("set_by", "expected"), [(-HOUR, Verdict.BLIND), (0.9 * STEP_SECONDS, Verdict.FAIL)])
def test_a_token_refused_before_the_clock_was_set_is_not_refused_by_the_target(set_by, expected):
    """The look itself was over by then, and later ones see a clock that is right: the run as a whole knows."""
    early, late = b.http_step("early"), b.http_step("late")
    results = judge(early, b.look(b.http(401))), judge(late, b.look(b.http(200), clock_set_seconds=set_by))
    booked_run = book_own_time(b.run(b.chain(early, late), *results))

    assert [expected, Verdict.PASS] == [result.verdict for result in booked_run.results]


@pytest.mark.parametrize(
    "off",
    [(0, 0), (290, 3600), (-29, -3600), (3600, 0), (3600, -3600), (-3600, 2)],
    ids=str,
)
def test_a_token_that_was_good_by_one_clock_is_refused_by_the_target(off):
    """Within its life, or by the clock of one of them at least: then it need not be ours that is wrong."""
    assert (Verdict.FAIL, Reason.REFUSED) == (booked(*off).verdict, booked(*off).reason)


def test_one_service_alone_may_be_the_one_that_is_wrong():
    """Two are needed to say which clock it is."""
    step = b.http_step()

    assert Verdict.FAIL is book_own_time(b.run(b.chain(step), told(step, 3600, 401))).results[0].verdict


@pytest.mark.parametrize(
    ("step", "status"),
    [
        (b.http_step(token=b.ROUTE), 401),
        (b.http_step(token=b.FORGED, expect=b.REFUSED), 200),
        (b.http_step(), 500),
        (b.http_step(token=None), 401),
    ],
)
def test_what_bears_no_time_of_ours_stays_the_targets(step, status):
    """A token that auth dated, an open door, a crash, a request without a token."""
    assert Verdict.FAIL is booked(3600, 3600, step, status).verdict


# ── a token that we thought was over ─────────────────────────────────────────────────────────────────────────────────


def let_in(auth, backend, token):
    """What it comes to that a bad token was let in beside two services whose clocks are so far ahead of ours."""
    door = b.http_step("bad", token=token, expect=b.REFUSED)
    steps = (b.health_step(b.AUTH), b.health_step(b.BACKEND, name="backend-health"), door)
    results = (told(*each) for each in zip(steps, (auth, backend, backend), strict=True))
    return excuse_own_dates(b.run(b.chain(*steps), *results)).results[-1]


OVER_FOR_A_MINUTE = TamperedIssuer(name="late", identity=b.USER, control="expired-61s", like=b.LOCAL)


@pytest.mark.parametrize(
    ("token", "off"), [(b.EXPIRED, (-3700, -3700)), (b.EXPIRED, (-9000, -4000)), (OVER_FOR_A_MINUTE, (-120, -120))]
)
def test_who_lets_in_a_token_that_was_good_by_their_clock_does_not_fail_open(token, off):
    """Our clock is ahead, so that what we date back ends later than we think: BLIND, and no open door."""
    result = let_in(*off, token)

    assert (Verdict.BLIND, Reason.OWN_CLOCK, Whose.PROBER) == (result.verdict, result.reason, result.origin)
    assert Outcome.UNCLEAR is result.outcome


@pytest.mark.parametrize(
    ("token", "off"),
    [
        (b.EXPIRED, (0, 0)),
        (b.EXPIRED, (-3500, -3500)),
        (b.EXPIRED, (-3700, 0)),
        (b.EXPIRED, (3700, 3700)),
        (b.FORGED, (-9000, -9000)),
        (OVER_FOR_A_MINUTE, (-30, -9000)),
    ],
)
def test_an_open_door_stays_open(token, off):
    """By one clock at least the token was over, or its date is not what is bad about it."""
    assert (Verdict.FAIL, Reason.ACCEPTED) == (let_in(*off, token).verdict, let_in(*off, token).reason)
