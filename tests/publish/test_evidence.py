"""Tests of prober/publish/evidence.py."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from prober.model.observation import Sent
from prober.model.trouble import Phase
from prober.model.verdict import Reason, Verdict
from prober.publish.document import document
from prober.publish.evidence import evidence_document, evidence_of
from prober.publish.evidence_text import evidence_text
from tests import builders as b
from tests.publish import builders as p

SENT = Sent(method="GET", url="http://backend.test/api", headers={"Authorization": "Bearer {token}"})
TRAITS = replace(b.traits(), header={"alg": "HS256"}, payload={"sub": b.SUBJECT, "admin": True, "aud": None})


def a_look(seen=None, **more):
    """The evidence of one look."""
    observation = b.look(seen or b.http(403, headers={"server": "edge"}, body="no"), sent=SENT, token=TRAITS, **more)
    result = p.result(p.MESSAGES, b.http(403), Verdict.FAIL, reason=Reason.REFUSED, detail="403 Forbidden")
    report = p.build_report(replace(result, observation=observation))
    return evidence_of(document(report)).looks[0]


def sections(look):
    """Its lines by title."""
    return {section.title: section.lines for section in look.sections}


def test_a_look_tells_what_was_sent_and_what_came_of_it():
    """Expected against seen, the heads of both, what the token said, and a line to try it."""
    told = sections(a_look())

    assert told["expected"] == ("the token accepted: 2xx",)
    assert told["seen"] == ("403 Forbidden",)
    assert told["sent"] == ("GET http://backend.test/api", "Authorization: Bearer {token}")
    assert told["answered"] == ("HTTP 403 Forbidden", "server: edge", "bodyBytes: 2", "", "no")
    assert told["token, without its signature"] == (
        "issuer local, HS256, 373 characters, 2 dots, lives 330 s",
        "header.alg: HS256",
        f"payload.sub: {b.SUBJECT}",
        "payload.admin: true",
        "payload.aud: null",
    )
    assert told["try it"][0] == "TOKEN=$(prober mint local)"


def test_the_time_line_is_that_of_the_run():
    """Each look by when it began after the run did."""
    look = a_look(began=b.NOON + timedelta(milliseconds=250))

    assert (look.offset_seconds, look.duration_seconds) == (0.25, 0.01)


def test_a_look_that_overlaps_a_stall_says_so():
    """It held all the same; only its time means nothing."""
    told = sections(a_look(phases={Phase.CONNECT: 0.5}, stalled_seconds=0.3))

    assert told["time"] == (
        "connect 500 ms",
        "the prober itself stood still for 0.3 s meanwhile: no measure of the target",
    )
    assert not [line for line in told["answered"] if "stalled" in line]


def test_a_step_that_was_not_run_says_why_and_what_it_would_have_expected():
    """It has no time and no answer."""
    skipped = p.result(p.MESSAGES, None, Verdict.SKIP, reason=Reason.NEEDS, detail="needs mint, which failed")
    look = evidence_of(document(p.build_report(skipped))).looks[0]

    assert look.offset_seconds is None
    assert sections(look) == {"expected": ("the token accepted: 2xx",), "seen": ("needs mint, which failed",)}


def test_what_did_not_hold_comes_first():
    """And within that in the order of the chain."""
    verdicts = [look.verdict for look in evidence_of(document(p.broken_report())).by_interest]

    assert verdicts == ["fail"] * 3 + ["skip"] * 2 + ["pass"] * 2


def test_the_others_are_ruled_out_by_what_was_read():
    """With the steps that show it."""
    (against,) = evidence_of(document(p.broken_report())).why_not

    assert (against.names, against.steps) == (("auth_down",), ("mint",))
    assert against.text == "auth accepts a token that auth minted"


def test_second_looks_are_looks_too():
    """They were taken for the diagnosis alone, and say so."""
    report = p.build_report()
    again = replace(report, run=replace(report.run, second_looks=report.run.results[:1]))

    assert evidence_of(document(again)).looks[-1].taken_as == "second look"


def test_the_json_is_the_same_and_is_json():
    """Every key of ours in camel case; headers and claims as they are."""
    told = json.loads(json.dumps(evidence_document(evidence_of(document(p.broken_report())))))

    assert told["schema"] == 1
    assert told.keys() >= {"runId", "chain", "verdict", "headline", "causes", "whyNot", "looks"}
    assert told["looks"][2].keys() >= {"name", "expected", "seen", "sent", "answer", "token", "tryIt", "phases"}


#: What a document of before this page lacks.
_ADDED = {"issuer", "expected"}


def test_an_older_document_is_read_too():
    """What it lacks is left out."""
    old = document(p.broken_report())
    for step in old["steps"]:
        for key in _ADDED:
            del step[key]
        step["evidence"].pop("sent", None)
        for key in ("header", "payload"):
            step["evidence"].get("token", {}).pop(key, None)

    assert "403 Forbidden" in evidence_text(evidence_of(old))


HOSTILE = "\x1b[31m\u202eevil\u2066\x00\u2028<script>alert(1)</script>"


@pytest.mark.parametrize("where", ["body", "headers", "detail", "claim"])
def test_nothing_a_target_says_moves_a_cursor_or_turns_a_line(where):
    """Whatever was kept, by whatever release: it is mended once more before it is shown."""
    kept = document(p.broken_report())
    step = kept["steps"][2]
    step["evidence"]["body"] = HOSTILE if where == "body" else ""
    step["evidence"]["headers"] = {HOSTILE: HOSTILE} if where == "headers" else {}
    step["detail"] = HOSTILE if where == "detail" else ""
    step["evidence"]["token"]["payload"] = {HOSTILE: HOSTILE} if where == "claim" else {}
    text = evidence_text(evidence_of(kept))

    assert "evil" in text
    assert all(each.isprintable() or each == "\n" for each in text)


def test_what_is_to_be_copied_is_neither_mended_nor_cut():
    """It would send something else."""
    kept = document(p.broken_report())
    body = "a\x1b\n" + "x" * 5000
    sent = {"method": "POST", "url": "http://b.test", "headers": {}, "subprotocols": [], "body": body, "message": None}
    kept["steps"][2]["evidence"]["sent"] = sent
    line = evidence_of(kept).looks[2].try_it[-1]

    assert line.startswith(f"printf 'a\\033\\012{'x' * 5000}' | curl")
    assert line in evidence_text(evidence_of(kept))


def test_a_line_without_end_is_cut():
    """64 KiB in one line help nobody."""
    kept = document(p.broken_report())
    kept["steps"][2]["evidence"]["body"] = "x" * 65536
    text = evidence_text(evidence_of(kept))

    assert "… (65536 characters)" in text
    assert max(map(len, text.splitlines())) < 5000


def test_what_a_target_says_looks_like_no_line_of_ours():
    """A detail of two lines is one."""
    kept = document(p.broken_report())
    kept["steps"][2]["detail"] = "no\n✓ validation passes"

    assert "\n✓ validation passes" not in evidence_text(evidence_of(kept))
