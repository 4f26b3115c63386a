"""Tests of prober/publish/probe_metrics.py."""

import re
import shutil
import subprocess
from dataclasses import replace
from datetime import timedelta

import pytest

from prober.model.chain import TlsStep
from prober.model.observation import CertificateSeen, Sent
from prober.model.trouble import Phase
from prober.model.verdict import Outcome, Reason, Verdict
from prober.publish.document import document
from prober.publish.probe_metrics import render
from tests import builders as b
from tests.publish import builders as p


def told(*results, **more):
    """What /probe answers for these results."""
    body, _ = render(document(p.build_report(*results, **more)), "")
    return body.decode()


def value(text, series):
    """The value of one series; None when it is absent."""
    found = re.search(rf"^{re.escape(series)} (.+)$", text, re.MULTILINE)
    return float(found[1]) if found else None


@pytest.mark.parametrize(
    ("name", "report"),
    [("probe-healthy.txt", p.build_report()), ("probe-broken.txt", p.broken_report())],
    ids=["healthy", "broken"],
)
def test_the_answer_reads_as_it_should(golden, name, report):
    """Line for line."""
    text = render(document(report), "")[0].decode()

    assert text == golden(name, text)


@pytest.mark.prometheus
@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed")
@pytest.mark.parametrize("report", [p.build_report(), p.broken_report()], ids=["healthy", "broken"])
def test_promtool_has_no_complaint(report):
    """Names, types, units and help texts are as Prometheus wants them."""
    done = subprocess.run(
        [shutil.which("promtool"), "check", "metrics"],
        input=render(document(report), "")[0],
        capture_output=True,
        check=False,
        timeout=30,
    )

    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


@pytest.mark.parametrize(
    ("verdict", "success"), [(Verdict.PASS, 1), (Verdict.FAIL, 0), (Verdict.SKIP, None), (Verdict.BLIND, None)]
)
def test_what_is_not_known_has_no_sample(verdict, success):
    """Of a step as of the whole chain: neither good nor bad."""
    text = told(p.result(p.HEALTH, b.http(200)), p.result(p.MESSAGES, b.http(500), verdict))

    assert (value(text, "probe_success"), value(text, 'probe_step_success{step="messages"}')) == (success, success)


STATUS = "probe_http_status_code"


@pytest.mark.parametrize(
    ("results", "status"),
    [
        ([p.result(p.HEALTH, b.http(204)), p.result(p.MESSAGES, b.http(200))], 200),
        ([p.result(p.HEALTH, b.http(503), Verdict.FAIL), p.result(p.MESSAGES, b.http(200))], 503),
        ([p.result(p.HEALTH, b.trouble(), Verdict.FAIL), p.result(p.MESSAGES, b.http(200))], 0),
        ([p.result(p.MESSAGES, b.http(200)), p.result(p.NO_TOKEN, b.http(401))], 200),
        ([p.result(p.MESSAGES, b.http(200)), p.result(p.SOCKET, b.refused_early(403), Verdict.FAIL)], 200),
        ([p.result(p.SOCKET, b.welcomed())], None),
        ([p.result(p.MESSAGES, None, Verdict.SKIP)], None),
    ],
    ids=["last", "failed", "no answer", "control", "handshake", "no http", "not run"],
)
def test_one_step_speaks_for_the_chain(results, status):
    """The first that failed, else the last; never one whose 401 is as it should be, nor a handshake's 101."""
    assert value(told(*results), STATUS) == status


def test_phases_are_those_that_dashboards_know():
    """Ours are finer; they are summed over all HTTP steps, as blackbox_exporter does over redirects."""
    phases = {Phase.RESOLVE: 0.5, Phase.CONNECT: 1.0, Phase.TLS: 2.0, Phase.REQUEST: 4.0, Phase.FIRST_BYTE: 8.0}
    look = b.look(b.http(200), phases=phases | {Phase.TRANSFER: 16.0})
    text = told(*(replace(p.result(step, b.http(200)), observation=look) for step in (p.HEALTH, p.MESSAGES)))
    found = {phase: value(text, f'probe_http_duration_seconds{{phase="{phase}"}}') for phase in ("resolve", "tls")}

    assert found == {"resolve": 1.0, "tls": 4.0}
    assert value(text, 'probe_http_duration_seconds{phase="processing"}') == 24.0
    assert value(text, "probe_dns_lookup_time_seconds") == 1.0


@pytest.mark.parametrize(("scheme", "expected"), [("https", 1), ("http", 0)])
def test_tls_is_told(scheme, expected):
    """Of the step that speaks for the chain."""
    look = b.look(b.http(200), sent=Sent(method="GET", url=f"{scheme}://b.test/", headers={}))

    assert value(told(replace(p.result(p.HEALTH, b.http(200)), observation=look)), "probe_http_ssl") == expected


def test_the_certificate_that_ends_first_counts():
    """In Unix time, as alerts reckon with it."""
    first, last = b.NOON + timedelta(days=3), b.NOON + timedelta(days=9)
    results = [
        p.result(TlsStep(name=f"tls-{at.day}", service=b.AUTH), CertificateSeen(not_after=at, subject="a", protocol=""))
        for at in (last, first)
    ]

    assert value(told(*results), "probe_ssl_earliest_cert_expiry") == first.timestamp()


@pytest.mark.parametrize(
    ("reason", "metric"),
    [(Reason.CONDITION, "probe_failed_due_to_regex"), (Reason.ACCEPTED, "probe_failed_due_to_open_door")],
)
def test_why_it_failed_is_told_where_alerts_ask_for_it(reason, metric):
    """And that it was not that, where it was not."""
    failed = p.result(p.NO_TOKEN, b.http(200), Verdict.FAIL, reason=reason, outcome=Outcome.ACCEPTED)

    assert (value(told(failed), metric), value(told(), metric)) == (1, 0)


def test_no_text_of_a_target_is_among_the_labels():
    """They come from the config, the catalogue of causes and closed sets."""
    report = p.with_detail(p.broken_report(), "CANARY")
    body, _ = render(document(report), "")

    assert b"CANARY" not in body
    assert {"step", "phase", "verdict", "cause", "confidence"} == set(re.findall(r"[{,](\w+)=", body.decode()))


def test_openmetrics_is_answered_where_it_is_asked_for():
    """As Prometheus asks since version 2.5."""
    body, content_type = render(document(p.build_report()), "application/openmetrics-text; version=1.0.0")

    assert content_type.startswith("application/openmetrics-text")
    assert body.endswith(b"# EOF\n")
