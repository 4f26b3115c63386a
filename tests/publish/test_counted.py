from collections import Counter
from dataclasses import replace

import pytest

from prober.model.observation import Match, TokenSeen
from prober.model.trouble import TroubleKind, Whose
from prober.model.verdict import Outcome, Reason, Verdict
from prober.publish.counted import COUNTERS, TIMINGS, Known, Timed
from prober.publish.series import series_of
from tests import builders as b
from tests.publish import builders as p

TABLE = {counted.name: counted for counted in COUNTERS}


def told(name, report):
    """What a report adds to the counter called `name`."""
    return Counter(TABLE[name].told(report))


#: No alert looks at these, and there would be many: they come with their first sample.
COME_LATER = {"prober_step_failures_total", "prober_diagnoses_total"}


def born(name):
    """The series a counter has before the first run."""
    return set(TABLE[name].born(Known(p.build_plan())))


@pytest.mark.parametrize("name", sorted(set(TABLE) - COME_LATER))
@pytest.mark.parametrize("report", [p.build_report(), p.broken_report()], ids=["healthy", "broken"])
def test_what_an_incident_feeds_was_there_before(name, report):
    """Every series that alerts look at existed at zero, so that its first increase can be seen."""
    assert set(TABLE[name].told(report)) <= born(name)


def test_refusals_are_born_for_every_door():
    """401, 403 and 1008 are there at zero: unexpected where a good token goes, expected where a bad one does."""
    http, closes = born("prober_http_responses_total"), born("prober_websocket_closes_total")

    for code in ("401", "403"):
        assert ("validation", "messages", "backend", code, "false") in http
        assert ("validation", "messages-refuses-no-token", "backend", code, "true") in http
    assert ("validation", "websocket", "backend", "1008", "server", "false") in closes
    assert ("validation", "websocket-refuses-forged", "backend", "1008", "server", "true") in closes


def test_what_hardly_ever_comes_is_not_born():
    """A page of zeros would cost every scrape what nobody asks for."""
    codes = {
        series[3] for name in ("prober_http_responses_total", "prober_websocket_closes_total") for series in born(name)
    }

    assert codes == {"200", "401", "403", "1000", "1008"}
    assert all(not born(name) for name in COME_LATER)


@pytest.mark.parametrize("metric", [*COUNTERS, *TIMINGS], ids=lambda metric: metric.name)
def test_series_fit_their_labels(metric):
    """Each series has one value for each label, and all are alive in the plan they are of."""
    plan = p.build_plan()
    series = [*metric.born(Known(plan)), *_told(metric, p.broken_report())]

    assert {len(each) for each in series} == {len(metric.labels)}
    assert all(map(series_of(plan).lives(metric.labels), series))


def _told(metric, report):
    """The series a report feeds, whether it counts or times."""
    return [each[0] if isinstance(metric, Timed) else each for each in metric.told(report)]


def test_the_403_count():
    """A 403 to a good token is unexpected; the control's 403 is what it was sent for."""
    found = told("prober_http_responses_total", p.broken_report())

    assert found["validation", "messages", "backend", "403", "false"] == 1
    assert found["validation", "messages-refuses-no-token", "backend", "403", "true"] == 1


def test_the_1008_count():
    """A 1008 to a good token is unexpected and the server's doing."""
    found = told("prober_websocket_closes_total", p.broken_report())

    assert found == {("validation", "websocket", "backend", "1008", "server", "false"): 1}


def test_a_refused_handshake_is_no_close():
    """A socket that was never accepted cannot close: it counts as a handshake."""
    report = p.build_report(p.result(p.SOCKET, b.refused_early(403), Verdict.FAIL, reason=Reason.REFUSED))

    assert told("prober_websocket_closes_total", report) == {}
    assert told("prober_websocket_handshakes_total", report) == {
        ("validation", "websocket", "backend", "403", "false"): 1
    }


def test_refusals_of_all_styles_come_together():
    """403 in a response, 403 in the handshake and 1008 after accept are one count with three stages."""
    found = told("prober_auth_rejections_total", p.broken_report())

    assert found == {
        ("validation", "backend", "http", "response", "false"): 1,
        ("validation", "backend", "http", "response", "true"): 1,
        ("validation", "backend", "websocket", "handshake", "true"): 1,
        ("validation", "backend", "websocket", "post_accept", "false"): 1,
    }


@pytest.mark.parametrize("code", [1000, 1006, 1011])
def test_other_closes_are_no_rejection(code):
    """A crash after accept is no refusal."""
    report = p.build_report(p.result(p.SOCKET, b.refused_late(code), Verdict.FAIL, reason=Reason.CLOSED))

    assert told("prober_auth_rejections_total", report) == {}


def test_no_answer_is_counted_as_none():
    """A target that does not answer has code none."""
    report = p.build_report(p.result(p.MESSAGES, b.trouble(), Verdict.FAIL, reason=Reason.CONNECTION_REFUSED))

    assert told("prober_http_responses_total", report) == {("validation", "messages", "backend", "none", "false"): 1}


@pytest.mark.parametrize(
    "trouble", [b.trouble(TroubleKind.OWN_SECRET, Whose.PROBER), b.trouble(TroubleKind.NO_TOKEN)], ids=["ours", "moot"]
)
def test_what_was_never_sent_has_no_answer_to_miss(trouble):
    """Our own fault, or nothing to send, is not a missing answer of the target."""
    report = p.build_report(p.result(p.MESSAGES, trouble, Verdict.BLIND, reason=Reason.OWN_SECRET))

    assert told("prober_http_responses_total", report) == {}


def test_a_mint_by_a_route_is_an_answer_too():
    """The route's 200 counts as an HTTP answer beside the minted token."""
    seen = TokenSeen(traits=b.traits("auth"), answer=b.http(201))
    report = p.build_report(p.result(p.MINT, seen))

    assert told("prober_http_responses_total", report) == {("validation", "mint", "auth", "2xx", "true"): 1}
    assert told("prober_tokens_minted_total", report) == {("auth", "minted"): 1}


def test_a_mint_that_was_skipped_did_not_mint():
    """A step that was not run is counted as a result, not as a mint."""
    report = p.build_report(p.result(p.MINT, None, Verdict.SKIP, reason=Reason.NEEDS))

    assert told("prober_tokens_minted_total", report) == {}
    assert told("prober_step_results_total", report) == {("validation", "mint", "auth", "skip"): 1}


@pytest.mark.parametrize(
    ("match", "expected"),
    [
        (Match.EQUAL, "match"),
        (Match.EQUAL_AFTER_STRIP, "mismatch"),
        (Match.DIFFERENT, "mismatch"),
        (Match.UNKNOWN, "unknown"),
    ],
)
def test_a_comparison_counts_by_what_it_told(match, expected):
    """A trailing newline makes two secrets differ."""
    report = p.build_report(p.result(p.SECRETS, b.secrets_seen(auth_backend=match)))

    assert told("prober_secret_checks_total", report) == {("jwt", expected): 1}


def test_an_accepted_control_is_counted():
    """A forged token let in is counted as accepted."""
    report = p.build_report(p.result(p.FORGED_SOCKET, b.welcomed(), Verdict.FAIL, outcome=Outcome.ACCEPTED))

    assert told("prober_control_results_total", report) == {("forged", "backend", "accepted"): 1}


def test_causes_are_counted_by_confidence():
    """Each named cause counts once a run."""
    found = told("prober_diagnoses_total", p.broken_report())

    assert found == {("validation", "jwt_secret_drift", "high"): 1}


def stalled(result, reason=Reason.OWN_STALL):
    """The result, had we stood still during its look."""
    late = replace(result.observation, stalled_seconds=3.0)
    return replace(result, verdict=Verdict.BLIND, reason=reason, observation=late, outcome=None)


@pytest.mark.parametrize(
    "name",
    [
        "prober_http_responses_total",
        "prober_websocket_handshakes_total",
        "prober_websocket_closes_total",
        "prober_auth_rejections_total",
        "prober_step_failures_total",
    ],
)
@pytest.mark.parametrize("reason", [Reason.OWN_STALL, Reason.OWN_ACCESS])
def test_what_we_came_to_too_late_is_no_answer(name, reason):
    """A 403 or a 1008 that our own standing still brought about, or a platform's in the place, rings nobody's bell."""
    late = [stalled(p.result(p.MESSAGES, b.http(403)), reason), stalled(p.result(p.SOCKET, b.refused_late()), reason)]

    assert {} == told(name, p.build_report(*late))


@pytest.mark.parametrize("timed", TIMINGS, ids=lambda timed: timed.name)
def test_time_in_which_we_stood_still_is_no_measure(timed):
    """Neither of a step nor of its chain nor of a mint, also where the step passed."""
    held = replace(stalled(p.result(p.MINT, b.minted()), Reason.OK), verdict=Verdict.PASS)

    assert [] != list(timed.told(p.build_report(p.result(p.MINT, b.minted()))))
    assert [] == list(timed.told(p.build_report(held)))
