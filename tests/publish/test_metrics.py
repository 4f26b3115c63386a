import re
import shutil
import subprocess
from dataclasses import replace
from datetime import timedelta

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from prober.model.alarm import Alarm, AlarmState, Alert, Severity
from prober.model.notice import Receiver
from prober.model.report import Facts
from prober.model.selftest import SelfTest
from prober.publish import metrics
from prober.publish.board import Board
from prober.publish.metrics import render, rendered
from scripts.pages import cardinality
from tests import builders as b
from tests.publish import builders as p

CANARY = "eyJhbGciOiJIUzI1NiJ9.canary"


async def page(*reports, accept="", alarms=()):
    """The metrics page after these reports."""
    board = Board(p.build_plan(), p.CAUSES, lambda: b.NOON, lambda _chain: alarms)
    for report in reports:
        await board.write(report)
    body, _ = render(board, accept, revision="abc1234")
    return body.decode()


def value(text, series):
    """The value of one series on a page; None when it is absent."""
    found = re.search(rf"^{re.escape(series)} (.+)$", text, re.MULTILINE)
    return float(found[1]) if found else None


async def test_the_page_reads_as_it_should(golden, monkeypatch):
    """After a good and a bad run, line for line; counters at zero are left out here for the reader's sake."""
    monkeypatch.setattr(metrics, "our_version", lambda: "0.1.0")
    monkeypatch.setattr(metrics, "python_version", lambda: "3.11.0")
    text = await page(p.build_report(id="run-1"), p.broken_report(id="run-2"))
    shown = "".join(line for line in text.splitlines(keepends=True) if not line.endswith(" 0.0\n"))

    assert shown == golden("metrics.txt", shown)


@pytest.mark.prometheus
@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed")
async def test_promtool_has_no_complaint():
    """Names, types, units and help texts are as Prometheus wants them."""
    text = await page(p.build_report(), p.broken_report())

    done = subprocess.run(  # noqa: ASYNC221 - it takes milliseconds
        ["promtool", "check", "metrics"],  # noqa: S607
        input=text,
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


async def test_openmetrics_carries_run_ids_as_exemplars():
    """Where a run can be named without making a label of it."""
    text = await page(p.build_report(id="run-7"), accept="application/openmetrics-text; version=1.0.0")

    assert '# {run_id="run-7"} 0.01' in text
    assert list(text_string_to_metric_families(text))


async def test_there_are_no_created_series():
    """`_created` would double every counter, and promtool complains of it."""
    assert "_created" not in await page(p.build_report())


async def test_a_page_exists_before_the_first_run():
    """Counters are there at zero; what is not known is absent."""
    text = await page()

    assert value(text, 'prober_chain_runs_total{chain="validation",trigger="schedule",verdict="fail"}') == 0
    assert value(text, 'prober_diagnosis_active{cause="jwt_secret_drift",chain="validation"}') == 0
    assert "prober_auth_fail_open{" not in text
    assert value(text, 'prober_chain_up{chain="validation"}') is None
    assert "prober_secret_match{" not in text
    assert "prober_success_ratio{" not in text


def test_the_loops_lag_is_told_by_who_watches_it():
    """Absent where nobody does, for nought would be a claim."""
    board = Board(p.build_plan(), p.CAUSES)
    before = render(board, "")[0].decode()
    board.lagged(0.75)
    after = render(board, "")[0].decode()

    assert (None, 0.75) == tuple(value(text, "prober_event_loop_lag_seconds") for text in (before, after))


def test_the_self_test_is_told_once_there_was_one():
    """1 or 0; absent before."""
    board, told = Board(p.build_plan(), p.CAUSES), []
    for complaints in (None, (), ("a complaint",)):
        if complaints is not None:
            board.examined(SelfTest(at=b.NOON, seconds=0.1, complaints=complaints))
        told.append(value(render(board, "")[0].decode(), "prober_selftest_up"))

    assert [None, 1, 0] == told


async def test_a_ratio_without_samples_is_absent():
    """No samples: the count says zero, the ratio says nothing."""
    text = await page(p.build_report(windows=p.windows(0, 0), step_windows={}))

    assert value(text, 'prober_success_samples{chain="validation",step="_chain",window="5m"}') == 0
    assert "prober_success_ratio{" not in text


async def test_chain_and_step_ratios_stand_side_by_side():
    """The whole chain is step `_chain`, a name no step can have."""
    text = await page(p.build_report())

    assert value(text, 'prober_success_ratio{chain="validation",step="_chain",window="1h"}') == 39 / 40
    assert value(text, 'prober_success_ratio{chain="validation",step="messages",window="1h"}') == 1.0


async def test_nothing_a_target_says_becomes_a_label():
    """No hostile text, token or URL gets onto the page, except as a revision, whose shape is checked."""
    facts = (Facts(service="auth", revision=f'"}} 1\n{CANARY}', version=CANARY),)
    report = p.build_report(id=CANARY, reason=CANARY, revision=CANARY, facts=facts)
    text = await page(p.with_detail(report, CANARY))

    assert CANARY not in text
    assert value(text, 'prober_service_revision_info{revision="other",service="auth"}') == 1


def series_of(board):
    """Name and labels of each."""
    lines = b"".join(rendered(board, "")[0]).decode().splitlines()
    return {line.rpartition(" ")[0] for line in lines if not line.startswith("#")}


def test_no_target_makes_a_series_that_was_not_foreseen(hostile):
    """Each metric has as many as docs/reference/metrics.md says, or fewer, and of closed sets nothing else."""
    found = [
        (each.name, cardinality.lines(each), cardinality.most(each, hostile.plan))
        for each in metrics.families(hostile, "")
    ]

    assert [] == [each for each in found if each[1] > each[2]]
    assert set() == set().union(*map(_unforeseen, metrics.families(hostile, "")))
    assert 20 < min(now for name, now, _ in found if name in ("prober_http_responses_total", "prober_diagnoses_total"))


def _unforeseen(family):
    """Label values that are not of their closed set."""
    rows = [(*first, *rest) for first, rest, _ in (*family.rows, *family.timings)]
    of_labels = zip(family.labels, zip(*rows, strict=True), strict=True) if rows else ()
    sets = [(values, cardinality.closed(family.name, label)) for label, values in of_labels]
    return {value for values, closed in sets if closed is not None for value in values if value not in set(closed)}


def test_the_same_config_read_again_changes_no_series(hostile):
    """Also after whatever was seen, and however often."""
    before = series_of(hostile)
    again = hostile.snapshot()
    again.adopt(p.build_plan())

    assert before == series_of(again)


async def test_a_service_tells_of_itself():
    """Revision, clock and certificate, as last told."""
    facts = (Facts(service="auth", revision="r1", clock_offset_seconds=-2.0, certificate_not_after=b.NOON),)
    text = await page(p.build_report(facts=facts))

    assert value(text, 'prober_service_revision_info{revision="r1",service="auth"}') == 1
    assert value(text, 'prober_clock_offset_seconds{service="auth"}') == -2
    assert value(text, 'prober_tls_certificate_expiry_timestamp_seconds{service="auth"}') == b.NOON.timestamp()


@pytest.mark.parametrize(
    ("state", "shown"),
    [
        (AlarmState.GOOD, 0),
        (AlarmState.RESOLVED, 0),
        (AlarmState.PENDING, 1),
        (AlarmState.FIRING, 2),
        (AlarmState.INSUFFICIENT, None),
    ],
)
async def test_an_alarm_shows_how_it_stands(state, shown):
    """Whatever reports there were; where samples are too few it shows nothing."""
    alarm = Alarm(chain="validation", alert=Alert.PAGE, severity=Severity.PAGE, state=state)
    text = await page(alarms=(alarm,))

    assert shown == value(text, 'prober_alert_state{alert="success_ratio_low",chain="validation"}')


def test_whoever_is_told_is_counted_by_name():
    """From zero, and by nothing but the name in the config: no address."""
    plan = replace(p.build_plan(), receivers={"ops": Receiver(name="ops", url="env:OPS")})
    page = render(Board(plan, causes=p.CAUSES), "")[0].decode()

    for outcome in ("taken", "failed", "given_up"):
        assert 0 == value(page, f'prober_notifications_total{{name="ops",outcome="{outcome}"}}')


def test_an_uninstalled_copy_has_no_version(monkeypatch):
    """Run from a bare checkout, the version is unknown rather than wrong."""

    def missing(_name):
        raise metrics.PackageNotFoundError

    monkeypatch.setattr(metrics, "version", missing)

    assert metrics.our_version() == "unknown"


async def test_a_ratio_that_is_stale_is_absent():
    """A window of five minutes that ended an hour ago is no window of five minutes."""
    told = []
    for seconds in (60, 3600):
        board = Board(p.build_plan(), p.CAUSES, lambda seconds=seconds: b.NOON + timedelta(seconds=seconds))
        await board.write(p.build_report())
        text = render(board, "")[0].decode()
        told.append("prober_success_ratio{" in text or "prober_success_samples{" in text)

    assert [True, False] == told
