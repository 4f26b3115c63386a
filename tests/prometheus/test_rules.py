"""The shipped rules as promtool runs them: each alert fires where it should, and is silent where it should not."""

import random
import re
from itertools import islice

import pytest

from prober.publish.rules import rules
from tests.evaluation.weeks import steady
from tests.prometheus.histories import case, promtool, series
from tests.prometheus.programs import DEPLOY, alertmanager, inbox, states_of
from tests.prometheus.test_agreement import one_chain
from tests.prometheus.test_tools import tool

SHIPPED = DEPLOY / "prometheus/rules.yml"
JOB = 'job="prober",instance="a"'
CHAIN = f'{JOB},chain="validation"'
BACKEND = f'{CHAIN},step="messages",service="backend"'

#: The day and the week in minutes.
DAY = 24 * 60

#: Something to scrape in every case, or the prober would be absent.
THERE = {f"prober_build_info{{{JOB}}}": "1x300"}

#: Of each alert: what is scraped every minute, and how many alerts of that name fire at which minute.
CASES = (
    (
        "ProberAuthFailOpen",
        "at once, and until a quarter of an hour after the door was last seen open",
        {f'prober_auth_fail_open{{{JOB},service="backend"}}': "0x3 1x10 0x60"},
        {3: 0, 4: 1, 14: 1, 27: 1, 40: 0},
    ),
    (
        "ProberSecretMismatch",
        "not after one check, and not where nothing could be compared",
        {
            f'prober_secret_match{{{JOB},secret="jwt",left="auth",right="backend"}}': "1 0x20",
            f'prober_secret_match{{{JOB},secret="service",left="auth",right="backend"}}': "1x2 stale",
        },
        {1: 0, 2: 1, 10: 1},
    ),
    (
        "ProberWebSocketPolicyClose",
        "one unexpected 1008, for five minutes; what controls provoke is none",
        {
            f'prober_websocket_closes_total{{{BACKEND},code="1008",initiator="server",expected="false"}}': "0x3 1x40",
            f'prober_websocket_closes_total{{{CHAIN},step="c",service="auth",code="1008",expected="true"}}': "0+3x40",
            f'prober_websocket_closes_total{{{BACKEND},code="1000",initiator="client",expected="false"}}': "0+3x40",
        },
        {3: 0, 4: 1, 12: 0},
    ),
    (
        "ProberForbidden",
        "one unexpected 403, for five minutes; neither what controls provoke nor a 401",
        {
            f'prober_http_responses_total{{{BACKEND},code="403",expected="false"}}': "0x3 1x40",
            f'prober_http_responses_total{{{CHAIN},step="c",service="auth",code="403",expected="true"}}': "0+3x40",
            f'prober_http_responses_total{{{BACKEND},code="401",expected="false"}}': "0+3x40",
        },
        {3: 0, 4: 1, 12: 0},
    ),
    (
        "ProberRootCause",
        "a cause that is named for a minute, each for itself",
        {
            f'prober_diagnosis_active{{{CHAIN},cause="jwt_secret_drift"}}': "0 1x10 0x20",
            f'prober_diagnosis_active{{{CHAIN},cause="auth_down"}}': "0x5 1x3 0x20",
            f'prober_diagnosis_active{{{CHAIN},cause="ws_open_to_anyone"}}': "0x30",
        },
        {1: 0, 2: 1, 8: 2, 20: 0},
    ),
    (
        "ProberStepFailing",
        "what the prober itself found",
        {
            f'prober_alert_state{{{CHAIN},alert="step_failing"}}': "0x3 2x3 0x9",
            f'prober_alert_state{{{CHAIN},alert="success_ratio_low"}}': "2x20",
        },
        {3: 0, 4: 1, 9: 0},
    ),
    (
        "ProberPostDeployRegression",
        "a gate that said fail, for a quarter of an hour; one that passed or could not tell is none",
        {
            f'prober_gate_verdicts_total{{{CHAIN},verdict="fail"}}': "0x3 1x60",
            f'prober_gate_verdicts_total{{{CHAIN},verdict="pass"}}': "0+1x60",
            f'prober_gate_verdicts_total{{{CHAIN},verdict="inconclusive"}}': "0+1x60",
        },
        {3: 0, 4: 1, 30: 0},
    ),
    (
        "ProberClockOffset",
        "six seconds in either direction, for ten minutes; not a second",
        {
            f'prober_clock_offset_seconds{{{JOB},service="auth"}}': "-6x30",
            f'prober_clock_offset_seconds{{{JOB},service="backend"}}': "1x30",
        },
        {9: 0, 11: 1},
    ),
    (
        "ProberCertificateExpiry",
        "two weeks before the end",
        {
            f'prober_tls_certificate_expiry_timestamp_seconds{{{JOB},service="auth"}}': f"{14 * 86400 + 600}x30",
            f'prober_tls_certificate_expiry_timestamp_seconds{{{JOB},service="backend"}}': f"{90 * 86400}x30",
        },
        {9: 0, 11: 1},
    ),
    (
        "ProberStale",
        "90 seconds after the last run of a chain that turns every 30",
        {f"prober_chain_last_run_timestamp_seconds{{{CHAIN}}}": "0+60x10 600x20"},
        {10: 0, 11: 0, 12: 1, 20: 1},
    ),
    (
        "ProberStale",
        "a chain that came due three times and never ran",
        {
            f"prober_slots_expected_total{{{CHAIN}}}": "0+1x20",
            f'prober_slots_expected_total{{{JOB},chain="controls"}}': "0+1x20",
            f'prober_chain_last_run_timestamp_seconds{{{JOB},chain="controls"}}': "0+60x20",
        },
        {2: 0, 3: 1},
    ),
    ("ProberAbsent", "not while there is one", {}, {10: 0}),
    (
        "ProberShardAbsent",
        "when one of three is gone for two minutes; two instances of one shard are one",
        {
            'prober_shards{job="prober",instance="a",service="one",shard="1"}': "3x60",
            'prober_shards{job="prober",instance="b",service="one",shard="1"}': "3x60",
            'prober_shards{job="prober",instance="c",service="two",shard="2"}': "3x60",
            'prober_shards{job="prober",instance="d",service="three",shard="3"}': "3x10 stale",
        },
        {8: 0, 12: 0, 14: 1, 40: 1},
    ),
    (
        "ProberReloadFailed",
        "until a config is taken",
        {f"prober_config_last_reload_successful{{{JOB}}}": "1x3 0x3 1x9"},
        {3: 0, 4: 1, 9: 0},
    ),
    (
        "ProberSlotsMissed",
        "more than a fifth of the last 30 turns; not of a chain that takes them",
        {
            f"prober_slots_expected_total{{{CHAIN}}}": "0+2x60",
            f'prober_slots_missed_total{{{CHAIN},reason="overrun"}}': "0x20 0+1x39",
            f'prober_slots_expected_total{{{JOB},chain="controls"}}': "0+1x60",
            f'prober_slots_missed_total{{{JOB},chain="controls",reason="overrun"}}': "0x60",
        },
        {20: 0, 23: 0, 35: 1},
    ),
    (
        "ProberPaused",
        "half an hour after somebody stopped a service; not for the other, nor once it is lifted",
        {
            f'prober_paused{{{JOB},service="auth"}}': "0x3 1x40 0x9",
            f'prober_paused{{{JOB},service="backend"}}': "0x60",
        },
        {4: 0, 33: 0, 35: 1, 45: 0},
    ),
    (
        "ProberSelfTestFailed",
        "after a minute; a prober that has not tried yet says nothing",
        {f"prober_selftest_up{{{JOB}}}": "_x3 0x9 1x9"},
        {2: 0, 3: 0, 4: 1, 15: 0},
    ),
)


def minutes(told):
    """The same by seconds, as promtool wants it."""
    return {60.0 * minute: count for minute, count in told.items()}


async def test_the_shipped_rules_have_no_flaw():
    """`promtool check rules` with every lint there is."""
    code, said = await tool("promtool", "check", "rules", "--lint=all", "--lint-fatal", str(SHIPPED))

    assert 0 == code, said


@pytest.mark.parametrize(("alert", "when", "fed", "told"), CASES, ids=[f"{c[0]}-{n}" for n, c in enumerate(CASES)])
async def test_each_alert_fires_where_it_should(tmp_path, alert, when, fed, told):
    """And is silent before, after, and beside it."""
    tried = case(when, 60.0, {**THERE, **fed}, {alert: minutes(told)})
    code, said = await promtool(tmp_path, SHIPPED.read_text(encoding="utf-8"), [tried], 60.0)

    assert 0 == code, said


async def test_every_alert_is_tried():
    """Here, or where the built-in alarms are held against the rules."""
    names = set(re.findall(r"alert: (\w+)", SHIPPED.read_text(encoding="utf-8")))

    assert names == {name for name, *_ in CASES} | {"ProberSuccessRatioLow", "ProberSuccessRatioDegraded"}


async def test_a_prober_that_is_gone_or_was_never_there_is_noticed(tmp_path):
    """After two minutes."""
    gone = case("gone", 60.0, {f"prober_build_info{{{JOB}}}": "1x8 stale"}, {"ProberAbsent": minutes({8: 0, 12: 1})})
    never = case("never there", 60.0, {}, {"ProberAbsent": minutes({1: 0, 3: 1})})
    code, said = await promtool(tmp_path, SHIPPED.read_text(encoding="utf-8"), [gone, never], 60.0)

    assert 0 == code, said


async def test_two_probers_share_the_turns_of_a_chain(tmp_path):
    """Each slot is taken by one of them: what they saw is added up, and one alert fires, not two."""
    runs = 'prober_chain_runs_total{job="prober",instance="%s",chain="validation",trigger="schedule",verdict="%s"}'
    fed = {runs % ("a", "pass"): "0+1x60", runs % ("a", "fail"): "0x60"}
    fed |= {runs % ("b", "pass"): "0x60", runs % ("b", "fail"): "0+1x60"}
    tried = case("two", 60.0, {**THERE, **fed}, {"ProberSuccessRatioLow": minutes({11: 0, 12: 1, 30: 1})})
    code, said = await promtool(tmp_path, SHIPPED.read_text(encoding="utf-8"), [tried], 60.0)

    assert 0 == code, said


@pytest.mark.parametrize(
    ("right", "wrong", "alert"),
    [
        ('expected="false"', 'expected="true"', "ProberForbidden"),
        ("prober_secret_match) == 0", "prober_secret_match) == 1", "ProberSecretMismatch"),
        ("for: 1m", "for: 1h", "ProberRootCause"),
        ("> 90", "> 9000", "ProberStale"),
        ("< 1.2096e+06", "< 12", "ProberCertificateExpiry"),
        ("> 0.2", "> 0.9", "ProberSlotsMissed"),
    ],
)
async def test_the_cases_bite(tmp_path, right, wrong, alert):
    """A rule that is changed for the worse fails them."""
    text = SHIPPED.read_text(encoding="utf-8")
    assert right in text
    _, when, fed, told = next(each for each in CASES if each[0] == alert)
    tried = case(when, 60.0, {**THERE, **fed}, {alert: minutes(told)})

    code, _ = await promtool(tmp_path, text.replace(right, wrong), [tried], 60.0)

    assert 0 != code


@pytest.mark.long
async def test_a_week_at_99_percent_is_silent(tmp_path):
    """20,160 turns, of which one in a hundred fails: no page, no ticket."""
    plan = one_chain()
    turns = "".join("F" if failed else "P" for failed in islice(steady(0.99, random.Random(4)), 20_160))
    fired = 'sum(count_over_time(ALERTS{alertname=~"ProberSuccess.+"}[7d])) or vector(0)'
    tried = case("a week", 60.0, series(plan, turns), {})
    tried["interval"] = "30s"
    silent = [{"labels": "{}", "value": 0}]
    tried["promql_expr_test"] = [{"expr": fired, "eval_time": f"{7 * DAY}m", "exp_samples": silent}]

    code, said = await promtool(tmp_path, rules(plan, ()), [tried], 60.0)

    assert 0 == code, said[:3000]


async def test_a_prober_that_fails_its_own_test_silences_the_rest(tmp_path):
    """Alertmanager holds back what such a prober says of the services; not what is said of another environment."""
    told = [
        {"labels": {"alertname": name, "environment": environment, "severity": "page"}}
        for name, environment in (
            ("ProberSelfTestFailed", "staging"),
            ("ProberSuccessRatioLow", "staging"),
            ("ProberAuthFailOpen", "other"),
        )
    ]
    wanted = {
        "ProberSelfTestFailed": "active",
        "ProberSuccessRatioLow": "suppressed",
        "ProberAuthFailOpen": "active",
    }
    with inbox() as box:
        async with alertmanager(tmp_path, box.url) as address:
            assert wanted == await states_of(address, told, wanted)
