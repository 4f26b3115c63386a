import json
from dataclasses import replace
from datetime import timedelta

import pytest

from prober.judge.alarms import Alarms, failing
from prober.judge.recall import recall_of
from prober.model.alarm import Alarm, AlarmState, Alert, Alerting, Maintenance
from prober.model.chain import Trigger
from prober.model.diagnosis import Diagnosis, State
from prober.model.facts import Facts
from prober.model.report import Control, Report
from prober.model.trouble import Whose
from prober.model.verdict import Outcome, Reason, StepResult, Verdict
from tests import builders as b
from tests.publish.builders import build_plan

STEP = timedelta(seconds=30)
HEALTH, MESSAGES = b.health_step(), b.http_step()
REFUSES = b.http_step("refuses-forged", token=b.FORGED, expect=b.REFUSED)
STEPS = (HEALTH, MESSAGES, REFUSES)

#: What a letter means for the verdicts of health and messages.
LETTERS = {
    "P": (Verdict.PASS, Verdict.PASS),
    "F": (Verdict.PASS, Verdict.FAIL),
    "D": (Verdict.FAIL, Verdict.SKIP),  # down: nothing else is looked at
    "A": (Verdict.FAIL, Verdict.PASS),  # another fails
    "B": (Verdict.BLIND, Verdict.BLIND),
    "S": (Verdict.PASS, Verdict.SKIP),
}


def plan(**more):
    """A plan of one chain, and what else it says."""
    return replace(build_plan("validation", steps=STEPS), **more)


def report(number, letter="P", *, trigger=Trigger.SCHEDULE, door=None, revision=None):
    """Turn `number` of a chain."""
    began = b.NOON + number * STEP
    told = (
        StepResult(step=step, verdict=verdict, reason=Reason.OK, detail="", origin=Whose.TARGET)
        for step, verdict in zip((HEALTH, MESSAGES), LETTERS[letter], strict=True)
    )
    run = b.run(b.chain(*STEPS), *told, id=f"run-{number}", trigger=trigger, began=began, ended=began)
    control = Control(name="forged", verifier="backend", service="backend", outcome=door, step=REFUSES.name)
    return Report(
        run=run,
        diagnosis=Diagnosis(state=State.HEALTHY),
        matrix=(),
        controls=(control,) if door else (),
        secrets=(),
        facts=(Facts(service="backend", revision=revision),) if revision else (),
        windows=(),
    )


def feed(alarms, letters, first=0, **more):
    """The alarms by name after these turns."""
    told = [alarms.heed(report(first + number, letter, **more)) for number, letter in enumerate(letters)]
    return {alarm.alert: alarm for alarm in told[-1].alarms}


def states(alarms, letters, first=0, **more):
    """The states of page and ticket after these turns."""
    found = feed(alarms, letters, first, **more)
    return found[Alert.PAGE].state, found[Alert.TICKET].state


# ── what counts ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_report_carries_the_alarms_of_its_chain():
    """As they stand after it, one for each alert."""
    found = feed(Alarms(plan()), "P" * 30 + "F" * 8)

    assert set(Alert) == set(found)
    assert AlarmState.FIRING is found[Alert.PAGE].state
    assert (30, 8) == found[Alert.PAGE].evidence.last30


@pytest.mark.parametrize("trigger", [Trigger.MANUAL, Trigger.BURST, Trigger.DEPLOY])
def test_only_scheduled_turns_are_evidence(trigger):
    """Who looks because something failed sees more failures; they carry the alarms and move none."""
    alarms = Alarms(plan())
    before = feed(alarms, "P" * 30)
    after = feed(alarms, "F" * 30, first=30, trigger=trigger, door=Outcome.ACCEPTED)

    assert before == after


@pytest.mark.parametrize("letter", ["B", "S"])
def test_blind_and_partial_turns_are_samples_of_nothing(letter):
    """And a gap is no success: with too few samples nothing is known."""
    alarms = Alarms(plan())
    feed(alarms, "P" * 30)
    found = feed(alarms, letter * 7, first=30)[Alert.PAGE]

    assert (23, 0) == found.evidence.last30
    assert AlarmState.INSUFFICIENT is found.state


def test_a_chain_is_held_to_its_own_threshold():
    """At 50 % eight failures of thirty are no outage."""
    chains = {name: replace(chain, threshold=0.5) for name, chain in plan().chains.items()}

    assert AlarmState.GOOD is states(Alarms(plan(chains=chains)), "P" * 30 + "F" * 8)[0]


# ── what is no matter of chance ──────────────────────────────────────────────────────────────────────────────────────


def test_a_step_that_fails_three_rounds_running_is_told_by_its_name():
    """While others pass."""
    found = feed(Alarms(plan()), "PPPFFF")[Alert.STEP]

    assert (AlarmState.FIRING, ("messages",)) == (found.state, found.evidence.failing)


@pytest.mark.parametrize("letters", ["PPPFF", "PPFPF", "FAF", "DDD", "PFFB"])
def test_what_may_be_chance_or_a_whole_outage_is_no_such_finding(letters):
    """Twice is not thrice; a step that did both is random; where nothing passes all is down; blind is no round."""
    assert AlarmState.FIRING is not feed(Alarms(plan()), letters)[Alert.STEP].state


def test_a_blind_round_between_failures_is_passed_over():
    """It says nothing, so it interrupts nothing."""
    assert AlarmState.FIRING is feed(Alarms(plan()), "PFFBF")[Alert.STEP].state


def test_before_any_round_no_step_fails():
    """Nothing is made of nothing."""
    assert () == failing([])


def test_an_open_door_fires_at_once_and_stands_open_until_it_is_seen_shut():
    """An unclear look changes nothing."""
    alarms = Alarms(plan())
    doors = [
        feed(alarms, "P", first=number, door=door)[Alert.FAIL_OPEN].evidence.open_doors
        for number, door in enumerate((Outcome.REFUSED, Outcome.ACCEPTED, Outcome.UNCLEAR, None, Outcome.REFUSED))
    ]

    assert [(), ("refuses-forged",), ("refuses-forged",), ("refuses-forged",), ()] == doors
    assert AlarmState.FIRING is alarms.of("validation")[2].state


# ── what is heard of late ────────────────────────────────────────────────────────────────────────────────────────────


def late(letters, first, **more):
    """What another instance, or we before we were killed, could not hand over in time."""
    return [recall_of(report(first + number, letter, **more)) for number, letter in enumerate(letters)]


def test_late_news_is_no_news_of_now():
    """An outage of an hour ago fires nothing, and no step of then fails each time."""
    alarms = Alarms(plan())
    feed(alarms, "P" * 30, first=120)
    alarms.hear(late("F" * 30, first=0))
    found = feed(alarms, "P", first=150)

    assert {AlarmState.GOOD} == {alarm.state for alarm in found.values()} - {AlarmState.INSUFFICIENT}
    evidence = found[Alert.PAGE].evidence
    assert ((30, 0), (31, 0), (61, 30)) == (evidence.last30, evidence.last120, evidence.last720)


def test_late_news_fills_the_gap_it_left():
    """Turns that were taken elsewhere while we were cut off."""
    alarms = Alarms(plan())
    feed(alarms, "P" * 15)
    feed(alarms, "P" * 10, first=20)
    alarms.hear(late("FFFFF", first=15))

    assert (30, 5) == feed(alarms, "P", first=30)[Alert.PAGE].evidence.last30


def test_late_news_of_a_maintenance_or_of_nothing_seen_is_no_sample():
    """As if it had been heard of in time."""
    alarms = Alarms(plan(maintenance=(Maintenance(begins=b.NOON, ends=b.NOON + 5 * STEP),)))
    feed(alarms, "P", first=29)
    alarms.hear(late("FFFFFBS", first=0))

    assert (2, 0) == feed(alarms, "P", first=30)[Alert.PAGE].evidence.last720


def test_late_news_moves_no_door_that_was_seen_since():
    """One that nobody has looked at since stands as it was seen."""
    alarms = Alarms(plan())
    alarms.heed(report(10, door=Outcome.REFUSED))
    alarms.hear(late("P", first=0, door=Outcome.ACCEPTED))
    fresh = Alarms(plan())
    fresh.heed(report(10))
    fresh.hear(late("P", first=0, door=Outcome.ACCEPTED))

    found = [feed(each, "P", 11)[Alert.FAIL_OPEN].evidence.open_doors for each in (alarms, fresh)]
    assert [(), ("refuses-forged",)] == found


def test_late_news_of_an_old_revision_is_no_deploy():
    """It was replaced since; a deploy that somebody announced is one, whenever we hear of it."""
    alarms = Alarms(plan())
    feed(alarms, "P" * 30 + "F" * 7, revision="r2")
    alarms.hear(late("P", first=0, revision="r1"))
    fired = states(alarms, "F", first=37, revision="r2")[0]
    alarms = Alarms(plan())
    feed(alarms, "P" * 30 + "F" * 7)
    alarms.hear(late("P", first=35, trigger=Trigger.DEPLOY))

    assert (AlarmState.FIRING, AlarmState.PENDING) == (fired, states(alarms, "F", first=37)[0])


def test_a_turn_counts_at_its_slot_whatever_clock_its_instance_has():
    """One five minutes behind leaves no gap among the last turns."""
    alarms = Alarms(plan())
    for number in range(40):
        recall = recall_of(report(number))
        behind = timedelta(minutes=5 if number % 2 else 0)
        alarms.hear([replace(recall, due=recall.began, began=recall.began - behind, ended=recall.ended - behind)])

    assert (30, 0) == feed(alarms, "P", first=40)[Alert.PAGE].evidence.last30


def test_what_the_dump_did_not_know_is_caught_up_with():
    """Whether it is older or newer than what was dumped; and what it knew is not counted twice."""
    first, second = Alarms(plan()), Alarms(plan())
    feed(first, "P" * 10)
    feed(first, "P" * 10, first=20)
    second.restore(json.loads(json.dumps(first.dump())))
    second.catch_up(late("P" * 10 + "F" * 10 + "P" * 15, first=0))

    assert (30, 10) == second.of("validation")[0].evidence.last30
    assert (35, 10) == second.of("validation")[0].evidence.last120


# ── what holds back ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_deploy_that_was_announced_holds_a_page_for_its_grace():
    """Two minutes at first; then it fires if the rule still speaks."""
    alarms = Alarms(plan())
    feed(alarms, "P" * 30 + "F" * 7)
    alarms.heed(report(37, trigger=Trigger.DEPLOY))
    during = [states(alarms, "F", first=number)[0] for number in range(37, 41)]

    assert {AlarmState.PENDING} == set(during)
    assert AlarmState.FIRING is states(alarms, "F", first=41)[0]


def test_a_new_revision_is_a_deploy():
    """The first that is told is none."""
    alarms = Alarms(plan())
    feed(alarms, "P" * 30 + "F" * 7, revision="r1")

    assert AlarmState.PENDING is states(alarms, "F", first=37, revision="r2")[0]


def test_a_deploy_holds_back_no_ticket_and_no_open_door():
    """Neither is about the stumbling of a start."""
    alarms = Alarms(plan(alerting=Alerting(deploy_grace_seconds=3600)))
    alarms.heed(report(0, trigger=Trigger.DEPLOY))
    found = feed(alarms, "P" * 50 + "FP" * 30, door=Outcome.ACCEPTED)

    assert [AlarmState.PENDING, AlarmState.FIRING] == [found[each].state for each in (Alert.PAGE, Alert.FAIL_OPEN)]


def test_nothing_begins_in_a_maintenance_and_its_turns_are_no_evidence_afterwards():
    """Not even an open door is told; the page does not fire the moment it is over."""
    maintenance = Maintenance(begins=b.NOON + 100 * STEP, ends=b.NOON + 120 * STEP)
    alarms = Alarms(plan(maintenance=(maintenance,)))
    feed(alarms, "P" * 100)
    during = feed(alarms, "F" * 20, first=100, door=Outcome.ACCEPTED)
    after = feed(alarms, "P", first=120)

    assert not [alert for alert, alarm in during.items() if alarm.state is AlarmState.FIRING]
    assert (10, 0) == after[Alert.PAGE].evidence.last30


def test_a_maintenance_of_another_chain_holds_nothing():
    """It names whom it is about."""
    maintenance = Maintenance(begins=b.NOON, ends=b.NOON + 1000 * STEP, chains=("controls",))

    assert AlarmState.FIRING is states(Alarms(plan(maintenance=(maintenance,))), "P" * 30 + "F" * 8)[0]


# ── the plan ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_who_wants_no_pages_has_no_such_alarm():
    """Switched off, it does not exist; what bypasses statistics stays."""
    alarms = Alarms(plan(alerting=Alerting(page=False, ticket=False)))

    assert [Alert.FAIL_OPEN, Alert.STEP] == [alarm.alert for alarm in alarms.of("validation")]


def test_a_reload_keeps_what_goes_on_and_forgets_what_is_gone():
    """A chain that was removed has no alarms; a report of it that comes late passes through."""
    alarms = Alarms(plan())
    before = feed(alarms, "P" * 30 + "F" * 8)
    alarms.adopt(plan())
    kept = alarms.of("validation")
    alarms.adopt(build_plan("other", steps=STEPS))

    assert tuple(before.values()) == kept
    assert () == alarms.of("validation")
    assert () == alarms.heed(report(38)).alarms


def test_a_chain_that_turns_at_another_interval_starts_its_samples_anew():
    """Its slots are other ones; an alarm that fires goes on."""
    alarms = Alarms(plan())
    feed(alarms, "P" * 30 + "F" * 8)
    slower = replace(b.chain(*STEPS), interval_seconds=60.0)
    alarms.adopt(plan(chains={"validation": slower}))
    found = feed(alarms, "P", first=38)[Alert.PAGE]

    assert ((1, 0), AlarmState.FIRING) == (found.evidence.last30, found.state)


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({"chains": {"another": b.chain(*STEPS, name="another")}}, [Alert.PAGE, Alert.STEP]),
        ({"alerting": Alerting(page=False)}, [Alert.PAGE]),
    ],
    ids=["its chain", "its alert"],
)
def test_an_alarm_that_fires_and_is_watched_no_longer_is_told(more, expected):
    """By the reload that took it away, or the restart that finds it gone; once."""
    alarms, next_process = Alarms(plan()), Alarms(plan(**more))
    feed(alarms, "P" * 30 + "F" * 8)
    dumped = alarms.dump()

    assert expected == [alarm.alert for alarm in alarms.adopt(plan(**more))]
    assert () == alarms.adopt(plan(**more))
    assert expected == [alarm.alert for alarm in next_process.restore(dumped)]


def test_an_alarm_that_does_not_fire_goes_in_silence():
    """Nobody was told of it."""
    alarms = Alarms(plan())
    feed(alarms, "P" * 30)

    assert () == alarms.adopt(plan(chains={"another": b.chain(*STEPS, name="another")}))


# ── across restarts ──────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("cut", [0, 1, 31, 37, 38, 45, 70])
def test_a_restart_changes_nothing(cut):
    """Dumped, written as JSON, restored: the same alarms with the same episodes, as if there had been no restart."""
    letters = "P" * 30 + "F" * 10 + "P" * 40
    whole, first, second = Alarms(plan()), Alarms(plan()), Alarms(plan())
    expected = [whole.heed(report(n, letter, door=Outcome.REFUSED, revision="r1")) for n, letter in enumerate(letters)]
    for number, letter in enumerate(letters[:cut]):
        first.heed(report(number, letter, door=Outcome.REFUSED, revision="r1"))
    second.restore(json.loads(json.dumps(first.dump())))
    told = [
        second.heed(report(number, letter, door=Outcome.REFUSED, revision="r1"))
        for number, letter in enumerate(letters)
        if number >= cut
    ]

    assert expected[cut:] == told


def test_a_deploy_is_remembered_across_a_restart():
    """A page that was held stays held."""
    first, second = Alarms(plan()), Alarms(plan())
    feed(first, "P" * 30 + "F" * 7)
    first.heed(report(37, trigger=Trigger.DEPLOY))
    second.restore(json.loads(json.dumps(first.dump())))

    assert AlarmState.PENDING is states(second, "F", first=37)[0]


def test_dumps_of_single_chains_are_restored_one_by_one():
    """What one says of the others is nothing, and changes nothing."""
    two = build_plan("validation", "other", steps=STEPS)
    first, second = Alarms(two), Alarms(two)
    feed(first, "P" * 30 + "F" * 8)
    for names in (["validation"], ["other"], []):
        second.restore(json.loads(json.dumps(first.dump(names))))

    assert first.dump() == second.dump()


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"schema": 2, "chains": {}},
        {"schema": 1, "chains": []},
        {"schema": 1, "chains": {}, "deployedAt": "noon", "revisions": {}},
        {"schema": 1, "chains": {"validation": {"samples": {}}}, "deployedAt": None, "revisions": {}},
    ],
)
def test_what_is_no_dump_is_refused_and_changes_nothing(data):
    """All or nothing."""
    alarms = Alarms(plan())
    before = feed(alarms, "P" * 30 + "F" * 8)
    with pytest.raises(ValueError, match=r"."):
        alarms.restore(data)

    assert tuple(before.values()) == alarms.of("validation")


def test_alerts_of_a_later_program_are_left_out():
    """Who goes back a version keeps what it knows."""
    alarms = Alarms(plan())
    feed(alarms, "P")
    data = alarms.dump()
    data["chains"]["validation"]["alarms"]["of-the-future"] = {}
    alarms.restore(data)

    assert set(Alert) == {alarm.alert for alarm in alarms.of("validation")}
    assert all(isinstance(alarm, Alarm) for alarm in alarms.of("validation"))
