import json
from dataclasses import replace
from datetime import timedelta, timezone

import pytest

from prober.model.alarm import Alarm, AlarmState, Alert, Counts, Evidence, Severity
from prober.model.chain import TcpStep, TlsStep
from prober.model.copies import Copy
from prober.model.diagnosis import Diagnosis, State
from prober.model.observation import CertificateSeen, Sent, TcpSeen, TokenSeen
from prober.model.signal import Reading, Signal
from prober.model.trouble import Phase, Trouble, TroubleKind, Whose
from prober.model.verdict import Outcome, Reason, Verdict
from prober.publish.document import document, line, moment
from tests import builders as b
from tests.publish import builders as p


def only_step(result):
    """The document of a run of one step: that step."""
    return document(p.build_report(result))["steps"][0]


@pytest.mark.parametrize(
    ("name", "report"),
    [("healthy.json", p.build_report()), ("broken.json", p.broken_report())],
    ids=["healthy", "broken"],
)
def test_the_document_reads_as_it_should(golden, name, report):
    """The whole document, key by key: other programs rely on it."""
    written = json.dumps(document(report), indent=2, ensure_ascii=False) + "\n"

    assert written == golden(name, written)


def test_schema_one_keeps_its_keys():
    """Keys may be added, none renamed."""
    found = document(p.broken_report())

    assert found["schema"] == 1
    assert found["run"].keys() >= {"id", "chain", "trigger", "started", "ended", "verdict", "revisions"}
    assert found["steps"][0].keys() >= {
        "name",
        "kind",
        "service",
        "verdict",
        "origin",
        "reason",
        "status",
        "closeCode",
        "stage",
        "durationSeconds",
        "phases",
        "attempts",
        "evidence",
    }
    assert found["matrix"][0].keys() >= {"issuer", "verifier", "outcome"}
    assert found["controls"][0].keys() >= {"name", "verifier", "outcome"}
    assert found["secrets"][0].keys() >= {"name", "left", "right", "match"}
    assert found["diagnosis"].keys() >= {"verdict", "causes", "whys", "ruledOut", "wouldSplit", "masked"}
    assert found["diagnosis"]["causes"][0].keys() >= {"name", "confidence", "explains", "remedy"}
    assert found["diagnosis"]["ruledOut"][0].keys() >= {"name", "by", "text"}
    assert found["diagnosis"].keys() >= {"summary", "failOpen", "wouldSplitText"}
    assert found["window"].keys() >= {"threshold", "ratio", "samples", "lower", "upper"}


def test_what_was_sent_is_told_with_placeholders():
    """Enough to send the same again by hand, and nothing that must not be seen."""
    sent = Sent(method="GET", url="http://backend.test/api", headers={"Authorization": "Bearer {token}"})
    step = only_step(replace(p.result(p.MESSAGES, b.http(200)), observation=b.look(b.http(200), sent=sent)))

    assert step["issuer"] == {"name": "local", "how": "local", "good": True}
    assert step["expected"] == ["the token accepted: 2xx"]
    assert step["evidence"]["sent"] == {
        "method": "GET",
        "url": "http://backend.test/api",
        "headers": {"Authorization": "Bearer {token}"},
        "body": None,
        "subprotocols": [],
        "message": None,
    }


def test_open_doors_are_told_apart_from_all_else():
    """Whoever wants to be woken by them alone finds them in one place."""
    opened = p.result(p.FORGED_SOCKET, b.welcomed(), Verdict.FAIL, reason=Reason.ACCEPTED, outcome=Outcome.ACCEPTED)
    found = document(p.build_report(opened))["diagnosis"]

    assert found["summary"].startswith("Auth is failing OPEN: backend's WebSocket accepts a forged token.")
    assert found["failOpen"] == [
        {
            "control": "forged",
            "service": "backend",
            "step": "websocket-refuses-forged",
            "text": "backend's WebSocket accepts a forged token",
        }
    ]


def test_what_the_diagnosis_names_is_told_in_words_too():
    """Its own names for programs, the same in plain words for people."""
    doubts = Diagnosis(
        state=State.AMBIGUOUS,
        would_split=(Signal("health", ("auth",)),),
        unexplained=(Reading(Signal("health", ("backend",)), "timeout", (), normal=False),),
    )
    found = document(p.build_report(diagnosis=doubts))["diagnosis"]

    assert found["wouldSplit"] == ["health(auth)"]
    assert found["wouldSplitText"] == ["whether auth is well (step auth-health)"]
    assert found["unexplained"] == ["health(backend) = timeout"]
    assert found["unexplainedText"] == ["backend does not answer its health check in time"]


def test_looks_taken_besides_are_marked():
    """Follow-ups among the steps, second looks apart: they change no verdict."""
    report = p.build_report(p.result(replace(p.MESSAGES, is_follow_up=True), b.http(200)))
    found = document(replace(report, run=replace(report.run, second_looks=(p.result(p.SOCKET, b.welcomed()),))))

    assert [step["followUp"] for step in found["steps"]] == [True]
    assert [(look["name"], look["verdict"]) for look in found["run"]["secondLooks"]] == [("websocket", "pass")]


def test_revisions_are_those_services_told():
    """A service that tells none is not in the list."""
    assert document(p.build_report())["run"]["revisions"] == {"auth": "abc1234"}


def test_the_main_window_is_one_hour():
    """Of the windows, the hour is the one to go by."""
    assert document(p.build_report())["window"]["name"] == "1h"


def test_without_windows_the_ratio_is_unknown():
    """No history is not a ratio of zero."""
    found = document(p.build_report(windows=()))["window"]

    assert (found["ratio"], found["samples"], found["threshold"]) == (None, 0, 0.95)


def test_the_longest_window_stands_in():
    """Where there is no hour, the longest window is shown."""
    found = document(p.build_report(windows=p.windows(1, 2)[:1]))["window"]

    assert found["name"] == "5m"


def test_a_step_that_was_not_run_has_no_evidence():
    """Nothing was seen: no duration, no status, no attempt."""
    found = only_step(p.result(p.SOCKET, None, Verdict.SKIP, reason=Reason.NEEDS))

    assert (found["evidence"], found["durationSeconds"], found["attempts"]) == ({}, None, 0)


def test_trouble_is_evidence():
    """What kept us, whose fault, and in which phase."""
    seen = Trouble(TroubleKind.TIMEOUT, Whose.TARGET, "no end within 5 s", Phase.FIRST_BYTE)

    found = only_step(p.result(p.MESSAGES, seen, Verdict.FAIL, reason=Reason.TIMEOUT))

    assert {key: found["evidence"][key] for key in ("trouble", "whose", "phase", "detail")} == {
        "trouble": "timeout",
        "whose": "target",
        "phase": "first_byte",
        "detail": "no end within 5 s",
    }


def test_a_token_shows_its_shape_only():
    """Length, dots, prefix and the names of its claims."""
    found = only_step(p.result(p.MINT, TokenSeen(traits=b.traits(), answer=b.http(200))))["evidence"]

    assert (found["minted"]["length"], found["minted"]["hasBearerPrefix"]) == (373, False)
    assert found["minted"]["claims"] == ["exp", "iat", "sub"]
    assert found["status"] == 200


def test_sockets_and_certificates_are_evidence():
    """A TCP look shows the address, a TLS look the certificate's end."""
    tcp = only_step(p.result(TcpStep(name="tcp", service=b.AUTH), TcpSeen(address="192.0.2.1:443")))
    seen = CertificateSeen(not_after=b.NOON, subject="auth.test", protocol="TLSv1.3")
    tls = only_step(p.result(TlsStep(name="tls", service=b.AUTH), seen))

    assert tcp["evidence"]["address"] == "192.0.2.1:443"
    assert tls["evidence"]["notAfter"] == "2026-09-08T12:00:00.000Z"


def test_moments_are_utc():
    """Whatever zone a time comes in, it goes out in UTC."""
    assert moment(b.NOON.astimezone(timezone(timedelta(hours=2)))) == "2026-09-08T12:00:00.000Z"
    assert moment(None) is None


def test_alarms_are_told_with_their_counts():
    """Whoever is woken reads since when, which episode, and what says so."""
    alarm = Alarm(
        chain="validation",
        alert=Alert.PAGE,
        severity=Severity.PAGE,
        state=AlarmState.FIRING,
        since=b.NOON,
        episode="0123456789abcdef",
        evidence=Evidence(Counts(10, 4), Counts(30, 12), failing=("messages",)),
    )
    (told,) = document(p.build_report(alarms=(alarm,)))["alarms"]

    assert {
        "alert": "success_ratio_low",
        "severity": "page",
        "state": "firing",
        "since": "2026-09-08T12:00:00.000Z",
        "episode": "0123456789abcdef",
        "failingSteps": ["messages"],
        "openDoors": [],
    } == {key: value for key, value in told.items() if key != "counts"}
    assert {"samples": 30, "failures": 12} == told["counts"]["30"]


def test_a_line_of_it_holds_no_command_of_a_pipeline():
    """Azure and older runners of GitHub look for them anywhere in a line; the value stays what it was."""
    told = {"body": "##[error]x ###vso[task.setvariable variable=a]b"}

    assert "##" not in line(told)
    assert json.loads(line(told)) == told


def test_the_versions_of_our_copies_are_told():
    """Of the run, and of each look that took one; never anything of a value."""
    look = b.look(b.http(401), versions={"jwt": "7"}, left_behind={"jwt": "6"})
    told = p.build_report(p.result(p.MESSAGES, None, Verdict.FAIL, observation=look))
    copy = Copy(name="jwt", version="7", previous=("6",), fetched=b.NOON)
    found = document(replace(told, run=replace(told.run, copies=(copy,))))

    said = {
        "name": "jwt",
        "version": "7",
        "latest": None,
        "previous": ["6"],
        "fetched": moment(b.NOON),
        "failing": None,
    }
    assert [said] == found["secretVersions"]
    assert ({"jwt": "7"}, {"jwt": "6"}) == tuple(
        found["steps"][0]["evidence"][name] for name in ("secretVersions", "leftBehind")
    )
