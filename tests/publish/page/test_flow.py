from dataclasses import replace

import pytest

from prober.judge.causes import catalogue
from prober.model.verdict import Outcome, Reason, Verdict
from prober.publish.document import document
from prober.publish.evidence import evidence_of
from prober.publish.page.flow import BEHIND_THE_BACKEND, flow_of, worst
from tests import builders as b
from tests.publish import builders as p


def flow(*results, **more):
    """The flow of a report with such results."""
    kept = document(p.build_report(*results, **more))
    return flow_of(kept, evidence_of(kept))


def stage(found, key):
    """The one called so."""
    return next(each for each in found.stages if each.key == key)


def test_a_run_is_told_as_the_way_of_a_token():
    """Each look in one stage, the stages in the order of the way, the services as lanes."""
    found = flow()

    assert ["up", "mint", "backend", "websocket", "secrets", "refusals"] == [each.key for each in found.stages]
    assert ("prober", "auth", "backend") == found.lanes
    assert [*range(1, 8)] == sorted(hop.number for each in found.stages for hop in each.hops)
    assert "prober → backend" == stage(found, "backend").path


def test_what_failed_stands_out_by_its_code():
    """With its name; a stage fails with one of its looks."""
    found = flow(*p.broken_results())

    assert ("fail", "1008 policy violation") == (stage(found, "websocket").verdict, stage(found, "websocket").told)
    assert "fail" == stage(found, "backend").verdict
    assert "403 Forbidden" == stage(found, "backend").told


def test_an_open_door_is_no_normal_close():
    """What a socket closed with after it let a bad token in is not what matters."""
    opened = p.result(p.FORGED_SOCKET, b.welcomed(), Verdict.FAIL, outcome=Outcome.ACCEPTED, reason=Reason.ACCEPTED)

    assert "a bad token is let in" == stage(flow(opened), "refusals").told


def test_a_stage_in_which_most_was_moot_does_not_look_whole():
    """It is said how many held."""
    moot = p.result(p.FORGED_SOCKET, b.refused_late(), Verdict.SKIP, reason=Reason.UNPAIRED, detail="moot")
    held = p.result(p.NO_TOKEN, b.http(403), outcome=Outcome.REFUSED)

    assert "1 of 2 held, the others were moot" == stage(flow(held, moot), "refusals").told


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [
        (["pass", "fail", "blind"], "fail"),
        (["pass", "blind"], "blind"),
        (["skip", "pass"], "pass"),
        (["skip"], "skip"),
    ],
)
def test_the_worst_look_speaks_for_all(verdicts, expected):
    """And nothing that was not run is green."""
    assert expected == worst(iter(verdicts))


@pytest.mark.parametrize(
    ("confidence", "verdict", "told"),
    [("high", "fail", "the cause lies here"), ("medium", "skip", "the cause may lie here")],
)
def test_what_nobody_sees_is_told_by_the_diagnosis(confidence, verdict, told):
    """That the backend asks auth is between the two; a cause of that kind lies there."""
    kept = behind(p.broken_report(), "service_credentials_missing", confidence)
    found = stage(flow_of(kept, evidence_of(kept)), "behind")

    assert (verdict, told, True) == (found.verdict, found.told, found.is_inferred)
    assert "backend → auth" == found.path


def test_what_nobody_sees_is_not_known_otherwise():
    """A cause that lies elsewhere says nothing of it; a backend that accepts has asked."""
    elsewhere = behind(p.broken_report(), "jwt_secret_drift", "high")
    well = behind(p.build_report(), "", "")

    assert "not seen from outside" == stage(flow_of(elsewhere, evidence_of(elsewhere)), "behind").told
    assert "since it accepts" == stage(flow_of(well, evidence_of(well)), "behind").told


def behind(report, cause, confidence):
    """The document of a report whose auth was asked directly too, with such a cause."""
    asked = replace(report.run.results[0], step=replace(p.HEALTH, name="auth-validates"))
    kept = document(replace(report, run=replace(report.run, results=(asked, *report.run.results))))
    kept["steps"][0]["kind"] = "validate"
    known = {**kept["diagnosis"]["causes"][0], "name": cause, "confidence": confidence} if cause else None
    kept["diagnosis"]["causes"] = [known] if known else []
    return kept


def test_the_causes_behind_the_backend_are_causes():
    """A cause that is renamed must be renamed here."""
    assert set() == BEHIND_THE_BACKEND - {cause.name for cause in catalogue()}
