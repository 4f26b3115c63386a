import os
import re
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from prober.config.load import load
from prober.judge.causes import catalogue
from prober.model.alarm import Alerting, Maintenance
from prober.publish.board import Board
from prober.publish.metrics import families
from prober.publish.rules import duration, rules
from tests import builders as b
from tests.publish.builders import CAUSES, DRIFT, build_plan

ROOT = Path(__file__).parents[2]
SHIPPED = ROOT / "deploy/prometheus/rules.yml"

#: The alerts whose names are fixed, and one more.
NAMES = {
    *("ProberSuccessRatioLow", "ProberSuccessRatioDegraded", "ProberAuthFailOpen", "ProberSecretMismatch"),
    *("ProberWebSocketPolicyClose", "ProberForbidden", "ProberRootCause", "ProberPostDeployRegression"),
    *("ProberClockOffset", "ProberCertificateExpiry", "ProberStale", "ProberAbsent", "ProberReloadFailed"),
    *("ProberSlotsMissed", "ProberSelfTestFailed", "ProberStepFailing", "ProberPaused", "ProberShardAbsent"),
}
ALERTING = Alerting(team="auth", runbook_url="https://wiki.example/p", dashboard_url="https://grafana.example/d/p")


def made(plan=None, causes=(DRIFT,)):
    """Every rule of a plan: recorded ones by name and chain, and alerts."""
    text = rules(plan or replace(build_plan(), alerting=ALERTING), causes)
    found = [rule for group in YAML(typ="safe", pure=True).load(text)["groups"] for rule in group["rules"]]
    recorded = {(r["record"], r.get("labels", {}).get("chain", "")): r["expr"] for r in found if "record" in r}
    return recorded, [rule for rule in found if "alert" in rule]


def alert(name, plan=None):
    """The first alert of this name."""
    return next(rule for rule in made(plan)[1] if rule["alert"] == name)


def test_every_alert_of_the_interface_is_there():
    """None is missing, none goes by another name."""
    assert NAMES == {rule["alert"] for rule in made()[1]}


def test_every_alert_tells_who_should_look_and_where():
    """Severity, environment and team; a summary, a description and both links."""
    labels = {frozenset(rule["labels"]) - {"chain", "cause"} for rule in made()[1]}
    annotations = {frozenset(rule["annotations"]) for rule in made()[1]}

    assert {frozenset({"severity", "environment", "team"})} == labels
    assert {frozenset({"summary", "description", "runbook_url", "dashboard_url"})} == annotations


def test_each_alert_has_its_place_in_the_runbook():
    """A link that already names a place is left as it is."""
    elsewhere = replace(build_plan(), alerting=replace(ALERTING, runbook_url="https://wiki.example/p#all"))

    assert "https://wiki.example/p#proberforbidden" == alert("ProberForbidden")["annotations"]["runbook_url"]
    assert "https://wiki.example/p#all" == alert("ProberForbidden", elsewhere)["annotations"]["runbook_url"]


def test_a_folder_of_runbooks_has_a_page_for_each():
    """A cause has its place on the page of causes."""
    folder = replace(build_plan(), alerting=replace(ALERTING, runbook_url="https://git.example/docs/"))

    assert (
        "https://git.example/docs/runbooks/ProberForbidden.md"
        == alert("ProberForbidden", folder)["annotations"]["runbook_url"]
    )
    assert (
        "https://git.example/docs/causes.md#jwt_secret_drift"
        == alert("ProberRootCause", folder)["annotations"]["runbook_url"]
    )


def test_what_is_not_configured_is_not_said():
    """No empty team, no link to nowhere."""
    rule = alert("ProberForbidden", build_plan())

    assert {"severity", "environment", "chain"} == set(rule["labels"])
    assert {"summary", "description"} == set(rule["annotations"])


def test_ratios_are_summed_before_they_are_divided():
    """Over four windows, with blind and partial runs in neither sum, and nothing where nothing was counted."""
    recorded, _ = made()
    ratio = recorded["chain:prober_success:ratio_rate5m", ""]

    assert {f"chain:prober_success:{kind}{window}" for kind in ("ratio_rate", "samples_") for window in WINDOWS} == {
        name for name, chain in recorded if not chain and name.startswith("chain:prober_success")
    }
    assert 2 == ratio.count("sum without") == ratio.count('trigger="schedule"')
    assert 'verdict="pass"' in ratio
    assert 'verdict=~"pass|fail"' in ratio
    assert "> 0" in ratio


WINDOWS = ("5m", "15m", "1h", "6h")


@pytest.mark.parametrize(
    ("interval", "spans", "keep"),
    [
        (30.0, ("5m", "15m", "1h", "6h"), "15m"),
        (5.0, ("50s", "150s", "10m", "1h"), "150s"),
        (600.0, ("100m", "5h", "20h", "5d"), "5h"),
    ],
)
def test_durations_are_turns_of_the_chain(interval, spans, keep):
    """10, 30, 120 and 720 of them, and 30 until an alarm ends."""
    chain = b.chain(*build_plan().chains["validation"].steps, interval_seconds=interval)
    plan = replace(build_plan(), chains={"validation": chain})
    recorded, alerts = made(plan)
    turns = zip((10, 30, 120, 720), spans, strict=True)

    assert all(f"[{span}]" in recorded[f"chain:prober_failures:last{count}", "validation"] for count, span in turns)
    assert keep == next(rule for rule in alerts if rule["alert"] == "ProberSuccessRatioLow")["keep_firing_for"]


def test_an_outage_is_counted_by_the_threshold_of_the_chain():
    """8 of 30 and 2 of 10 at 95 %, 11 and 3 at 90 %."""
    lenient = b.chain(*build_plan().chains["validation"].steps, threshold=0.9)
    exprs = [
        alert("ProberSuccessRatioLow", plan)["expr"]
        for plan in (build_plan(), replace(build_plan(), chains={"validation": lenient}))
    ]

    assert [["8", "2"], ["11", "3"]] == [re.findall(r"last(?:30|10)\{[^}]*\} >= (\d+)", expr)[:2] for expr in exprs]


def test_a_cause_tells_its_remedy():
    """What to do stands in the alert, and where to read more."""
    rule = alert("ProberRootCause")

    assert "jwt_secret_drift" == rule["labels"]["cause"]
    assert "{{ $labels.chain }}: auth and backend hold different signing keys" == rule["annotations"]["summary"]
    assert rule["annotations"]["description"].startswith("(1) Make JWT_SECRET the same version in both services")
    assert rule["annotations"]["description"].endswith("More: prober explain jwt_secret_drift")


def test_every_cause_of_the_catalogue_has_its_alert():
    """One each, with a remedy."""
    told = [rule for rule in made(causes=catalogue())[1] if rule["alert"] == "ProberRootCause"]

    assert [cause.name for cause in catalogue()] == [rule["labels"]["cause"] for rule in told]
    assert all("(1) " in rule["annotations"]["description"] for rule in told)


def test_what_a_cause_says_is_no_template():
    """Two braces in a remedy stay two braces."""
    odd = replace(DRIFT, title="set {{ KEY }}")
    (rule,) = (rule for rule in made(causes=(odd,))[1] if rule["alert"] == "ProberRootCause")

    assert rule["annotations"]["summary"].endswith('set {{ "{{" }} KEY }}')


def test_who_wants_no_page_and_no_ticket_has_no_such_rule():
    """As for the built-in alarms."""
    told = {rule["alert"] for rule in made(replace(build_plan(), alerting=Alerting(page=False, ticket=False)))[1]}

    assert NAMES - told == {"ProberSuccessRatioLow", "ProberSuccessRatioDegraded"}


def test_without_a_grace_no_deploy_holds_anything():
    """Neither recorded nor asked for."""
    plan = replace(build_plan(), alerting=Alerting(deploy_grace_seconds=0))

    assert "deploy" not in alert("ProberSuccessRatioLow", plan)["expr"]
    assert not [name for name, _ in made(plan)[0] if "deploy" in name]


def test_a_maintenance_silences_its_chains_and_waits_for_clean_turns():
    """The page waits for 30 turns after it, the ticket for 120, a cause for none; another chain's is not meant."""
    ends = b.NOON + timedelta(hours=1)
    time = Maintenance(begins=b.NOON, ends=ends, chains=("validation",))
    plan = replace(build_plan("validation", "other"), maintenance=(time,))
    exprs = {(rule["alert"], rule["labels"].get("chain")): rule["expr"] for rule in made(plan)[1]}
    begins, over = f"{b.NOON.timestamp():.0f}", ends.timestamp()

    assert f">= {begins} < {over + 900:.0f})" in exprs["ProberSuccessRatioLow", "validation"]
    assert f">= {begins} < {over + 3600:.0f})" in exprs["ProberSuccessRatioDegraded", "validation"]
    assert f'>= {begins} < {over:.0f}, "chain", "validation"' in exprs["ProberRootCause", None]
    assert begins not in exprs["ProberSuccessRatioLow", "other"]
    assert begins not in exprs["ProberAuthFailOpen", None]


def test_a_maintenance_of_everything_silences_everything():
    """What belongs to no chain, too."""
    plan = replace(build_plan(), maintenance=(Maintenance(begins=b.NOON, ends=b.NOON + timedelta(hours=1)),))

    assert all("unless on ()" in alert(name, plan)["expr"] for name in ("ProberAuthFailOpen", "ProberRootCause"))


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.25, "250ms"), (45, "45s"), (90, "90s"), (900, "15m"), (5400, "90m"), (2592000, "30d")]
)
def test_durations_are_written_as_prometheus_reads_them(seconds, text):
    """In the largest unit that leaves a whole number."""
    assert text == duration(seconds)


# ── what is shipped ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_shipped_rules_are_those_of_the_shipped_config():
    """`prober rules > deploy/prometheus/rules.yml` would change nothing."""
    assert rules(load(ROOT / "probes.yaml", {}), catalogue()) == SHIPPED.read_text(encoding="utf-8")


def test_the_command_prints_them():
    """On standard output, ready to be a file."""
    done = subprocess.run(
        [sys.executable, "-m", "prober", "rules", "--config", str(ROOT / "probes.yaml")],
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=True,
    )

    assert SHIPPED.read_text(encoding="utf-8") == done.stdout


def test_what_rules_take_an_increase_of_is_there_before_it_happens(hostile):
    """Its first increase counts: no series that they ask for comes later, whatever targets answer."""
    recorded, alerts = made(hostile.plan)
    exprs = " ".join([*recorded.values(), *(rule["expr"] for rule in alerts)])
    asked = set(re.findall(r"(?:increase|rate)\((\w+)(?:\{([^}]*)\})?\[", exprs))
    first = Board(hostile.plan, hostile.causes)
    born, later = (set().union(*(_of_rules(board, name, where) for name, where in asked)) for board in (first, hostile))

    assert {"prober_http_responses_total", "prober_websocket_closes_total"} <= {name for name, _ in asked}
    assert later
    assert set() == later - born


def _of_rules(board, name, where):
    """The series of a metric that a selector of a rule finds."""
    wanted = {label: value for label, _, value in re.findall(r'(\w+)(=~?)"([^"]*)"', where)}
    (family,) = (each for each in families(board, "") if each.name == name)
    found = [dict(zip(family.labels, (*first, *rest), strict=True)) for first, rest, _ in family.rows]
    fits = [each for each in found if all(re.fullmatch(value, each[label]) for label, value in wanted.items())]
    return {(name, tuple(each.items())) for each in fits}


def test_series_that_rules_look_at_are_fixed_names():
    """Nothing but names of the interface: what is asked for by another name would never fire."""
    interface = (ROOT / "prober/publish/metrics.py").read_text() + (ROOT / "prober/publish/counted.py").read_text()
    asked = set(re.findall(r"\b(prober_[a-z_]+)\b(?!:)", re.sub(r"chain:prober_\w+:\w+", "", SHIPPED.read_text())))
    later = {"prober_selftest_up", "prober_gate_verdicts_total"}

    assert {name for name in asked if f'"{name}"' not in interface} <= later | set(CAUSES) | {"prober_secret_wrong"} | {
        cause.name for cause in catalogue()
    }
