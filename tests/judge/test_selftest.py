"""What is found of services of known temper is held against the truth, and doubt in it voids a run."""

from dataclasses import replace

import pytest

from prober.judge.assess import assess
from prober.judge.causes import catalogue
from prober.judge.followup import follow_ups
from prober.judge.selftest import TRUTHS, complaints, distrusted
from prober.judge.verdict import judge
from prober.model.observation import Match
from prober.model.selftest import Temper
from prober.model.trend import Past
from prober.model.trouble import Whose
from prober.model.verdict import Outcome, Reason, RunVerdict, StepResult, Verdict
from tests import builders as b
from tests.publish import builders as p


def found(temper, **others):
    """A report in which each step came to what it must for this temper, but for `others`."""
    fates = {name: getattr(truth, temper) for name, truth in TRUTHS.items()} | others
    results = [
        StepResult(step=b.http_step(name), verdict=fate[0], reason=fate[1], detail="as it is")
        for name, fate in fates.items()
        if fate
    ]
    return p.build_report(*results)


@pytest.mark.parametrize("temper", Temper)
def test_the_truth_has_no_complaints(temper):
    """The good one passes, the refusing one fails, the open one is found open."""
    assert [] == list(complaints(temper, found(temper)))


def test_tempers_differ_in_every_step():
    """A judge that says the same of all three gets every step wrong of one of them."""
    assert {} == {name: truth for name, truth in TRUTHS.items() if len(set(truth)) == 1}


def test_a_judge_that_passes_everything_is_found_out():
    """Of the refusing service in every step, of the open one in every control, and in both runs."""
    passed = dict.fromkeys(TRUTHS, (Verdict.PASS, Reason.OK))
    told = {temper: list(complaints(temper, found(temper, **passed))) for temper in Temper}

    assert [] == told[Temper.CAREFUL]
    assert 1 + len(TRUTHS) == len(told[Temper.REFUSING])
    assert "refusing services: the run is pass, and must be fail" == told[Temper.REFUSING][0]
    assert "open services: forged-token is pass (ok), and must be fail (accepted): as it is" in told[Temper.OPEN]


def test_a_judge_that_fails_everything_is_found_out():
    """Of the careful service: a false alarm is a fault too."""
    failed = dict.fromkeys(TRUTHS, (Verdict.FAIL, Reason.STATUS))

    assert 1 + len(TRUTHS) == len(list(complaints(Temper.CAREFUL, found(Temper.CAREFUL, **failed))))


def test_a_step_that_was_left_out_is_missed():
    """Not looked at is not well."""
    told = list(complaints(Temper.OPEN, found(Temper.OPEN, **{"no-token": None})))

    assert ["open services: no-token was not looked at"] == told


# ── doubt ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def failed_run(**more):
    """A run in which a good token was refused, a bad one let in, and secrets differ."""
    steps = (b.http_step(), b.http_step("control", token=b.FORGED, expect=b.REFUSED), b.secret_match_step())
    seen = (b.http(403), b.http(200), b.secrets_seen(auth_backend=Match.DIFFERENT))
    looks = zip(steps, seen, strict=True)
    return b.run(b.chain(*steps), *(judge(step, b.look(seen)) for step, seen in looks), **more)


def test_without_doubt_a_run_is_what_it_is():
    """The very same value."""
    run = failed_run()

    assert run is distrusted(run)


def test_in_doubt_nothing_is_booked_on_anybody():
    """Every step is BLIND by our own fault, and says what it would have been."""
    run = distrusted(failed_run(doubt="its self-test fails"))

    assert RunVerdict.BLIND is run.verdict
    assert {(Verdict.BLIND, Reason.OWN_SELFTEST, Whose.PROBER, None)} == {
        (r.verdict, r.reason, r.origin, r.outcome) for r in run.results
    }
    assert run.results[0].detail.startswith("the prober cannot trust its own verdict, fail (")
    assert run.results[0].detail.endswith("): its self-test fails")


def test_in_doubt_nothing_follows():
    """No reading, no cause, no cell of the matrix, no open door, no unequal secret, and nothing looked at again."""
    run = distrusted(failed_run(doubt="its self-test fails"))
    report = assess(run, Past(), catalogue())

    assert ({}, (), (), (), ()) == (
        report.readings,
        report.diagnosis.causes,
        report.matrix,
        report.controls,
        report.secrets,
    )
    assert () == follow_ups(run, Past(), catalogue())
    assert {0} == {window.samples for window in report.windows}


def test_what_passed_is_in_doubt_as_well():
    """A judge that lets everything pass is the likeliest fault of all."""
    result = judge(b.http_step(), b.look(b.http(200)))
    run = distrusted(b.run(b.chain(result.step), result, doubt="its self-test fails"))

    assert Outcome.ACCEPTED is result.outcome
    assert (Verdict.BLIND, None) == (run.results[0].verdict, run.results[0].outcome)
    assert RunVerdict.BLIND is replace(run).verdict
