"""Tests of prober/publish/baseline.py."""

from datetime import timedelta

import pytest

from prober.model.errors import BaselineUnreadable
from prober.model.facts import Facts
from prober.model.gate import Aims, Because
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


def found(reports, revision="b2", began=b.NOON):
    """What they say held before what answers now."""
    return baseline.of_reports(reports, a_round("+", 0, revision=revision), began, Aims())


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
    reports = [*kept("--", "b2"), *kept("++", "b1")]

    assert not found(reports, "b2").failing
    assert found(reports, "b2").instances["backend"].revision == "b1"


def test_without_another_revision_it_is_what_ran_before_the_gate():
    """Not the gate's own rounds."""
    reports = kept("--++")

    assert found(reports, "b1", began=b.NOON - 2.5 * MINUTE).failing is False
    assert found([], "b1") is None


def test_a_baseline_is_read_as_it_was_written(tmp_path):
    """Of each chain."""
    path, gate = tmp_path / "before.json", build_gate("--", Because.SAME_STEP)
    baseline.save(path, [gate])

    assert baseline.read(path) == {"validation": baseline.of_gate(gate)}
    assert baseline.of_gate(gate).failing is True
    assert baseline.of_gate(build_gate("bbb", Because.BLIND)).failing is None


@pytest.mark.parametrize(
    "content", ["", "[]", "{}", '{"baselines": {"a": {}}}', '{"baselines": 3}', "\0", "[" * 100_000]
)
def test_what_is_no_baseline_is_refused(tmp_path, content):
    """With how one is made."""
    path = tmp_path / "before.json"
    path.write_text(content)
    with pytest.raises(BaselineUnreadable, match="--save-baseline"):
        baseline.read(path)


def test_a_file_that_is_not_there_is_refused(tmp_path):
    """With the reason the system gives."""
    with pytest.raises(BaselineUnreadable, match="No such file"):
        baseline.read(tmp_path / "nowhere.json")
