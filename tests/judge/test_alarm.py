from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prober.judge.alarm import (
    CALM_SLOTS,
    RULES,
    TRANSITIONS,
    Moment,
    Word,
    Z,
    advance,
    degraded,
    episode,
    limits,
    outage,
    page,
    surely_below,
    ticket,
)
from prober.judge.samples import Samples
from prober.judge.window import wilson
from prober.model.alarm import Alarm, AlarmState, Alert, Counts, Evidence, Severity
from tests.builders import NOON

AT_95 = limits(0.95)
FULL = Evidence(Counts(10, 0), Counts(30, 0), Counts(120, 0), Counts(720, 0))
BAD = Evidence(Counts(10, 4), Counts(30, 12), Counts(120, 40), Counts(720, 80))
STEP = timedelta(seconds=30)


def new(alert=Alert.PAGE, **more):
    """An alarm nothing was heard of yet."""
    return Alarm(chain="validation", alert=alert, severity=RULES[alert].severity, **more)


def course(alarm, *told):
    """The alarm after each of these: evidence, or evidence and whether it is held."""
    stations = []
    for number, each in enumerate(told):
        evidence, held = each if isinstance(each, tuple) else (each, False)
        alarm = advance(alarm, evidence, AT_95, Moment(NOON + number * STEP, 30.0, held))
        stations.append(alarm)
    return stations


def replay(turns, alert=Alert.PAGE):
    """The alarm of a chain with this history, after each turn."""
    samples, alarm, stations = Samples(30.0), new(alert), []
    for number, turn in enumerate(turns):
        at = NOON + number * STEP
        samples.add(at, failed=turn == "F")
        alarm = advance(alarm, Evidence(*samples.counts()), AT_95, Moment(at, 30.0))
        stations.append(alarm)
    return stations


# ── limits ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("threshold", "of30", "of10"),
    [(0.5, 26, 8), (0.8, 16, 5), (0.9, 11, 3), (0.95, 8, 2), (0.99, 5, 1), (1.0, 2, 1), (0.1, 30, 10)],
)
def test_an_outage_is_what_chance_seldom_does_at_any_threshold(threshold, of30, of10):
    """At 95 % it is 8 of 30 and 2 of 10; one failure is none even at 100 %; nothing but failures always is one."""
    found = limits(threshold)

    assert (of30, of10) == (found.of30, found.of10)


@given(st.integers(1, 800).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n))), st.floats(0.05, 0.999))
def test_surely_below_is_wilsons_upper_bound(counts, threshold):
    """The score test and the interval that inverts it say the same, but where the bound lies on the threshold."""
    samples, failures = counts
    _, upper = wilson(samples - failures, samples, Z)

    assert abs(upper - threshold) < 1e-9 or surely_below(Counts(samples, failures), threshold) == (upper < threshold)


@pytest.mark.parametrize(("samples", "fires_at"), [(10, 3), (30, 6), (120, 14), (720, 55)])
def test_the_counts_are_those_of_the_design(samples, fires_at):
    """The fewest failures that are surely below 95 %."""
    assert [False, True] == [surely_below(Counts(samples, fires_at - less), 0.95) for less in (1, 0)]


def test_at_a_hundred_percent_any_failure_is_below_and_none_is_not():
    """Where a bound computed in floats would be uncertain."""
    assert [False, True] == [surely_below(Counts(120, failures), 1.0) for failures in (0, 1)]


# ── rules ────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("last10", "last30", "expected"),
    [
        (Counts(10, 2), Counts(30, 8), True),
        (Counts(10, 1), Counts(30, 8), False),
        (Counts(10, 5), Counts(30, 7), False),
        (Counts(4, 2), Counts(24, 8), True),
        (Counts(10, 10), Counts(23, 23), None),
    ],
)
def test_an_outage_needs_both_counts_and_enough_samples(last10, last30, expected):
    """8 of 30 and 2 of 10, of 24 samples at least."""
    assert outage(Evidence(last10, last30), AT_95) is expected


@pytest.mark.parametrize(
    ("last30", "last120", "expected"),
    [
        (Counts(30, 3), Counts(120, 14), True),
        (Counts(30, 2), Counts(120, 14), False),
        (Counts(30, 7), Counts(120, 13), False),
        (Counts(30, 7), Counts(95, 20), None),
    ],
)
def test_degraded_is_sure_and_about_now(last30, last120, expected):
    """Below 95 % with 99.9 % confidence over 120 turns, and 3 of the last 30 failed."""
    assert degraded(Evidence(last30=last30, last120=last120), AT_95) is expected


def test_a_page_is_either_and_knows_nothing_only_when_neither_does():
    """Half an hour after a start an outage can be told, if not a slow decline."""
    young = Evidence(Counts(10, 0), Counts(30, 0), Counts(60, 0), Counts(60, 0))

    assert [True, False, None] == [page(each, AT_95) for each in (BAD, young, Evidence())]


@pytest.mark.parametrize(
    ("last120", "last720", "expected"),
    [
        (Counts(120, 7), Counts(720, 55), True),
        (Counts(120, 6), Counts(720, 55), False),
        (Counts(120, 7), Counts(720, 54), False),
        (Counts(0, 0), Counts(600, 200), False),
        (Counts(120, 50), Counts(575, 200), None),
    ],
)
def test_a_ticket_is_sure_over_long_and_still_true(last120, last720, expected):
    """Below 95 % with 99.9 % confidence over 720 turns, and below it over the last 120."""
    assert ticket(Evidence(last120=last120, last720=last720), AT_95) is expected


# ── transitions ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_every_state_has_an_answer_to_every_word():
    """No alarm is ever at a loss."""
    assert {state: set(Word) for state in AlarmState} == {state: set(row) for state, row in TRANSITIONS.items()}


def test_every_state_can_be_reached_and_left():
    """Nobody stays firing for ever, nor silent."""
    reached = {state for row in TRANSITIONS.values() for state in row.values()}

    assert set(AlarmState) == reached
    assert all(set(row.values()) != {state} for state, row in TRANSITIONS.items())


def test_too_few_samples_are_no_good_news():
    """At first nothing is known, and that is what is told."""
    assert AlarmState.INSUFFICIENT is course(new(), Evidence())[-1].state


def test_an_outage_fires_at_the_eighth_failure():
    """Four minutes at one turn in 30 s."""
    states = [alarm.state for alarm in replay("P" * 100 + "F" * 8)]

    assert [AlarmState.GOOD, AlarmState.FIRING] == states[-2:]


def test_an_episode_ends_when_its_rule_was_silent_for_thirty_turns():
    """And not before: what comes and goes is one episode."""
    silent = course(new(), BAD, *[FULL] * (CALM_SLOTS + 1))
    interrupted = course(new(), BAD, *[FULL] * CALM_SLOTS, BAD, FULL)

    assert [AlarmState.FIRING, AlarmState.RESOLVED] == [alarm.state for alarm in silent[-2:]]
    assert {AlarmState.FIRING} == {alarm.state for alarm in interrupted}
    assert 1 == len({alarm.episode for alarm in interrupted})


def test_resolved_stays_until_the_rule_speaks_again():
    """Whoever missed the turn still sees how the last episode ended."""
    stations = course(new(), BAD, *[FULL] * 100, BAD)

    assert [AlarmState.RESOLVED, AlarmState.FIRING] == [alarm.state for alarm in stations[-2:]]
    assert stations[0].episode == stations[-2].episode != stations[-1].episode


def test_an_episode_is_named_until_the_state_that_ended_it_is_over():
    """So whoever begins to look knows whether the end of one is what he sees."""
    lost = course(new(), BAD, *[Evidence()] * (CALM_SLOTS + 1), FULL)
    resolved = course(new(), BAD, *[FULL] * (CALM_SLOTS + 1), Evidence())

    assert [lost[0].episode, ""] == [alarm.episode for alarm in lost[-2:]]
    assert [AlarmState.INSUFFICIENT, AlarmState.GOOD] == [alarm.state for alarm in lost[-2:]]
    assert [resolved[0].episode, ""] == [alarm.episode for alarm in resolved[-2:]]
    assert [AlarmState.RESOLVED, AlarmState.INSUFFICIENT] == [alarm.state for alarm in resolved[-2:]]


def test_an_alarm_nothing_is_heard_of_any_more_is_not_resolved():
    """Whoever went blind does not know that all is well."""
    stations = course(new(), BAD, *[Evidence()] * (CALM_SLOTS + 1))

    assert [AlarmState.FIRING, AlarmState.INSUFFICIENT] == [alarm.state for alarm in stations[-2:]]


def test_what_is_held_is_pending_and_fires_when_let_go():
    """A deploy or a maintenance puts off the beginning, and ends nothing."""
    begun = course(new(), (BAD, True), (BAD, True), BAD)
    going_on = course(new(), BAD, (BAD, True))

    assert [AlarmState.PENDING, AlarmState.PENDING, AlarmState.FIRING] == [alarm.state for alarm in begun]
    assert [NOON, NOON, NOON + 2 * STEP] == [alarm.since for alarm in begun]
    assert ["", ""] == [alarm.episode for alarm in begun[:2]]
    assert AlarmState.FIRING is going_on[-1].state


def test_what_was_held_until_it_was_over_never_happened():
    """No episode, nothing told."""
    last = course(new(), (BAD, True), FULL)[-1]

    assert (AlarmState.GOOD, "") == (last.state, last.episode)


@pytest.mark.parametrize("evidence", [Evidence(open_doors=("refuses",))])
def test_a_door_that_stands_open_fires_at_once(evidence):
    """No count, no minimum."""
    (alarm,) = course(new(Alert.FAIL_OPEN), evidence)

    assert (AlarmState.FIRING, Severity.CRITICAL) == (alarm.state, alarm.severity)


def test_a_step_that_fails_each_time_fires_after_three_rounds():
    """Before there were three, nothing is known of it."""
    states = [
        alarm.state
        for alarm in course(
            new(Alert.STEP), Evidence(rounds=2), Evidence(rounds=3), Evidence(rounds=3, failing=("socket",))
        )
    ]

    assert [AlarmState.INSUFFICIENT, AlarmState.GOOD, AlarmState.FIRING] == states


def test_the_same_history_makes_the_same_episode():
    """Two instances, or one that forgot and replays, speak of the same thing by the same name."""
    first, second = replay("P" * 100 + "F" * 30)[-1], replay("P" * 100 + "F" * 30)[-1]

    assert first.episode == second.episode
    assert first.episode not in {episode(new(Alert.TICKET), NOON), episode(new(), NOON)}


def test_an_alarm_carries_its_last_evidence():
    """Whoever is told reads the counts."""
    assert BAD == course(new(), FULL, BAD)[-1].evidence


@given(st.text("PF", max_size=300))
def test_a_page_fires_only_while_or_shortly_after_its_rule_speaks(turns):
    """In any history: firing means that the rule spoke within the last thirty turns."""
    stations = replay(turns)
    spoke = [page(alarm.evidence, AT_95) for alarm in stations]

    assert all(
        any(spoke[max(0, number - CALM_SLOTS) : number + 1])
        for number, alarm in enumerate(stations)
        if alarm.state is AlarmState.FIRING
    )
