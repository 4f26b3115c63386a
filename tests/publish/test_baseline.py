"""Tests of prober/publish/baseline.py."""

import json
from datetime import timedelta

import pytest

from prober.model.aims import Aims
from prober.model.errors import BaselineUnreadable
from prober.model.facts import Facts
from prober.model.gate import Because
from prober.publish import baseline
from prober.publish.document import document
from tests import builders as b
from tests.judge.gates import a_round
from tests.publish import builders as p
from tests.publish.gates import build_gate

MINUTE = timedelta(minutes=1)


def kept(letters, revision="b1"):
    """Reports of before noon, a minute apart, the newest first, as they are kept."""
    build = {"+": p.build_report, "-": p.broken_report}
    facts = (Facts(service="backend", revision=revision, uptime_seconds=60.0),)
    ends = [b.NOON - (number + 1) * MINUTE for number in range(len(letters))]
    return [
        document(build[letter](began=end, ended=end, facts=facts)) for letter, end in zip(letters, ends, strict=True)
    ]


def found(reports, revision=("b2",), began=b.NOON):
    """What they say held before what answers now."""
    return baseline.of_reports(reports, [a_round("+", 0, revision=each) for each in revision], began, Aims())


@pytest.mark.parametrize(
    ("letters", "failing"),
    [("++++", False), ("----", True), ("+++-+++++", False), ("+-+-++", True), ("-+++++++++", False)],
)
def test_whether_it_failed_before(letters, failing):
    """More often than a good service does: one run of many is no failing service."""
    assert found(kept(letters)).failing is failing


def test_what_failed_before_is_known_by_name():
    """Cause and steps of the newest that failed; nothing where all was well."""
    failed, held = found(kept("-+-")), found(kept("+++"))

    assert (failed.causes, "messages" in failed.failed) == (("jwt_secret_drift",), True)
    assert (held.causes, held.failed, held.runs) == ((), (), 3)
    assert held.at == b.NOON - MINUTE


def test_only_what_answered_before_counts():
    """Runs that the new revision answered are not «before», though they are older than the gate."""
    reports = [*kept("--", "b2"), *kept("+++", "b1")]

    assert not found(reports).failing
    assert found(reports).instances["backend"].revision == "b1"


def test_where_two_answer_now_neither_was_before():
    """Whichever of them answered last."""
    assert found([*kept("---", "b2"), *kept("+++", "b1")], ("b2", "b1")) is None


def test_without_another_revision_nothing_is_known_of_before():
    """What ran between a deploy and its gate is not «before»; nor is a gate's round, nor a run or two."""
    assert found(kept("--++"), ("b1",)) is None
    assert found(kept("++")) is None
    assert found([]) is None
    assert found(kept("++++"), began=b.NOON - 3.5 * MINUTE) is None
    assert found([{**each, "run": {**each["run"], "trigger": "burst"}} for each in kept("++++")]) is None


def test_a_baseline_is_read_as_it_was_written(tmp_path):
    """Of each chain."""
    path, gate = tmp_path / "before.json", build_gate("--", Because.SAME_STEP)
    baseline.save(path, "staging", [gate])

    assert baseline.read(path, "staging", ["validation"]) == {"validation": baseline.of_gate(gate)}
    assert baseline.of_gate(gate).failing is True
    assert baseline.of_gate(build_gate("bbb", Because.BLIND)).failing is None


GOOD = {"at": "2026-01-01T00:00:00Z", "failing": False, "causes": [], "failed": [], "runs": 20, "instances": {}}


def written(path, schema=1, **more):
    """A file that says this of a chain."""
    told = {"schema": schema, "environment": "staging", "baselines": {"validation": {**GOOD, **more}}}
    path.write_text(json.dumps(told))
    return path


def test_a_file_made_by_hand_is_read(tmp_path):
    """The tests below change one thing each."""
    assert not baseline.read(written(tmp_path / "b.json"), "staging", ["validation"])["validation"].failing


@pytest.mark.parametrize(
    "more",
    [
        {"failing": "no"},
        {"failing": []},
        {"causes": "abc"},
        {"causes": [1]},
        {"at": "2026-01-01T00:00:00"},
        {"at": "2999-01-01T00:00:00Z"},
        {"runs": "x"},
        {"instances": {"a": 3}},
        {"instances": {"a": {"revision": 4, "uptimeSeconds": None}}},
        {"schema": 99},
    ],
)
def test_wrong_values_are_refused(tmp_path, more):
    """Before anything is looked at, not after."""
    with pytest.raises(BaselineUnreadable, match="was not written by"):
        baseline.read(written(tmp_path / "b.json", **more), "staging", ["validation"])


@pytest.mark.parametrize(
    "content", ["", "[]", "{}", '{"baselines": {"a": {}}}', '{"baselines": 3}', "\0", "[" * 100_000]
)
def test_what_is_no_baseline_is_refused(tmp_path, content):
    """With how one is made."""
    path = tmp_path / "before.json"
    path.write_text(content)
    with pytest.raises(BaselineUnreadable, match="--save-baseline"):
        baseline.read(path, "staging", [])


def test_a_file_that_is_not_there_is_refused(tmp_path):
    """With the reason the system gives."""
    with pytest.raises(BaselineUnreadable, match="No such file"):
        baseline.read(tmp_path / "nowhere.json", "staging", [])


def test_the_baseline_of_another_environment_or_chain_is_refused(tmp_path):
    """Silence would read as «nobody looked before»."""
    path = written(tmp_path / "b.json")
    with pytest.raises(BaselineUnreadable, match="it is of environment 'staging', and this is 'production'"):
        baseline.read(path, "production", ["validation"])
    with pytest.raises(BaselineUnreadable, match="it says nothing of controls; of chains it holds: validation"):
        baseline.read(path, "staging", ["controls"])
