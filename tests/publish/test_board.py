import sys
from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pytest

from prober.model.alarm import Alarm, AlarmState, Alert, Severity
from prober.model.notice import Delivery, Receiver
from prober.model.observation import Match
from prober.model.report import Facts
from prober.model.selftest import SelfTest
from prober.model.slot import Missed
from prober.model.trouble import TroubleKind, Whose
from prober.model.verdict import Outcome, Reason, Verdict
from prober.publish.board import Board
from prober.publish.document import document
from prober.publish.remembered import Remembered
from prober.publish.series import series_of
from tests import builders as b
from tests.publish import builders as p

BLIND = p.result(p.MESSAGES, b.trouble(TroubleKind.OWN_SECRET, Whose.PROBER), Verdict.BLIND, reason=Reason.OWN_SECRET)


class Watch:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        """Begin at noon."""
        self.at = b.NOON

    def __call__(self):
        """The time it stands at."""
        return self.at

    def forward(self, seconds: float) -> None:
        """Let time pass."""
        self.at += timedelta(seconds=seconds)


@pytest.fixture
def watch():
    """A clock that stands at noon."""
    return Watch()


@pytest.fixture
def board(watch):
    """A board of one chain."""
    return Board(p.build_plan(), p.CAUSES, watch)


async def test_totals_add_up(board):
    """Two reports count twice."""
    await board.write(p.build_report())
    await board.write(p.broken_report())

    runs = {series: count for series, count in board.counters["prober_chain_runs_total"].counts.items() if count}
    assert runs == {("validation", "schedule", "pass"): 1, ("validation", "schedule", "fail"): 1}
    assert board.timings["prober_chain_duration_seconds"].series["validation",].sum_seconds == 2.0


async def test_a_report_of_an_unknown_chain_is_left_out(board):
    """A run that a reload has overtaken brings no series back."""
    await board.write(p.build_report(chain="gone"))

    assert board.latest == {}


@pytest.mark.parametrize(("report", "expected"), [(p.build_report(), True), (p.broken_report(), False)])
async def test_up_is_the_last_verdict(board, report, expected):
    """A pass is up, a failure is down."""
    await board.write(report)

    assert board.is_up("validation") is expected


async def test_up_is_unknown_before_the_first_run(board):
    """Unknown is not down."""
    assert board.is_up("validation") is None


async def test_up_survives_a_blind_run_but_not_for_ever(board, watch):
    """A blind run says nothing about the target; after three intervals of them nobody knows any more."""
    await board.write(p.build_report())
    await board.write(p.build_report(BLIND))
    soon = board.is_up("validation")
    watch.forward(3 * 30 + 2)

    assert (soon, board.is_up("validation")) == (True, None)


async def test_auth_failing_open_is_held_until_refuted(board):
    """An unclear control does not close an open door: only a refusal does."""
    opened = p.result(p.FORGED_SOCKET, b.welcomed(), Verdict.FAIL, outcome=Outcome.ACCEPTED)
    unclear = p.result(p.FORGED_SOCKET, b.refused_early(500), Verdict.SKIP, outcome=Outcome.UNCLEAR)
    shut = p.result(p.FORGED_SOCKET, b.refused_early(), outcome=Outcome.REFUSED)
    seen = [board.fail_open()]
    for found in (opened, unclear, shut):
        await board.write(p.build_report(found))
        seen.append(board.fail_open())

    assert seen == [{}, {"backend": True}, {"backend": True}, {"backend": False}]


async def test_a_door_that_nobody_tried_is_not_called_shut(board):
    """A control that could not tell is no look at it either."""
    await board.write(p.broken_report())

    assert {} == board.fail_open()


@pytest.mark.parametrize(
    ("match", "expected"),
    [
        (Match.EQUAL, {("jwt", "auth", "backend"): True}),
        (Match.EQUAL_AFTER_STRIP, {("jwt", "auth", "backend"): False}),
        (Match.DIFFERENT, {("jwt", "auth", "backend"): False}),
        (Match.UNKNOWN, {}),
    ],
)
async def test_secrets_match_byte_for_byte_or_not(board, match, expected):
    """Nearly the same is not the same, and unknown is not different."""
    await board.write(p.build_report(p.result(p.SECRETS, b.secrets_seen(auth_backend=match))))

    assert board.secret_pairs() == expected


async def test_active_causes_are_those_of_the_latest_report(board):
    """A cause that is no longer named is no longer active."""
    await board.write(p.broken_report())
    during = dict(board.active_causes())["validation", "jwt_secret_drift"]
    await board.write(p.build_report())

    assert (during, set(dict(board.active_causes()).values())) == (True, {False})


async def test_a_changed_revision_is_noticed(board):
    """The first revision is no change; the second is, at the time of the run that saw it."""
    await board.write(p.build_report())
    first = dict(board.revision_changed)
    changed = p.build_report(facts=(Facts(service="auth", revision="def5678"),))
    await board.write(changed)

    assert (first, board.revision_changed) == ({}, {"auth": changed.run.ended})


async def test_facts_not_told_stay_as_they_were(board):
    """A run that learns no clock offset does not forget the last one."""
    await board.write(p.build_report())
    await board.write(p.build_report(facts=(Facts(service="auth", revision="def5678"),)))

    assert board.facts["auth"] == Facts(service="auth", version="1.4.0", revision="def5678", clock_offset_seconds=-0.5)


async def test_a_reload_drops_what_is_gone_and_goes_on_with_the_rest(watch):
    """Series of removed chains vanish, new ones start at zero, the others keep their counts."""
    board = Board(p.build_plan("stays", "goes"), p.CAUSES, watch)
    for name in ("stays", "goes"):
        await board.write(p.build_report(chain=name))
        board.expected(name)

    board.adopt(p.build_plan("stays", "comes"))

    counts = board.counters["prober_step_results_total"].counts
    assert {series[0] for series in counts} == {"stays", "comes"}
    assert counts["stays", "messages", "backend", "pass"] == 1
    assert board.slots_expected.counts == {("stays",): 1, ("comes",): 0}
    assert set(board.latest) == set(board.last_success) == {"stays"}


async def test_a_removed_step_takes_its_series_and_its_open_door_along(board):
    """What a step showed is forgotten with the step."""
    await board.write(p.build_report(p.result(p.FORGED_SOCKET, b.welcomed(), Verdict.FAIL, outcome=Outcome.ACCEPTED)))

    board.adopt(p.build_plan(steps=(p.HEALTH, p.NO_TOKEN)))

    assert {series[1] for series in board.counters["prober_step_results_total"].counts} == {
        "auth-health",
        "messages-refuses-no-token",
    }
    assert {} == board.fail_open()


async def test_a_run_of_the_config_before_brings_nothing_back(board):
    """It began before its step was removed, and ends after that; the rest of it counts."""
    board.adopt(p.build_plan(steps=(p.HEALTH, p.NO_TOKEN)))

    await board.write(p.build_report())

    counts = board.counters["prober_step_results_total"].counts
    assert {"auth-health", "messages-refuses-no-token"} == {series[1] for series in counts}
    assert 1 == counts["validation", "auth-health", "auth", "pass"]
    assert {"auth-health", "messages-refuses-no-token"} == {
        series[1] for series in board.timings["prober_step_duration_seconds"].series
    }


async def test_a_reload_looks_through_no_series_while_nothing_is_gone(watch):
    """What it does on the event loop does not grow with the chains."""
    few, many = [await _reload_calls(watch, chains) for chains in (2, 50)]

    assert few == many


async def _reload_calls(watch, chains):
    """How many functions are called while a board of so many chains goes on with the same."""
    plan = p.build_plan(*(f"chain-{number}" for number in range(chains)))
    board = Board(plan, p.CAUSES, watch)
    for name in plan.chains:
        await board.write(p.build_report(chain=name))
    series, calls = series_of(plan), Counter()
    before = sys.getprofile()
    sys.setprofile(lambda _frame, event, _what: calls.update([event]))
    try:
        board.take_up(series)
    finally:
        sys.setprofile(before)
    return calls["call"]


def test_slots_are_counted(board):
    """Expected, recorded and missed with a reason; those of a chain that is gone are not."""
    board.expected("validation", 3)
    board.recorded("validation")
    board.missed("validation", Missed.OVERRUN, 2)
    board.missed("gone", Missed.OVERRUN)

    assert board.slots_expected.counts == {("validation",): 3}
    assert board.slots_recorded.counts == {("validation",): 1}
    missed = {series[1]: count for series, count in board.slots_missed.counts.items()}
    assert missed == {str(reason): 2 if reason is Missed.OVERRUN else 0 for reason in Missed}


def test_a_failed_reload_keeps_the_time_of_the_last_good_one(board, watch):
    """What is in force was loaded when it was loaded."""
    watch.forward(60)
    board.reloaded(successful=False)
    failed = board.reload
    board.reloaded(successful=True)

    assert (failed.successful, failed.succeeded_at) == (False, b.NOON)
    assert board.reload == replace(failed, successful=True, succeeded_at=watch.at)


def test_small_counts(board):
    """Lateness, triggers, own errors and runs in flight are kept as told; an unknown part counts as publish."""
    board.late(-1.0)
    board.trigger_requested("accepted")
    board.internal_error("judge")
    board.internal_error("sink nobody knows")
    with board.in_flight():
        during = board.runs_in_flight

    assert board.lateness.series[()].counts[0] == 1
    assert board.triggers.counts["accepted",] == 1
    assert (board.internal_errors.counts["judge",], board.internal_errors.counts["publish",]) == (1, 1)
    assert (during, board.runs_in_flight) == (1, 0)


async def test_reports_come_the_oldest_first(watch):
    """Whoever merges them ends with what was seen last."""
    board = Board(p.build_plan("one", "two"), p.CAUSES, watch)
    await board.write(p.build_report(chain="one", ended=b.NOON + timedelta(seconds=9)))
    await board.write(p.build_report(chain="two"))

    assert [report.run.chain.name for report in board.reports()] == ["two", "one"]


def test_the_clock_is_this_machines_unless_given():
    """A board without a clock of its own stamps in UTC."""
    board = Board(p.build_plan(), p.CAUSES)

    assert board.reload.succeeded_at.utcoffset() == timedelta(0)


def test_tries_to_tell_people_are_counted_by_receiver(watch):
    """From zero, for those who are configured; what is told of one that a reload removed is left out."""
    told = replace(p.build_plan(), receivers={"ops": Receiver(name="ops", url="env:OPS")})
    board = Board(told, causes=p.CAUSES, now=watch)
    board.notified("ops", Delivery.TAKEN)
    board.notified("nobody", Delivery.TAKEN)

    expected = {("ops", "taken"): 1, ("ops", "failed"): 0, ("ops", "given_up"): 0}
    assert expected == board.notifications.counts
    board.adopt(p.build_plan())
    assert {} == board.notifications.counts


async def test_a_snapshot_is_one_moment(watch):
    """Whatever comes in later, a reload included, the snapshot tells of the moment it was taken."""
    firing = []
    board = Board(p.build_plan(), p.CAUSES, watch, lambda _chain: tuple(firing))
    await board.write(p.build_report())
    still = board.snapshot()
    before = _told(still)
    firing.append(Alarm(chain="validation", alert=Alert.PAGE, severity=Severity.PAGE, state=AlarmState.FIRING))
    await board.write(p.broken_report())
    board.expected("validation")
    board.late(0.1)
    board.notifications.add(("ops", "taken"))
    board.adopt(p.build_plan("another"))

    assert _told(still) == before
    assert _told(board) != before


def _told(board):
    """All a metrics page is made of."""
    counts = [
        totals.counts
        for totals in (*board.counters.values(), board.slots_expected, board.triggers, board.notifications)
    ]
    times = [timings.series for timings in (*board.timings.values(), board.lateness)]
    answers = (
        board.fail_open(),
        board.alarms(),
        board.secret_pairs(),
        dict(board.active_causes()),
        board.reports(),
        board.is_up("validation"),
    )
    return counts, times, answers, dict(board.facts), dict(board.last_success)


def test_a_self_test_that_fails_is_a_failure_of_ours(board):
    """Counted each time; the latest one stands."""
    for complaints in ((), ("a complaint",), ("a complaint",), ()):
        board.examined(SelfTest(at=b.NOON, seconds=0.1, complaints=complaints))

    assert (2, True) == (board.internal_errors.counts[("selftest",)], board.selftest.passed)


async def test_trouble_begins_with_the_first_run_that_did_not_pass(board):
    """And ends with the next that did; of what was so before we were started nobody here knows when it began."""
    at = lambda seconds: b.NOON + timedelta(seconds=seconds)  # noqa: E731
    told = []
    for build, seconds in ((p.broken_report, 0), (p.broken_report, 30), (p.build_report, 60), (p.broken_report, 90)):
        await board.write(build(began=at(seconds), ended=at(seconds + 1)))
        told.append(board.trouble_since.get("validation"))

    assert [at(0), at(0), None, at(90)] == told


async def test_of_trouble_from_before_a_restart_the_beginning_is_not_known(board):
    """It went on; trouble that comes after a good run from before has its beginning."""
    board.remember(remembered(p.broken_report()))
    await board.write(p.broken_report())
    unknown = dict(board.trouble_since)
    board.latest.clear()
    board.remember(remembered(p.build_report()))
    await board.write(p.broken_report())

    assert ({}, {"validation": b.NOON}) == (unknown, board.trouble_since)


# ── before a restart ─────────────────────────────────────────────────────────────────────────────────────────────────


def remembered(report):
    """What a kept report still tells."""
    return [Remembered.of(document(report))]


async def test_what_held_before_a_restart_holds_until_the_next_run(board, watch):
    """Its verdict, causes, open doors, secrets and times; then the next run says."""
    board.remember(remembered(p.broken_report(id="before")))
    board.passed_before(remembered(p.build_report(ended=b.NOON - timedelta(hours=1))))

    assert board.is_up("validation") is False
    assert dict(board.active_causes())["validation", "jwt_secret_drift"]
    assert False in board.secret_pairs().values()
    assert {"validation": b.NOON + timedelta(seconds=1)} == board.last_runs()
    assert {"validation": b.NOON - timedelta(hours=1)} == board.last_success

    await board.write(p.build_report(ended=b.NOON + timedelta(seconds=30)))
    assert (True, {}) == (board.is_up("validation"), board.before)
    assert not dict(board.active_causes())["validation", "jwt_secret_drift"]
    assert {"validation": b.NOON + timedelta(seconds=30)} == board.last_runs()


async def test_what_was_too_long_ago_tells_nothing(board, watch):
    """A prober that was away for an hour does not know whether the target is up."""
    board.remember(remembered(p.broken_report()))
    watch.forward(3600)

    assert board.is_up("validation") is None
    assert {} == board.secret_pairs()
    assert not dict(board.active_causes())["validation", "jwt_secret_drift"]


async def test_what_is_known_already_is_not_overwritten(board):
    """A chain that ran meanwhile, or one that is not configured."""
    await board.write(p.build_report(id="now"))
    board.remember([*remembered(p.broken_report()), *remembered(p.broken_report(chain="gone"))])

    assert ({}, True) == (board.before, board.is_up("validation"))


async def test_a_revision_that_changed_while_we_were_away_is_noticed(board):
    """As if we had been there."""
    board.remember(remembered(p.build_report(facts=(Facts(service="auth", revision="old"),))))
    await board.write(p.build_report(facts=(Facts(service="auth", revision="new"),)))

    assert {"auth"} == board.revision_changed.keys()
